/** This library's server, for both of its faces. */
import type { AddressInfo } from 'node:net';
import type { WebSocketHook } from 'ircd-websocket';

/** Listens on a free port of the loopback, as a server author would; resolves with the port. */
export function listenWith(hook: Pick<WebSocketHook, 'createListener'>): Promise<number> {
  return new Promise((resolve) => {
    const server = hook.createListener();
    server.listen(0, '127.0.0.1', 4_096, () => resolve((server.address() as AddressInfo).port));
  });
}
