/**
 * The doors of a hook: every way in which a request can reach it.
 *
 * In: upgrade requests, plain requests, HTTP/2 streams, bare sockets, or the options of a listener. Out: handshakes for
 * `upgrade.ts`, native connections for the program, and servers to listen with. It does not know who may come in, nor what
 * becomes of a client.
 *
 * The words: the *prelude* of a bare connection is what comes before its HTTP request (a PROXY header, TLS). A *reader* is a
 * server of Node that never listens: it gets each socket after its prelude, and reads its requests. A *watcher* is a
 * `PendingSocket`: it limits the time of a socket that is not a client yet.
 *
 * One file, although long: each way in is a few lines, and all of them end in the same handshake.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createNodeTlsServer, type Server as TlsServer } from 'node:tls';
import { type Forwarded, peerAddress } from '../admission/admission.ts';
import { believeProxy } from '../admission/believe.ts';
import type { ProxyHeaderFound } from '../admission/proxy-protocol.ts';
import { guardSocket } from '../connection/guard.ts';
import { ConfigError, HandshakeError } from '../errors.ts';
import { Certificates, type ListenerTls } from './certificates.ts';
import {
  beginSession,
  createHttp2Reader,
  endSession,
  Http2Handshake,
  isConnect,
  isReceived,
  requestAndResponse,
  requestOfStream,
} from './http2.ts';
import {
  type AcceptOptions,
  checkOptions,
  createWiredServer,
  incompleteRequest,
  type ListenerOptions,
  requestLimits,
} from './listener.ts';
import { peerOf, setEncrypted, setForwarded, setSessionPeer } from './peer.ts';
import { type PendingSocket, watcherOf, watchInstead, watchSocket } from './pending.ts';
import { type PreludeOptions, readPrelude } from './prelude.ts';
import { replyOnResponse, replyOnStream } from './reply.ts';
import { Http1Handshake, type UpgradeContext, upgrade } from './upgrade.ts';

/** What the doors need from their hook; `hook.ts` implements it. */
export interface DoorsContext extends UpgradeContext {
  /** Returns the range of `proxyRanges` that has an address, or `null`. */
  trustedRange(address: string): string | null;
  /** Returns whether there are any `proxyRanges`. */
  readonly trustsProxies: () => boolean;
  /** Called for a request that could not be read, after it was answered. */
  unreadable(error: HandshakeError): void;
}

/** How the connections of one listener, or of one call of `accept`, are taken. */
interface Door {
  readonly prelude: PreludeOptions;
  readonly plain: AcceptOptions['plain'];
  readonly trustsPeer: boolean;
  readonly reader: Server;
  /** Reads HTTP/2, where it is offered. */
  readonly http2: Http2Server | null;
  /** The HTTP/2 sessions that are open. */
  readonly sessions: Set<ServerHttp2Session>;
}

/** The servers that read requests for a door. */
type Readers = Pick<Door, 'reader' | 'http2'>;

/**
 * Milliseconds that an HTTP/2 session may have no stream before GOAWAY. Browsers keep one for minutes; a page opens its chat
 * within seconds.
 */
const IDLE_SESSION = 120_000;

const UPGRADE_REQUIRED = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' } as const;

/** The doors of one hook. */
export class Doors {
  readonly #context: DoorsContext;
  /** The readers for sockets that `accept` takes; made at its first call. */
  #readers: Readers | null = null;
  readonly #certificates = new WeakMap<ListenerTls, Certificates>();
  /** The servers that are listening: Node itself enforces the time limits for their requests, and for no others. */
  readonly #timekeepers = new Set<Server>();

  constructor(context: DoorsContext) {
    this.#context = context;
  }

