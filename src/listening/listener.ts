/**
 * The options of a listener, and the HTTP/1.1 servers that the doors read requests with.
 *
 * In: options, and the handlers of a hook. Out: options that fit together, and an `http.Server` or `https.Server` with the
 * handlers wired in. It does not know what the handlers do.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import type { Endpoint } from '../admission/facts.ts';
import { ConfigError, HandshakeError } from '../errors.ts';
import type { Certificates, ListenerTls, RenewedTls } from './certificates.ts';
import { REQUEST_TIMEOUT } from './pending.ts';
import { replyOnSocket } from './reply.ts';

/** What a server of {@link createWiredServer} calls. */
export interface ListenerHandlers {
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  /** Called for a request that could not be read, after it was answered. */
  readonly unreadable: (error: HandshakeError, socket: Duplex) => void;
}

/** The options of `accept`. */
export interface AcceptOptions {
  /**
   * Whether a PROXY protocol header, version 1 or 2, comes first. Only peers in `proxyRanges` are believed, connections from
   * others are destroyed.
   *
   * @defaultValue `false`
   */
  readonly proxyProtocol?: boolean;
  /**
   * Whether the PROXY header is believed whatever `proxyRanges` say: the peer is the program itself, another worker of it for
   * instance. Never set it for a port that others reach.
   *
   * @defaultValue `false`
   */
  readonly trustsPeer?: boolean;
  /**
   * TLS to put over the connection, behind the PROXY header. Absent: the socket is taken as it is. Pass `accept` the same
   * object each time: its secure contexts are made once for each object.
   */
  readonly tls?: ListenerTls;
  /** Whether HTTP/2 is offered to browsers beside HTTP/1.1, RFC 8441; needs `tls`. @defaultValue `false` */
  readonly http2?: boolean;
  /**
   * Which clients are asked for a TLS certificate. `never`: none. `plain`: native IRC clients only; this needs `tls` and
   * `plain`. A certificate is never required. The socket that `plain` gets has it: `getPeerCertificate()`. The ClientHello
   * tells the two kinds of client apart: a browser offers `http/1.1` or `h2`, a native client offers `irc` or nothing. A
   * browser is never asked, because Chrome does not connect to a server that asks.
   *
   * @defaultValue `'never'`
   */
  readonly clientCertificates?: 'never' | 'plain';
  /**
   * Takes connections that are not HTTP: native IRC clients on the same port. Every byte but the PROXY header is still to be
   * read. `client` is the address that the PROXY header names.
   */
  readonly plain?: (socket: Socket, client: Endpoint | null) => void;
}

/** The options of `createListener`. */
export interface ListenerOptions extends AcceptOptions {
  /** Certificate and key, and anything else that `tls.createServer` takes; absent: plain HTTP. */
  readonly tls?: ListenerTls;
  /**
   * Answers plain HTTP requests, for instance with the web client's files; absent: an HTTP error, 501 for most. Over HTTP/2 it
   * gets Node's `Http2ServerRequest` and `Http2ServerResponse`.
   */
  readonly onRequest?: RequestListener;
}

/** A server with TLS whose certificates can be replaced while it runs. */
export interface RenewableTls {
  /**
   * Replaces certificates for all handshakes from now on; connections that exist are not touched. Options that are not named
   * stay as they are.
   *
   * @throws ConfigError for a certificate that does not work; the old one stays in force
   */
  setSecureContext(options: RenewedTls): void;
}

/** The options that make a listener take more than HTTP/1.1, so that it is a `net.Server` or a `tls.Server`. */
type More = 'proxyProtocol' | 'plain' | 'http2' | 'clientCertificates';
type Without<K extends keyof ListenerOptions> = Omit<ListenerOptions, K> & { readonly [key in K]?: never };

/** Options of a listener for HTTP/1.1 without TLS. */
export type HttpOptions = Without<More | 'tls'>;
/** Options of a listener for HTTP/1.1 over TLS. */
export type HttpsOptions = Without<More> & { readonly tls: ListenerTls };
/** Options of a listener for more than HTTP/1.1 over TLS. */
export type TlsListenerOptions = Omit<ListenerOptions, 'plain'> & {
  readonly tls: ListenerTls;
  /** As in {@link AcceptOptions}; the socket is the TLS socket, which has the client's certificate. */
  readonly plain?: (socket: TLSSocket, client: Endpoint | null) => void;
};
/** Options of a listener for more than HTTP/1.1 without TLS. */
export type NetOptions = Without<'tls'>;

