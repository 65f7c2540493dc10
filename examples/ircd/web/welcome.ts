/** The form to come in by: a name and a channel, both remembered. `/#channel` at the end of the page's address names a channel too. */
import { element } from './dom.ts';
import { recall, remember } from './storage.ts';

export class Welcome {
  readonly #nick = element<HTMLInputElement>('nick');
  readonly #channel = element<HTMLInputElement>('channel');
  readonly #button = element<HTMLButtonElement>('join-button');

  constructor(onEnter: (nick: string, channel: string) => void) {
    this.#nick.value = recall('nick') ?? `guest${Math.floor(Math.random() * 9_000 + 1_000)}`;
    this.#channel.value = location.hash.length > 1 ? decodeHash() : (recall('channel') ?? '#lobby');
    element('join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const nick = this.#nick.value.trim();
      const channel = this.#channel.value.trim().replace(/^(?!#)/, '#');
      remember('nick', nick);
      remember('channel', channel);
      this.#setBusy(true);
      element('join-error').textContent = '';
      onEnter(nick, channel);
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

  /** Says why it did not work; the person may try again. */
  refuse(reason: string): void {
    this.#setBusy(false);
    element('join-error').textContent = reason;
    this.#nick.focus();
  }

  #setBusy(isBusy: boolean): void {
    this.#button.disabled = isBusy;
    this.#button.textContent = isBusy ? 'Connecting…' : 'Join';
  }
}

function decodeHash(): string {
  try {
    return decodeURIComponent(location.hash);
  } catch {
    return location.hash;
  }
}
