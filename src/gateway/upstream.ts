/**
 * IRC servers as an operator names them.
 *
 * In: servers. Out: servers that can work, their certificates read. It does not know connections.
 */
import { isIP } from 'node:net';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { ConfigError } from '../errors.ts';
import { type LegacyEncoding, legacyEncoding } from './encoding.ts';

/** An IRC server that clients are taken to: a host and a port, or the path of a Unix domain socket. */
export interface Upstream {
  readonly host?: string;
  readonly port?: number;
  /** A Unix domain socket, in place of host and port. */
  readonly path?: string;
  /** What logs and metrics call it. @defaultValue `host:port`, or the path */
  readonly name?: string;
  /** TLS, with the certificate verified unless you say otherwise; `true` for the defaults. @defaultValue `false` */
  readonly tls?: boolean | ConnectionOptions;
  /** Which addresses of the host are tried: IPv4, IPv6, or both at a time, the first that answers. @defaultValue both */
  readonly family?: 4 | 6;
  /** The address of this machine to connect from. @defaultValue the system's choice */
  readonly localAddress?: string;
  /** How the gateway proves itself; without it the server sees the gateway's own address for everybody. */
  readonly webirc?: { readonly password: string; readonly gateway: string };
  /** The server's password, sent by PASS for every client; a client's own PASS is then dropped. */
  readonly pass?: string;
  /** The share of clients that begin here, against the other servers' weights: 1 to 1000. @defaultValue `1` */
  readonly weight?: number;
  /** The server's encoding, a `TextDecoder` label, where it is not UTF-8. */
  readonly encoding?: string;
}

/** An IRC server that can work. */
export interface ReadyUpstream {
  readonly options: Upstream;
  readonly name: string;
  readonly weight: number;
  readonly encoding: LegacyEncoding | null;
  /** `null` for plain TCP. */
  readonly tls: ConnectionOptions | null;
}

/**
 * Checks servers, and reads their certificates once: for each client anew it would take milliseconds.
 *
 * @throws ConfigError for a server that cannot work
 */
export function prepareUpstreams(upstreams: readonly Upstream[]): readonly ReadyUpstream[] {
  if (upstreams.length === 0) throw new ConfigError({ tag: 'upstream' }, 'is missing: there is no IRC server to connect to');
  const ready = upstreams.map(prepare);
  const names = new Set<string>();
  for (const { name } of ready) {
    if (names.has(name)) throw new ConfigError({ tag: 'upstream', key: 'name', value: name }, 'appears twice');
    names.add(name);
  }
  return ready;
}

/** Returns what logs call a server. */
export function nameOfUpstream(upstream: Upstream): string {
  return upstream.name ?? addressOfUpstream(upstream);
}

/** Returns where a server is. */
export function addressOfUpstream({ path, host = '', port }: Upstream): string {
  return path ?? `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function prepare(options: Upstream): ReadyUpstream {
  checkAddress(options);
  const { family, localAddress, webirc, pass, weight = 1, encoding } = options;
  const place = (key: string, value: unknown) => ({ tag: 'upstream', key, value });
  if (family !== undefined && family !== 4 && family !== 6) throw new ConfigError(place('family', family), 'must be 4 or 6');
  if (localAddress !== undefined) checkLocalAddress(options, localAddress);
  if (!Number.isInteger(weight) || weight < 1 || weight > 1_000) {
    throw new ConfigError(place('weight', weight), 'must be a whole number from 1 to 1000');
  }
  // The values are not shown: they are secrets.
  if (pass !== undefined && !isParameter(pass)) {
    throw new ConfigError(
      { tag: 'upstream', key: 'pass' },
      'must be a text without spaces or line ends that does not begin with a colon',
    );
  }
  if (webirc !== undefined && !isParameter(webirc.password)) {
    throw new ConfigError({ tag: 'webirc', key: 'password' }, 'must be a word that does not begin with a colon');
  }
  if (webirc !== undefined && !isParameter(webirc.gateway)) {
    throw new ConfigError(
      { tag: 'webirc', key: 'gateway', value: webirc.gateway },
      'must be a word that does not begin with a colon',
    );
  }
  return {
    options,
    name: nameOfUpstream(options),
    weight,
    encoding: encoding === undefined ? null : legacyEncoding(encoding, { tag: 'upstream', key: 'encoding' }),
    tls: secureOptions(options),
  };
}

function checkAddress({ host, port, path }: Upstream): void {
  if (path !== undefined) {
    if (host !== undefined || port !== undefined) {
      throw new ConfigError({ tag: 'upstream', key: 'path', value: path }, 'cannot be combined with host and port');
    }
    // Linux: sun_path has 108 bytes, a NUL at its end among them.
    if (typeof path !== 'string' || path === '' || path.includes('\0') || Buffer.byteLength(path) > 107) {
      throw new ConfigError({ tag: 'upstream', key: 'path', value: path }, 'must be a path of at most 107 bytes');
    }
    return;
  }
  if (typeof host !== 'string' || host === '') {
    throw new ConfigError({ tag: 'upstream', key: 'host', value: host }, 'must be a host name or an address');
  }
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) {
    throw new ConfigError({ tag: 'upstream', key: 'port', value: port }, 'must be a port from 1 to 65535');
  }
}

function checkLocalAddress({ path, family }: Upstream, localAddress: string): void {
  const place = { tag: 'upstream', key: 'localaddress', value: localAddress };
  if (path !== undefined) throw new ConfigError(place, 'cannot be combined with path');
  const version = isIP(localAddress);
  if (version === 0) throw new ConfigError(place, 'must be an IP address of this machine');
  if (family !== undefined && family !== version) throw new ConfigError(place, `is not of family ${family}`);
}

/** Returns whether a text can be a parameter of an IRC line; an unset variable cannot. */
function isParameter(value: unknown): boolean {
  return typeof value === 'string' && /^[^\0\s:][^\0\s]*$/.test(value);
}

function secureOptions(upstream: Upstream): ConnectionOptions | null {
  const { tls = false, host } = upstream;
  if (tls === false) return null;
  const options = tls === true ? {} : tls;
  try {
    return { ...options, secureContext: options.secureContext ?? createSecureContext(options) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ConfigError({ tag: 'upstream', key: 'tls' }, `of ${host} cannot work: ${problem}`, { cause: error });
  }
}