/** An HTTPS server whose certificates can be replaced. */
export type RenewableHttpsServer = HttpsServer & RenewableTls;
/** A TLS server whose certificates can be replaced. */
export type RenewableTlsServer = TlsServer & RenewableTls;

/** The milliseconds between two looks of Node for requests that are late. A limit that `rehash` shortens is as exact as this. */
const CHECKING_INTERVAL = 1_000;

/**
 * Makes a server that upgrades, answers, and refuses what it cannot read in the one form of answers.
 *
 * @param timeout milliseconds for the header fields of a request, and for a TLS handshake
 */
export function createWiredServer(handlers: ListenerHandlers, timeout: number, certificates: Certificates | null): Server {
  const limits = {
    ...requestLimits(timeout),
    connectionsCheckingInterval: Math.min(CHECKING_INTERVAL, Math.max(100, Math.floor(timeout / 4))),
  };
  const server: Server =
    certificates === null
      ? createHttpServer(limits)
      : createHttpsServer({ ...certificates.options, ...limits, handshakeTimeout: timeout, requestCert: false });
  certificates?.attachToNative(server as HttpsServer);
  server.on('upgrade', handlers.upgrade);
  // Without a listener Node destroys the connection. With one, admission answers with the 405.
  server.on('connect', handlers.upgrade);
  server.on('request', handlers.request);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable || hasBegunToAnswer(socket)) {
      socket.destroy();
      return;
    }
    const refusal = unreadableRequest(error);
    replyOnSocket(socket, refusal);
    handlers.unreadable(refusal, socket);
  });
  return server;
}

/**
 * Node's own limits for requests: `headersTimeout` must not be longer than `requestTimeout`. The limit for the TLS handshake of
 * an `https.Server` is not among them: it stays what it was when the server was made.
 */
export function requestLimits(timeout: number): Pick<Server, 'headersTimeout' | 'requestTimeout'> {
  return { headersTimeout: timeout, requestTimeout: Math.max(timeout, REQUEST_TIMEOUT) };
}

/** @throws ConfigError for options that do not fit together */
export function checkOptions({ tls, http2, plain, clientCertificates = 'never' }: AcceptOptions): void {
  if (tls?.requestCert === true) {
    throw new ConfigError(
      { tag: 'sslprofile', key: 'requestclientcert', value: 'yes' },
      'must be "no" on a WebSocket listener: Chrome does not connect where a client certificate is asked for; clientCertificates: \'plain\' asks native clients only',
    );
  }
  if (tls?.sni !== undefined && Object.keys(tls.sni).length > 0 && (tls.cert ?? tls.pfx ?? tls.secureContext) === undefined) {
    throw new ConfigError(
      { tag: 'sslprofile', key: 'certfile' },
      'is missing: clients that ask for a name that is not in sni get this certificate',
    );
  }
  if (http2 === true && tls === undefined) {
    throw new ConfigError({ tag: 'bind', key: 'http2', value: true }, 'needs TLS: browsers speak HTTP/2 over TLS only');
  }
  if (clientCertificates !== 'never' && clientCertificates !== 'plain') {
    throw new ConfigError({ tag: 'bind', key: 'clientCertificates', value: clientCertificates }, 'must be "never" or "plain"');
  }
  if (clientCertificates === 'plain' && (tls === undefined || plain === undefined)) {
    throw new ConfigError(
      { tag: 'bind', key: 'clientCertificates', value: clientCertificates },
      'needs TLS and a handler for native clients (plain): nobody else is asked for a certificate',
    );
  }
}

/** Returns the answer to a request that Node's parser did not accept; `error.code` is the parser's. */
function unreadableRequest(error: NodeJS.ErrnoException): HandshakeError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HandshakeError(431, 'WebSocket: Received an HTTP request with too large a header', {}, { cause: error });
    case INCOMPLETE_REQUEST:
      return new HandshakeError(408, 'WebSocket: Received an incomplete HTTP request', {}, { cause: error });
    default:
      return new HandshakeError(400, 'WebSocket: Received a malformed HTTP request', {}, { cause: error });
  }
}

/** Node's code for a request that did not arrive in time. */
const INCOMPLETE_REQUEST = 'ERR_HTTP_REQUEST_TIMEOUT';

/** Makes the error that Node gives `'clientError'` for a request that did not arrive in time. */
export function incompleteRequest(): NodeJS.ErrnoException {
  return Object.assign(new Error('Request timeout'), { code: INCOMPLETE_REQUEST });
}

/** Returns whether an answer has begun on a socket: a second one in the middle of it would be garbage. */
function hasBegunToAnswer(socket: Duplex): boolean {
  return ((socket as Partial<Socket>).bytesWritten ?? 0) > 0;
}
