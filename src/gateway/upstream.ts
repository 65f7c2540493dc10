/**
 * The way to an IRC server: TCP or TLS, one after the other until one answers.
 *
 * In: servers. Out: a connected socket, or why there is none. It does not know WebSockets or WEBIRC.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls';
import { ConfigError } from '../errors.ts';

/** An IRC server that clients are taken to. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
  /** TLS, with the certificate verified unless you say otherwise; `true` for the defaults. @defaultValue `false` */
  readonly tls?: boolean | ConnectionOptions;
  /** How the gateway proves itself; without it the server sees the gateway's own address for everybody. */
  readonly webirc?: { readonly password: string; readonly gateway: string };
}

/**
 * Checks servers, and reads their certificates once: for each client anew it would take milliseconds.
 *
 * @throws ConfigError for a server that cannot be one
 */
export function prepareUpstreams(upstreams: readonly Upstream[]): readonly Upstream[] {
  if (upstreams.length === 0) throw new ConfigError({ tag: 'upstream' }, 'is missing: there is no IRC server to connect to');
  for (const { host, port, webirc } of upstreams) {
    if (typeof host !== 'string' || host === '')
      throw new ConfigError({ tag: 'upstream', key: 'host', value: host }, 'must be a host name or an address');
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new ConfigError({ tag: 'upstream', key: 'port', value: port }, 'must be a port, 1 to 65535');
    }
    // The value is not shown: it is a secret.
    if (webirc !== undefined && !/^[^\s:][^\s]*$/.test(webirc.password)) {
      throw new ConfigError({ tag: 'webirc', key: 'password' }, 'must be a word that does not begin with a colon');
    }
    if (webirc !== undefined && !/^[^\s:][^\s]*$/.test(webirc.gateway)) {
      throw new ConfigError(
        { tag: 'webirc', key: 'gateway', value: webirc.gateway },
        'must be a word that does not begin with a colon',
      );
    }
  }
  return upstreams.map(withSecureContext);
}

function withSecureContext(upstream: Upstream): Upstream {
  const { tls = false, host } = upstream;
  if (tls === false) return upstream;
  const options = tls === true ? {} : tls;
  try {
    return { ...upstream, tls: { ...options, secureContext: options.secureContext ?? createSecureContext(options) } };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ConfigError({ tag: 'upstream', key: 'tls' }, `of ${host} cannot work: ${problem}`, { cause: error });
  }
}

/** A server that answered. */
export interface Connected {
  readonly upstream: Upstream;
  readonly socket: Socket;
}

/**
 * Connects to the first server that answers, from the one at `first` on.
 *
 * @param timeout milliseconds for each of them
 * @throws the last server's error, where none answers ({@link UntrustedError} where one was not trusted); the signal's reason, when it aborts
 */
export async function connectUpstream(
  upstreams: readonly Upstream[],
  first: number,
  timeout: number,
  signal: AbortSignal,
): Promise<Connected> {
  let failure: unknown;
  for (let i = 0; i < upstreams.length; i++) {
    const upstream = upstreams[(first + i) % upstreams.length] as Upstream;
    signal.throwIfAborted();
    try {
      return { upstream, socket: await connectOne(upstream, timeout, signal) };
    } catch (error) {
      // Of several reasons the one that somebody has to act on.
      if (!(failure instanceof UntrustedError)) failure = error;
    }
  }
  signal.throwIfAborted();
  throw failure;
}

/** Is thrown where an IRC server answered by TLS, and is not known to be who it should be. */
export class UntrustedError extends Error {}

function connectOne({ host, port, tls = false }: Upstream, timeout: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket: Socket =
      tls === false
        ? connectTcp({ host, port })
        : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...(tls === true ? {} : tls) });
    const give = (error: Error): void => {
      settle();
      socket.destroy();
      // Node tells it here before it destroys the socket for it.
      const reason = (socket as Partial<TLSSocket>).authorizationError;
      reject(
        reason ? new UntrustedError(`${host}:${port} has no trusted certificate: ${error.message}`, { cause: error }) : error,
      );
    };
    const abort = (): void => give(signal.reason as Error);
    const timer = setTimeout(() => give(new Error(`${host}:${port} does not answer`)), timeout);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.removeListener('error', give);
      // A socket that was given up may still fail.
      socket.on('error', () => {});
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', give);
    socket.once(tls === false ? 'connect' : 'secureConnect', () => {
      settle();
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
