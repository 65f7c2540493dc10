/**
 * The certificates of one listener: a secure context for each, made once and shared by all connections.
 *
 * In: TLS options. Out: TLS over a socket, with the certificate of the name that the client asks for. It does not know what
 * comes over TLS.
 *
 * A secure context costs 1.9 ms and 43 kB. One for each connection also means that no TLS session is ever resumed.
 */
import type { Socket } from 'node:net';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  TLSSocket,
  type TlsOptions,
} from 'node:tls';
import { compileGlob, type Glob, MAX_GLOB_SIZE } from '../address/glob.ts';
import { ConfigError } from '../errors.ts';

/**
 * Certificates by host name: a glob as `*.example.com`, without a port, in any case. Of several that match, the first one is
 * used.
 */
export type SniCertificates = Readonly<Record<string, SecureContextOptions>>;

/** What `createListener` takes for TLS: all that `tls.createServer` takes, and certificates by host name. */
export interface ListenerTls extends TlsOptions {
  /** The certificates for other names than that of `cert`. A client that asks for an unknown name, or for none, gets `cert`. */
  readonly sni?: SniCertificates;
}

/** What `setSecureContext` takes. Options that are not named stay as they are. */
export interface RenewedTls extends SecureContextOptions {
  /** Replaces the certificates by host name; absent, they stay as they are. */
  readonly sni?: SniCertificates;
}

/** What a client is offered and asked for in one TLS handshake. */
export interface HandshakeTerms {
  /** RFC 7301: the protocols that the server agrees to, in its order of preference. */
  readonly protocols: readonly string[];
  /** Whether the client is asked for a certificate. None is ever required. */
  readonly asksForCertificate: boolean;
}

interface NamedContext {
  readonly matches: Glob;
  readonly context: SecureContext;
}

/** TLS refuses to resume a session of a client that was asked for a certificate where the server has no name for its sessions. */
const SESSION_ID_CONTEXT = 'ircd-websocket';

/** A renewal replaces these together: a certificate never stays with another one's key. */
const CREDENTIALS = ['cert', 'key', 'pfx', 'passphrase', 'secureContext'] as const;

/** The certificates of a listener. */
export class Certificates {
  #options: TlsOptions;
  #sni: SniCertificates;
  #context: SecureContext;
  #named: NamedContext[];
  #owner: Server | undefined;

  /** @throws ConfigError for a certificate that does not fit its key, and for a name that is not a host name */
  constructor({ sni = {}, ...options }: ListenerTls) {
    this.#options = options;
    this.#sni = sni;
    this.#context = contextOf(options);
    this.#named = namedContexts(sni, options);
  }

