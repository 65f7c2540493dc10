/**
 * Notifications of the system, for messages to us while the page is not looked at.
 *
 * In: a message to us. Out: a notification, if the person allowed them. The page asks for the permission when the person comes
 * back to a message that they missed, and at no other time: then they know what the question is about.
 */
import type { Entry } from './conversation.ts';
import { element } from './dom.ts';
import { plainText } from './mirc.ts';
import { recall, remember } from './storage.ts';

const MAX_TEXT = 200;

export class Notifications {
  readonly #onOpen: (conversation: string) => void;
  #hasMissed = false;

  constructor(onOpen: (conversation: string) => void) {
    this.#onOpen = onOpen;
    element('notify-yes').addEventListener('click', async () => {
      element('notify').hidden = true;
      await Notification.requestPermission();
    });
    element('notify-no').addEventListener('click', () => {
      element('notify').hidden = true;
      remember('notify', 'no');
    });
    addEventListener('focus', () => this.#offer());
    document.addEventListener('visibilitychange', () => this.#offer());
  }

  /** @param conversation whose entry it is, by name */
  tell(conversation: string, entry: Entry): void {
    if (document.hasFocus() && !document.hidden) return;
    this.#hasMissed = true;
    if (!isPossible() || Notification.permission !== 'granted') return;
    const title = conversation.startsWith('#') ? `${entry.from} in ${conversation}` : entry.from;
    try {
      const shown = new Notification(title, {
        body: plainText(entry.text).slice(0, MAX_TEXT),
        icon: '/icon.svg',
        // A second one of the same conversation takes the place of the first.
        tag: conversation,
      });
      shown.addEventListener('click', () => {
        window.focus();
        this.#onOpen(conversation);
        shown.close();
      });
    } catch {
      // Chromium on Android has the class, and throws: only a service worker may notify there.
    }
  }

  #offer(): void {
    if (document.hidden || !this.#hasMissed) return;
    this.#hasMissed = false;
    if (isPossible() && Notification.permission === 'default' && recall('notify') !== 'no') element('notify').hidden = false;
  }
}

/** Browsers have notifications on `https:` and on this machine alone. */
function isPossible(): boolean {
  return 'Notification' in globalThis && isSecureContext;
}