  /** Takes an upgrade request of HTTP/1.1. */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array): void => {
    upgrade(new Http1Handshake(request, socket, head), this.#context);
  };

  /** Answers a plain request with an HTTP error. */
  readonly refuse = (request: IncomingMessage, response: ServerResponse): void => {
    const error = this.#refusal(request);
    // Over HTTP/2, Node's request and response have the same methods, and a `stream` beside them.
    const { stream } = response as { stream?: ServerHttp2Stream };
    if (stream === undefined) replyOnResponse(response, error);
    else replyOnStream(stream, error, request.method === 'HEAD');
    this.#context.rejected(error, request);
  };

  /** Takes a stream of HTTP/2. `onRequest`, if there is one, answers every stream that is not a CONNECT. */
  stream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders?: readonly string[],
    onRequest?: RequestListener,
  ): void {
    if (onRequest === undefined || isConnect(headers)) {
      upgrade(new Http2Handshake(requestOfStream(stream, headers, rawHeaders), stream), this.#context);
      return;
    }
    guardSocket(stream);
    const { request, response } = requestAndResponse(stream, headers, rawHeaders ?? []);
    const incoming = request as unknown as IncomingMessage;
    this.#run('onRequest', incoming, stream, () => onRequest(incoming, response as unknown as ServerResponse));
  }

  /** Takes a bare connection. */
  accept(socket: Socket, options: AcceptOptions): void {
    checkOptions(options);
    this.#readers ??= this.#makeReaders(true);
    this.#take(socket, this.#makeDoor(options, this.#certificatesOf(options.tls), this.#readers));
  }

  /** Makes a server with everything wired. */
  createListener(options: ListenerOptions): NetServer {
    const { proxyProtocol = false, trustsPeer = false, plain, tls, http2 = false, onRequest } = options;
    if (proxyProtocol && !trustsPeer && !this.#context.trustsProxies()) {
      throw new ConfigError({ tag: 'websocket', key: 'proxyranges' }, 'is empty: no PROXY protocol header would be believed');
    }
    checkOptions(options);
    const certificates = tls === undefined ? null : new Certificates(tls);
    if (!proxyProtocol && plain === undefined && !http2) return this.#keepTime(this.#makeHttpServer(certificates, onRequest));
    const door = this.#makeDoor(options, certificates, this.#makeReaders(http2, onRequest));
    const server = certificates === null ? createNetServer() : createTlsServer(certificates);
    server.on('connection', (socket: Socket) => this.#take(socket, door));
    return http2 ? endSessionsOnClose(server, door.sessions) : server;
  }

  /** Applies a new `handshakeTimeout` to the servers that are listening. */
  updateLimits(): void {
    const limits = requestLimits(this.#context.handshakeTimeout());
    for (const server of this.#timekeepers) Object.assign(server, limits);
  }

  #makeDoor(options: AcceptOptions, certificates: Certificates | null, readers: Readers): Door {
    const { proxyProtocol = false, trustsPeer = false, plain, http2 = false, clientCertificates } = options;
    const takesPlain = plain !== undefined;
    // RFC 7301 section 3.2: if a client offers names, and none of them is in this list, an alert refuses it.
    const protocols = [...(http2 ? ['h2'] : []), 'http/1.1', ...(takesPlain ? ['irc'] : [])];
    const prelude = { proxyProtocol, certificates, protocols, asksNativeClients: clientCertificates === 'plain', takesPlain };
    return { prelude, plain, trustsPeer, reader: readers.reader, http2: http2 ? readers.http2 : null, sessions: new Set() };
  }

  #makeReaders(withHttp2: boolean, onRequest?: RequestListener): Readers {
    const reader = this.#makeHttpServer(null, onRequest);
    const http2 = withHttp2
      ? createHttp2Reader((stream, headers, rawHeaders) => this.stream(stream, headers, rawHeaders, onRequest))
      : null;
    return { reader, http2 };
  }

  /** Returns the certificates of an options object: the same ones at each call, until a certificate in it is replaced. */
  #certificatesOf(tls: ListenerTls | undefined): Certificates | null {
    if (tls === undefined) return null;
    let certificates = this.#certificates.get(tls);
    if (certificates === undefined || !certificates.isOf(tls)) {
      certificates = new Certificates(tls);
      this.#certificates.set(tls, certificates);
    }
    return certificates;
  }

  /** Takes a bare connection through its prelude to the server that reads its requests. */
  #take(raw: Socket, door: Door): void {
    const pending = watchSocket(raw, this.#context);
    readPrelude(raw, door.prelude, (result) => {
      const { socket, proxy, protocol } = result;
      const forwarded = proxy === null ? undefined : this.#forwarded(raw, proxy, door.trustsPeer);
      if (forwarded === null) {
        raw.destroy();
        return;
      }
      if (protocol === 'plain') {
        pending.release();
        const client = forwarded === undefined ? null : { address: forwarded.address, port: forwarded.port };
        this.#run('plain', null, socket, () => door.plain?.(socket, client));
        return;
      }
      if (socket !== raw) {
        setEncrypted(socket, raw);
        watchInstead(socket, pending);
      }
      if (forwarded !== undefined) setForwarded(socket, forwarded);
      if (protocol === 'h2') {
        this.#beginSession(socket, door, pending);
        return;
      }
      door.reader.emit('connection', socket);
    });
  }

  #beginSession(socket: Socket, { http2, sessions }: Door, pending: PendingSocket): void {
    const peer = peerOf(socket);
    const session = http2 === null || peer === null ? undefined : beginSession(http2, socket);
    if (session === undefined || peer === null) {
      socket.destroy();
      return;
    }
    setSessionPeer(session.socket, peer);
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    pending.onTimeout(() => endSession(session));
    const open = new Set<ServerHttp2Stream>();
    const isReceivedWhole = (): boolean => [...open].every(isReceived);
    session.on('stream', (stream, headers) => {
      if (!isConnect(headers)) open.add(stream);
      pending.beginAnswer(isReceivedWhole, this.#context.handshakeTimeout(), () => session.destroy());
      stream.once('close', () => {
        open.delete(stream);
        pending.endAnswer(IDLE_SESSION);
      });
    });
  }

  /** Makes a server that reads requests of HTTP/1.1. It listens, or sockets are handed to it. */
  #makeHttpServer(certificates: Certificates | null, onRequest: RequestListener = this.refuse): Server {
    const timeout = this.#context.handshakeTimeout;
    const server = createWiredServer(
      {
        upgrade: this.upgrade,
        request: (request, response) => {
          const { socket } = request;
          const watcher = watcherOf(socket);
          watcher?.beginAnswer(
            () => request.complete || socket.isPaused(),
            timeout(),
            () => server.emit('clientError', incompleteRequest(), socket),
          );
          response.once('close', () => watcher?.endAnswer(timeout()));
          this.#run('onRequest', request, socket, () => onRequest(request, response));
        },
        unreadable: (error, socket) => {
          (watcherOf(socket) ?? watchSocket(socket, this.#context)).linger(this.#context.closeTimeout());
          this.#context.unreadable(error);
        },
      },
      timeout(),
      certificates,
    );
    return server;
  }

  /** Runs the program's own code. If it throws or rejects, that one connection is destroyed, and `onError` is called. */
  #run(during: 'onRequest' | 'plain', request: IncomingMessage | null, connection: Duplex, code: () => unknown): void {
    const fail = (error: unknown): void => {
      connection.destroy();
      this.#context.failed(error, during, request);
    };
    try {
      // It may be an async function.
      Promise.resolve(code()).catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  #keepTime(server: Server): Server {
    server.on('listening', () => {
      this.#timekeepers.add(server);
      this.updateLimits();
    });
    server.on('close', () => this.#timekeepers.delete(server));
    return server;
  }

  /**
   * Returns what a PROXY header says of the client; `null` where the peer is not trusted, `undefined` where the proxy speaks for
   * itself (a health check).
   */
  #forwarded(socket: Socket, proxy: ProxyHeaderFound, trustsPeer: boolean): Forwarded | null | undefined {
    const peer = peerOf(socket);
    if (peer === null) return null;
    return believeProxy(proxy, peerAddress(peer), (address) =>
      trustsPeer ? 'the program' : this.#context.trustedRange(address),
    );
  }

  /** Returns the refusal of a plain request: the first check that it fails. One that passes them all still is not an upgrade. */
  #refusal(request: IncomingMessage): HandshakeError {
    const peer = peerOf(request.socket);
    try {
      if (peer !== null) this.#context.admit(request, peer);
      return new HandshakeError(
        426,
        'WebSocket: Received HTTP request whose Connection header does not ask for the upgrade',
        UPGRADE_REQUIRED,
      );
    } catch (error) {
      return error instanceof HandshakeError ? error : new HandshakeError(500, 'WebSocket: Internal error', {}, { cause: error });
    }
  }
}

/** Makes a TLS server that does not begin TLS by itself: a PROXY header may come first. */
function createTlsServer(certificates: Certificates): TlsServer {
  const server = createNodeTlsServer();
  server.removeAllListeners('connection');
  certificates.attachTo(server);
  return server;
}

/** Makes `server.close` end HTTP/2 sessions when their streams end. Otherwise a browser keeps its session open for minutes. */
function endSessionsOnClose(server: NetServer, sessions: ReadonlySet<ServerHttp2Session>): NetServer {
  const close = server.close.bind(server);
  server.close = (callback) => {
    for (const session of sessions) session.close();
    return close(callback);
  };
  return server;
}
