/**
 * One connection to one IRC server: TCP, TLS or a Unix domain socket.
 *
 * In: a server. Out: a connected socket, or why there is none. It does not know WebSockets, WEBIRC, or other servers.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { SharedReader } from './shared-reader.ts';
import type { ReadyUpstream } from './upstream.ts';

/** Thrown where an IRC server answered by TLS and did not prove who it is. */
export class UntrustedError extends Error {}

/** Milliseconds of silence after which the kernel asks whether the server's machine is still there. */
const KEEP_ALIVE = 60_000;

/**
 * Connects to a server.
 *
 * @param timeout milliseconds for all of it
 * @param reader reads the socket, where it is not TLS; the socket then has no 'data' events
 * @throws the system's error, {@link UntrustedError}, or the signal's reason when it aborts
 */
export function connectTo(
  upstream: ReadyUpstream,
  timeout: number,
  signal: AbortSignal,
  reader: SharedReader | null = null,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const socket = open(upstream, reader);
    const give = (error: Error): void => {
      settle();
      socket.destroy();
      // Node tells it here before it destroys the socket for it.
      const reason = (socket as Partial<TLSSocket>).authorizationError;
      reject(reason ? new UntrustedError(`has no trusted certificate: ${error.message}`, { cause: error }) : error);
    };
    const abort = (): void => give(signal.reason as Error);
    const timer = setTimeout(() => give(new Error(`did not answer within ${timeout} ms`)), timeout);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.removeListener('error', give);
      // A socket that was given up may still fail.
      socket.on('error', () => {});
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', give);
    socket.once(upstream.tls === null ? 'connect' : 'secureConnect', () => {
      settle();
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE);
      resolve(socket);
    });
  });
}

function open(
  { options: { host = '', port = 0, path, family, localAddress }, tls }: ReadyUpstream,
  reader: SharedReader | null,
): Socket {
  const target =
    path === undefined
      ? {
          host,
          port,
          ...(family === undefined ? {} : { family }),
          ...(localAddress === undefined ? {} : { localAddress }),
        }
      : { path };
  if (tls === null) {
    const socket = connectTcp(reader === null ? target : { ...target, onread: reader.onread });
    reader?.bind(socket);
    return socket;
  }
  return connectTls({ ...target, ...(path === undefined && isIP(host) === 0 ? { servername: host } : {}), ...tls });
}
