/**
 * The state of the connection: a word in the heading, and a banner while there is no connection.
 *
 * A short suspension gets the word alone: nothing is lost, and the person has nothing to do.
 */
import type { ConnectionStatus } from './connection.ts';
import { element } from './dom.ts';

const WORDS: Readonly<Record<ConnectionStatus['state'], string>> = {
  connecting: 'Connecting',
  online: 'Connected',
  suspended: 'Reconnecting…',
  waiting: 'Reconnecting',
  offline: 'Disconnected',
};

/** Milliseconds after which a suspension gets the banner too. */
const PATIENCE = 2_000;

export class StatusView {
  #ticker = 0;

  constructor(onRetry: () => void) {
    element('retry').addEventListener('click', onRetry);
  }

  show(status: ConnectionStatus): void {
    clearInterval(this.#ticker);
    const label = element('status');
    label.textContent = WORDS[status.state];
    label.dataset['state'] = status.state;
    element('banner').dataset['state'] = status.state;
    element('retry').hidden = status.state === 'connecting' || status.state === 'suspended';
    element('retry').textContent = status.state === 'offline' ? 'Connect again' : 'Try now';
    element('banner-reason').textContent = reasonOf(status);
    element('countdown').textContent =
      status.state === 'suspended' ? 'You are still in your channels. What you say now is sent when the network is back.' : '';
    element('banner').hidden = status.state === 'online' || status.state === 'suspended';
    if (status.state === 'suspended') this.#announceLater();
    if (status.state !== 'waiting') return;
    const tick = (): void => {
      const seconds = Math.max(0, Math.ceil((status.retryAt - Date.now()) / 1_000));
      element('countdown').textContent = `Next try in ${seconds} s`;
    };
    tick();
    this.#ticker = setInterval(tick, 1_000);
  }

  /** A longer suspension gets the banner, with a sentence. */
  #announceLater(): void {
    this.#ticker = setTimeout(() => {
      element('banner').hidden = false;
    }, PATIENCE);
  }
}

function reasonOf(status: ConnectionStatus): string {
  switch (status.state) {
    case 'connecting':
      return 'Connecting…';
    case 'suspended':
      return 'Reconnecting…';
    case 'online':
      return '';
    default:
      return status.reason;
  }
}
