/** This library's server, for both of its faces. */
import type { AddressInfo } from 'node:net';
import { createWebSocketHook, type IrcSocket } from 'ircd-websocket';

/** Listens on a free port of the loopback, as a server author would; resolves with the port. */
export function listenWithHook(onConnection: (socket: IrcSocket) => void): Promise<number> {
  const hook = createWebSocketHook({ origins: ['http://bench.example'], onConnection });
  return new Promise((resolve) => {
    const server = hook.createListener();
    server.listen(0, '127.0.0.1', 4_096, () => resolve((server.address() as AddressInfo).port));
  });
}
