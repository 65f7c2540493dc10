/** Where the connection stands, for everybody to see: a word in the heading, and a banner for as long as there is no connection. */
import type { ConnectionStatus } from './connection.ts';
import { element } from './dom.ts';

const WORDS: Readonly<Record<ConnectionStatus['state'], string>> = {
  connecting: 'Connecting',
  online: 'Connected',
  waiting: 'Reconnecting',
  offline: 'Disconnected',
};

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
    element('banner').hidden = status.state === 'online';
    element('banner').dataset['state'] = status.state;
    element('retry').hidden = status.state === 'connecting';
    element('retry').textContent = status.state === 'offline' ? 'Connect again' : 'Try now';
    element('banner-reason').textContent =
      status.state === 'connecting' ? 'Connecting…' : 'reason' in status ? status.reason : '';
    element('countdown').textContent = '';
    if (status.state !== 'waiting') return;
    const tick = (): void => {
      const seconds = Math.max(0, Math.ceil((status.retryAt - Date.now()) / 1_000));
      element('countdown').textContent = `Next try in ${seconds} s`;
    };
    tick();
    this.#ticker = setInterval(tick, 1_000);
  }
}
