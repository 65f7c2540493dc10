/**
 * HTTP servers with a hook wired in.
 *
 * In: a hook's handlers. Out: an `http.Server` or `https.Server` to listen with, or one that never listens and reads sockets that are handed to it. It does
 * not know what the handlers do.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import type { Endpoint } from '../admission/facts.ts';
import { ConfigError, HandshakeError } from '../errors.ts';
import { replyOnSocket } from './reply.ts';

/** What a listener hands on. */
export interface ListenerHandlers {
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  /** A request that could not be read. */
  readonly unreadable: (error: HandshakeError, socket: Duplex) => void;
}

/** What `accept` may be told. */
export interface AcceptOptions {
  /** Whether a PROXY protocol header, version 1 or 2, comes first; from peers in `proxyRanges` alone, others are destroyed. @defaultValue `false` */
  readonly proxyProtocol?: boolean;
  /** TLS to put over the connection, behind the PROXY header. Absent: the socket is taken as it is. */
  readonly tls?: TlsOptions;
  /**
   * Takes connections that are no HTTP: native IRC clients on the same port. The socket is as it was, with every byte but the PROXY header still to be read; `client`
   * is whom that header told of.
   */
  readonly plain?: (socket: Socket, client: Endpoint | null) => void;
}

/** What `createListener` takes. */
export interface ListenerOptions extends AcceptOptions {
  /** Certificate and key, and anything else of `tls.createServer`; absent: plain HTTP. Client certificates are never asked for: Chrome could not connect. */
  readonly tls?: TlsOptions;
  /** Answers plain HTTP requests, e.g. with the web client's files; absent: the documented 501. */
  readonly onRequest?: RequestListener;
}

/**
 * Makes a server that upgrades, answers, and refuses what it cannot read in the one form of answers.
 *
 * @param timeout milliseconds for the headers of a request, and for a TLS handshake
 * @throws ConfigError where client certificates are asked for
 */
export function createWiredServer(handlers: ListenerHandlers, timeout: number, tls?: TlsOptions): Server {
  const limits = { headersTimeout: timeout, connectionsCheckingInterval: Math.max(100, Math.floor(timeout / 4)) };
  refuseClientCertificates(tls);
  const server: Server =
    tls === undefined
      ? createHttpServer(limits)
      : createHttpsServer({ ...tls, ...limits, handshakeTimeout: timeout, requestCert: false });
  server.on('upgrade', handlers.upgrade);
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

/** @throws ConfigError where client certificates are asked for */
export function refuseClientCertificates(tls: TlsOptions | undefined): void {
  if (tls?.requestCert !== true) return;
  throw new ConfigError(
    { tag: 'sslprofile', key: 'requestclientcert', value: 'yes' },
    'must be "no" on a WebSocket listener: Chrome does not connect where a client certificate is asked for',
  );
}

/** What Node's parser gave up on, as an answer; `error.code` is the parser's. */
function unreadableRequest(error: NodeJS.ErrnoException): HandshakeError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new HandshakeError(431, 'WebSocket: Received an HTTP request with too large a header', {}, { cause: error });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HandshakeError(408, 'WebSocket: Received an incomplete HTTP request', {}, { cause: error });
    default:
      return new HandshakeError(400, 'WebSocket: Received a malformed HTTP request', {}, { cause: error });
  }
}

/** An answer in the middle of another would be garbage; a socket that has sent anything has begun one. */
function hasBegunToAnswer(socket: Duplex): boolean {
  return ((socket as Partial<Socket>).bytesWritten ?? 0) > 0;
}
