/**
 * The form on the first page: a name and a channel, both remembered. `/#channel` at the end of the page's address names a channel
 * too.
 *
 * The page does not store passwords. The browser may, if the person wants that.
 */
import { element, setText } from './dom.ts';
import type { Identity } from './registration.ts';
import { recall, remember } from './storage.ts';

export class Welcome {
  readonly #nick = element<HTMLInputElement>('nick');
  readonly #channel = element<HTMLInputElement>('channel');
  readonly #button = element<HTMLButtonElement>('join-button');

  constructor(onEnter: (identity: Identity, channel: string) => void) {
    this.#nick.value = recall('nick') ?? `guest${Math.floor(Math.random() * 9_000 + 1_000)}`;
    this.#channel.value = location.hash.length > 1 ? decodeHash() : (recall('channel') ?? '#lobby');
    element<HTMLInputElement>('account').value = recall('account') ?? '';
    element('join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const nick = this.#nick.value.trim();
      const channel = this.#channel.value.trim().replace(/^(?!#)/, '#');
      const account = element<HTMLInputElement>('account').value.trim();
      remember('nick', nick);
      remember('channel', channel);
      remember('account', account);
      this.#setBusy(true);
      setText(element('join-error'), '');
      const password = element<HTMLInputElement>('password').value;
      onEnter(
        {
          nick,
          serverPassword: element<HTMLInputElement>('server-password').value,
          // The account is called like the person, where they say nothing else.
          account: password === '' ? null : { name: account || nick, password },
        },
        channel,
      );
    });
    this.#nick.focus();
    this.#nick.select();
  }

  get isShown(): boolean {
    return !element('welcome').hidden;
  }

  hide(): void {
    element('welcome').hidden = true;
    element('chat').hidden = false;
  }

  /** Shows why the connection failed. The person may try again. */
  refuse(reason: string): void {
    this.#setBusy(false);
    setText(element('join-error'), reason);
    const isAboutPassword = /password|log/i.test(reason);
    if (isAboutPassword) element<HTMLDetailsElement>('login').open = true;
    else this.#nick.focus();
  }

  #setBusy(isBusy: boolean): void {
    this.#button.disabled = isBusy;
    setText(this.#button, isBusy ? 'Connecting…' : 'Join');
  }
}

function decodeHash(): string {
  try {
    return decodeURIComponent(location.hash);
  } catch {
    return location.hash;
  }
}