  /** Whether these are the certificates that an options object names now. */
  isOf(options: ListenerTls): boolean {
    return CREDENTIALS.every((name) => options[name] === this.#options[name]) && (options.sni ?? this.#sni) === this.#sni;
  }

  /** The TLS options in force, for Node's own servers. */
  get options(): TlsOptions {
    return { sessionIdContext: SESSION_ID_CONTEXT, SNICallback: this.#select, ...this.#options };
  }

  /**
   * Replaces certificates for all handshakes from now on. Connections that exist are not touched.
   *
   * @throws ConfigError as the constructor does; then nothing has changed
   */
  renew({ sni = this.#sni, ...options }: RenewedTls): void {
    const replacesCredentials = CREDENTIALS.some((name) => name in options);
    const kept = replacesCredentials ? withoutCredentials(this.#options) : this.#options;
    const all: TlsOptions = { ...kept, ...options };
    const context = contextOf(all);
    const named = namedContexts(sni, all);
    this.#options = all;
    this.#sni = sni;
    this.#context = context;
    this.#named = named;
  }

  /**
   * Makes a server's own methods act on these certificates: `setSecureContext`, `addContext`, `getTicketKeys`, `setTicketKeys`.
   * By the last two, the workers of a cluster share their ticket keys.
   */
  attachTo(server: Server): void {
    this.#owner = server;
    server.setSecureContext = (options: RenewedTls): void => this.renew(options);
    server.addContext = this.#add;
    server.getTicketKeys = () => ticketKeysOf(this.#context).getTicketKeys();
    server.setTicketKeys = (keys): void => void ticketKeysOf(this.#context).setTicketKeys(keys);
  }

  /** The same for a server that makes its TLS sockets itself: it was made with {@link Certificates.options}. */
  attachToNative(server: Server): void {
    // Bun's server cannot renew its certificates: there is nothing to extend.
    const setNative = (server.setSecureContext as Server['setSecureContext'] | undefined)?.bind(server);
    if (setNative === undefined) return;
    server.setSecureContext = (options: RenewedTls): void => {
      this.renew(options);
      setNative(this.options);
    };
    server.addContext = this.#add;
  }

  /** Puts TLS over a socket, as the server. A handshake that fails destroys it. */
  secure(raw: Socket, { protocols, asksForCertificate }: HandshakeTerms): TLSSocket {
    const { ALPNCallback, ...options } = this.options;
    const socket = new TLSSocket(raw, {
      ...options,
      ...(ALPNCallback === undefined ? { ALPNProtocols: options.ALPNProtocols ?? [...protocols] } : { ALPNCallback }),
      ...(this.#owner === undefined ? {} : { server: this.#owner }),
      isServer: true,
      requestCert: asksForCertificate,
      rejectUnauthorized: false,
      secureContext: this.#context,
    });
    socket.on('error', () => socket.destroy());
    // Node reports a TLS error to the tls.Server that made the socket. No server made this one. Without a listener here it would
    // stay open.
    socket.on('_tlsError', (error: Error) => {
      this.#owner?.emit('tlsClientError', error, socket);
      socket.destroy();
    });
    return socket;
  }

  readonly #add = (name: string, options: SecureContextOptions | SecureContext): void => {
    const context = 'context' in options ? options : contextOf({ ...withoutCredentials(this.#options), ...options }, name);
    // As in Node, the name that was added last is tried first.
    this.#named.unshift({ matches: compileName(name), context });
  };

  readonly #select = (name: string, callback: (error: Error | null, context?: SecureContext) => void): void => {
    // RFC 6066 section 3: the name has no trailing dot. Some clients send one, and mean the same host.
    const host = name.endsWith('.') ? name.slice(0, -1) : name;
    callback(null, this.#named.find(({ matches }) => matches(host))?.context);
  };
}

function withoutCredentials(options: TlsOptions): TlsOptions {
  const kept = { ...options };
  for (const name of CREDENTIALS) delete kept[name];
  return kept;
}

/** @throws ConfigError for what OpenSSL does not accept; the key is not in its text */
function contextOf(options: TlsOptions, name?: string): SecureContext {
  if (options.secureContext !== undefined) return options.secureContext;
  try {
    return createSecureContext({ ...options, sessionIdContext: options.sessionIdContext ?? SESSION_ID_CONTEXT });
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigError(
      { tag: 'sslprofile', key: 'certfile', value: name },
      `does not work as a certificate with its key: ${message}`,
      {
        cause: error,
      },
    );
  }
}

function namedContexts(sni: SniCertificates, options: TlsOptions): NamedContext[] {
  const common = withoutCredentials(options);
  return Object.entries(sni).map(([name, pair]) => ({
    matches: compileName(name),
    context: contextOf({ ...common, ...pair }, name),
  }));
}

/** @throws ConfigError for a name that is not a glob of host names */
function compileName(name: string): Glob {
  if (name.length > MAX_GLOB_SIZE || !/^[\w*?.-]+$/.test(name)) {
    throw new ConfigError(
      { tag: 'sslprofile', key: 'sni', value: name },
      'must be a host name or a glob of host names, without a scheme and without a port',
    );
  }
  return compileGlob(name.endsWith('.') ? name.slice(0, -1) : name);
}

interface TicketKeys {
  getTicketKeys(): Buffer<ArrayBuffer>;
  setTicketKeys(keys: Buffer): unknown;
}

/** The native context has the methods; Node's types do not. */
function ticketKeysOf(context: SecureContext): TicketKeys {
  return context.context as TicketKeys;
}
