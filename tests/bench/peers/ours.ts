/** This library's server, for both of its faces. */
import type { AddressInfo } from 'node:net';
import type { WebSocketHook } from 'ircd-websocket';
import type { Certificate } from './peer.ts';

/** Listens on a free port of the loopback, as a server author would; resolves with the port. */
export function listenWith(
  hook: Pick<WebSocketHook, 'createListener'>,
  certificate?: Certificate,
  { http2 = false } = {},
): Promise<number> {
  return new Promise((resolve) => {
    const server =
      certificate === undefined
        ? hook.createListener()
        : hook.createListener(http2 ? { tls: certificate, http2 } : { tls: certificate });
    server.listen(0, '127.0.0.1', 4_096, () => resolve((server.address() as AddressInfo).port));
  });
}
