/**
 * The `websocket` bind hook: the story from the top.
 *
 * In: a configuration, and what the program wants called. Out: a {@link WebSocketHook} that takes upgrade requests, bare sockets or whole listeners, and
 * gives back clients in the shape of `net.Socket`. It does not know how any of it is done: `admission/` decides, `server/` does.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { UNKNOWN } from './address/ranges.ts';
import { type AdmissionReport, admit, explainAdmission } from './admission/admission.ts';
import type { ConnectionFacts } from './admission/facts.ts';
import { Client, type ClientSettings, type IrcSocket } from './client/client.ts';
import { Departures } from './client/departures.ts';
import { type CompiledConfig, compileConfig, type ResolvedConfig, type WebSocketConfig } from './config/config.ts';
import { Sweeper, sweepInterval } from './connection/sweeper.ts';
import { diagnostics, publish } from './diagnostics.ts';
import { CloseCode, ConfigError, type HandshakeError } from './errors.ts';
import { Doors, type DoorsContext } from './listening/doors.ts';
import { asUpgradeRequest } from './listening/http2.ts';
import type {
  AcceptOptions,
  HttpOptions,
  HttpsOptions,
  ListenerOptions,
  NetOptions,
  RenewableHttpsServer,
  RenewableTlsServer,
  TlsListenerOptions,
} from './listening/listener.ts';
import { peerOf } from './listening/peer.ts';
import { watchResponses } from './listening/unfinished.ts';
import type { UpgradeContext } from './listening/upgrade.ts';
import { MAX_CONTROL_SIZE } from './protocol/frame.ts';
import { truncateUtf8 } from './protocol/utf8.ts';

/** What the program sets once, beside the operator's {@link WebSocketConfig}. */
export interface WebSocketHookOptions extends WebSocketConfig {
  /** Takes each client that was let in: hand the socket to your server as you would a `net.Socket`. What it throws ends that client (1011). */
  readonly onConnection: (socket: IrcSocket, request: IncomingMessage) => void;
  /** Learns of each request that was refused, after the answer was written. */
  readonly onReject?: (error: HandshakeError, request: IncomingMessage) => void;
  /**
   * Decides on each client after the documented checks: bans, DNS blocklists, cookies. Throw a {@link HandshakeError} to refuse with its status and reason;
   * anything else that is thrown is a 403 without details. The client's input is held meanwhile; `signal` aborts when it goes away. Counts towards
   * `handshakeTimeout`.
   */
  readonly authorize?: (facts: ConnectionFacts, request: IncomingMessage, signal: AbortSignal) => Promise<void> | void;
  /** The payload of native pings, as InspIRCd has it; cut to 125 bytes. @defaultValue `''` */
  readonly serverName?: string;
  /** Closes the hook when it aborts. */
  readonly signal?: AbortSignal;
}

/** Is where hooks are registered: a `Map`, or anything with `register(name, hook)`. */
export type HookRegistry =
  | { register(name: string, hook: WebSocketHook): unknown }
  | { set(name: string, hook: WebSocketHook): unknown };

/** Is the `websocket` bind hook; made by {@link createWebSocketHook}. Its methods are bound: pass them where you like. */
export interface WebSocketHook extends AsyncDisposable {
  readonly name: 'websocket';
  /** The clients that are in now. */
  readonly clients: ReadonlySet<IrcSocket>;
  /** What is in force, defaults included. */
  readonly config: ResolvedConfig;
  /**
   * Takes an upgrade request: `http.createServer().on('upgrade', hook.handleUpgrade)`. Never throws for what a peer does.
   *
   * @throws WebSocketError `ERR_SOCKET_TAKEN` for a socket that was handed over before
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head?: Uint8Array): void;
  /** Answers a plain HTTP request on the port with the documented error. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Takes a bare TCP or TLS connection of which no byte is read yet; as one may come with a PROXY header, or be no HTTP at all. */
  accept(socket: Socket, options?: AcceptOptions): void;
  /**
   * Takes a stream of HTTP/2, RFC 8441: `server.on('stream', hook.handleStream)`. The server must be made with `settings: { enableConnectProtocol: true }`. A stream that is no
   * extended CONNECT for `websocket` is answered with the documented error. Never throws for what a peer does.
   *
   * @param rawHeaders the fields as Node gives them to `'stream'` listeners; without them a field that came twice counts as Node has joined it
   */
  handleStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags?: number, rawHeaders?: readonly string[]): void;
  /**
   * Makes a server with everything wired. The caller calls `listen` and `close`. Browsers are never asked for a client certificate.
   *
   * Without `proxyProtocol`, `plain` and `http2` it is an `http.Server`, or with `tls` an `https.Server`; otherwise not all that it takes is HTTP/1.1, and it is a
   * `net.Server`, or with `tls` a `tls.Server`. Where there is TLS, `setSecureContext` renews the certificates.
   *
   * @throws ConfigError for certificates that do not work, for options that do not fit together, and where `proxyProtocol` is on and `proxyRanges` are empty: nobody would be
   *   believed
   */
  createListener(options?: HttpOptions): HttpServer;
  createListener(options: HttpsOptions): RenewableHttpsServer;
  createListener(options: TlsListenerOptions): RenewableTlsServer;
  createListener(options: NetOptions): NetServer;
  createListener(options?: ListenerOptions): NetServer;
  /** Registers this hook as `websocket`. */
  register(registry: HookRegistry): void;
  /** Counts since the hook was made. */
  stats(): HookStats;
  /** Tells what each check would say to this request, and why, without answering it. */
  explain(request: IncomingMessage): AdmissionReport;
  /**
   * Replaces the configuration, all or nothing; what is not named is back at its default. Connected clients keep what they came in with.
   *
   * @throws ConfigError and leaves the old configuration in force
   */
  rehash(config: WebSocketConfig): void;
  /**
   * Answers newcomers by 503, closes each client by 1001 with `reason`, and resolves when all are gone, within `closeTimeout`. With `spread` the clients are
   * closed over that many milliseconds, in random order, so that they do not all come back in the same second; until its turn each is served as before.
   * Another call without `spread` closes those that are left at once.
   *
   * @param options `spread`: milliseconds, up to an hour. @defaultValue `{ spread: 0 }`
   * @throws RangeError for a `spread` that is no such time
   */
  close(reason?: string, options?: { readonly spread?: number }): Promise<void>;
}

/** Counts since a hook was made. */
export interface HookStats {
  /** Clients that are in now. */
  readonly clients: number;
  /** Clients that were let in. */
  readonly accepted: number;
  /** Requests that were refused, by HTTP status. */
  readonly rejected: Readonly<Record<number, number>>;
  /** Clients that are gone, by close code (1006: without a Close frame). */
  readonly closed: Readonly<Record<number, number>>;
}

/**
 * Makes the `websocket` bind hook.
 *
 * @throws ConfigError for a configuration that cannot work, naming tag, key and value
 */
export function createWebSocketHook(options: WebSocketHookOptions): WebSocketHook {
  return new Hook(options);
}

class Hook implements WebSocketHook, DoorsContext {
  readonly name = 'websocket';
  readonly clients: Set<IrcSocket> = new Set<IrcSocket>();
  readonly sweeper: Sweeper;
  readonly authorize: UpgradeContext['authorize'];
  readonly #onConnection: WebSocketHookOptions['onConnection'];
  readonly #onReject: WebSocketHookOptions['onReject'];
  readonly #pingPayload: Buffer;
  #compiled: CompiledConfig;
  #settings: ClientSettings;
  /** How many clients' transports are not gone yet: all of `clients`, and those whose last bytes are on their way. */
  #transports = 0;
  #accepted = 0;
  readonly #rejected = new Map<number, number>();
  readonly #closed = new Map<number, number>();
  #closing: Promise<void> | null = null;
  #whenEmpty: (() => void) | null = null;
  #departures: Departures<IrcSocket> | null = null;
  readonly #doors: Doors = new Doors(this);

  constructor({ onConnection, onReject, authorize, serverName = '', signal, ...config }: WebSocketHookOptions) {
    requireFunction('onConnection', onConnection);
    if (onReject !== undefined) requireFunction('onReject', onReject);
    if (authorize !== undefined) requireFunction('authorize', authorize);
    this.#onConnection = onConnection;
    this.#onReject = onReject;
    this.authorize = authorize;
    this.#pingPayload = truncateUtf8(serverName, MAX_CONTROL_SIZE);
    this.#compiled = compileConfig(config);
    this.sweeper = new Sweeper(this.#sweepInterval());
    this.#settings = this.#clientSettings();
    this.#warn();
    watchResponses();
    if (signal?.aborted) void this.close();
    else signal?.addEventListener('abort', () => void this.close(), { once: true });
  }

  get config(): ResolvedConfig {
    return this.#compiled.values;
  }

  readonly handleUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array = NO_BYTES): void => {
    this.#doors.upgrade(request, socket, head);
  };

  readonly handleRequest = (request: IncomingMessage, response: ServerResponse): void => {
    this.#doors.refuse(request, response);
  };

  readonly handleStream = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags?: number,
    rawHeaders?: readonly string[],
  ): void => {
    this.#doors.stream(stream, headers, rawHeaders);
  };

  readonly accept = (socket: Socket, options: AcceptOptions = {}): void => {
    this.#doors.accept(socket, options);
  };

  readonly createListener = ((options: ListenerOptions = {}) =>
    this.#doors.createListener(options)) as WebSocketHook['createListener'];

  readonly register = (registry: HookRegistry): void => {
    if ('register' in registry) registry.register(this.name, this);
    else registry.set(this.name, this);
  };

  readonly stats = (): HookStats => ({
    clients: this.clients.size,
    accepted: this.#accepted,
    rejected: Object.fromEntries(this.#rejected),
    closed: Object.fromEntries(this.#closed),
  });

  readonly explain = (request: IncomingMessage): AdmissionReport => {
    const peer = peerOf(request.socket) ?? { address: UNKNOWN, port: undefined, encrypted: false };
    return explainAdmission(asUpgradeRequest(request), peer, this.#compiled.rules, this.#closing !== null);
  };

  readonly rehash = (config: WebSocketConfig): void => {
    this.#compiled = compileConfig(config);
    this.#settings = this.#clientSettings();
    this.sweeper.setInterval(this.#sweepInterval());
    this.#doors.updateLimits();
    this.#warn();
  };

  readonly close = (reason = 'Server is shutting down', { spread = 0 }: { readonly spread?: number } = {}): Promise<void> => {
    if (!(spread >= 0 && spread <= LONGEST_SPREAD)) throw new RangeError(`spread of ${spread} ms, limit ${LONGEST_SPREAD}`);
    if (this.#closing === null) this.#closing = this.#closeAll(reason, spread);
    else if (spread === 0) this.#departures?.hurry();
    return this.#closing;
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // DoorsContext

  readonly handshakeTimeout = (): number => this.config.handshakeTimeout;
  readonly closeTimeout = (): number => this.config.closeTimeout;
  readonly rejectMode = (): 'http' | 'close-frame' => this.config.rejectMode;

  readonly admit: UpgradeContext['admit'] = (request, peer) => admit(request, peer, this.#compiled.rules, this.#closing !== null);

  readonly trustsProxies = (): boolean => this.config.proxyRanges.length > 0;

  trustedRange(address: string): string | null {
    return this.#compiled.rules.proxy.trusted?.(address) ?? null;
  }

  unreadable(error: HandshakeError): void {
    count(this.#rejected, error.status);
    publish(diagnostics.reject, () => ({ error, request: null }));
  }

  readonly welcome: UpgradeContext['welcome'] = (transport, answer, head, { facts, mode }, request) => {
    // The server closed while `authorize` was pending: what is in comes out like everybody else.
    prepareTransport(transport);
    const client = new Client({
      transport,
      answer,
      head,
      facts,
      followsFirstMessage: mode === 'auto',
      settings: this.#settings,
    });
    const socket = client as unknown as IrcSocket;
    this.#accepted++;
    this.clients.add(socket);
    this.#transports++;
    if (facts.client !== facts.peer) publish(diagnostics.proxy, () => ({ facts, request }));
    publish(diagnostics.open, () => ({ socket, request }));
    try {
      this.#onConnection(socket, request);
    } catch (error) {
      client.fault(error);
    }
    client.start();
    if (this.#closing !== null) socket.closeWebSocket(CloseCode.GOING_AWAY);
  };

  readonly rejected: UpgradeContext['rejected'] = (error, request) => {
    count(this.#rejected, error.status);
    publish(diagnostics.reject, () => ({ error, request }));
    try {
      this.#onReject?.(error, request);
    } catch (thrown) {
      process.emitWarning(thrown instanceof Error ? thrown : String(thrown));
    }
  };

  // Not a closure of `welcome`: that would keep the request, and its headers, for as long as the client lives.
  readonly #closedClient = (client: Client): void => {
    if (!this.clients.delete(client as unknown as IrcSocket)) return;
    count(this.#closed, client.closeStatus?.code ?? CloseCode.ABNORMAL);
  };

  readonly #gone = (client: Client): void => {
    // Where the server does not read what came before the end, there is no 'close' yet; the client is gone all the same.
    this.#closedClient(client);
    this.#transports--;
    if (this.#transports === 0) this.#whenEmpty?.();
  };

  async #closeAll(reason: string, spread: number): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    if (this.#transports === 0) return;
    this.#departures = new Departures(this.clients, spread, (client) => {
      // Who is on its way out already has its own reason.
      if (!client.writableEnded) client.closeWebSocket(CloseCode.GOING_AWAY, reason);
    });
    await empty;
  }

  #clientSettings(): ClientSettings {
    const {
      maxMessageSize,
      maxFragments,
      sendQueueLimit,
      nativePing,
      pingInterval,
      pingTimeout,
      closeTimeout,
      fallbackEncoding,
    } = this.config;
    return {
      maxMessageSize,
      maxFragments,
      sendQueueLimit,
      nativePing,
      pingInterval: nativePing ? pingInterval : 0,
      pingTimeout,
      closeTimeout,
      pingPayload: this.#pingPayload,
      text: { isText: true, fallback: fallbackEncoding },
      binary: { isText: false, fallback: undefined },
      sweeper: this.sweeper,
      onClosed: this.#closedClient,
      onGone: this.#gone,
    };
  }

  #sweepInterval(): number {
    const { pingInterval, pingTimeout, closeTimeout, handshakeTimeout } = this.config;
    return sweepInterval([pingInterval, pingTimeout, closeTimeout, handshakeTimeout]);
  }

  #warn(): void {
    for (const { message, code, isDeprecation } of this.#compiled.warnings) {
      process.emitWarning(message, { type: isDeprecation ? 'DeprecationWarning' : 'Warning', code });
    }
  }
}

const NO_BYTES = new Uint8Array(0);

/** Milliseconds: who spreads a restart over more than an hour meant another unit. */
const LONGEST_SPREAD = 3_600_000;

/** What a socket of an HTTP server needs before it serves for hours. Not every stream that can be upgraded is a TCP socket. */
function prepareTransport(transport: Duplex): void {
  const socket = transport as Partial<Socket>;
  // 0: the server's time limits for requests end here.
  socket.setTimeout?.(0);
  socket.setNoDelay?.(true);
}

function count(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function requireFunction(key: string, value: unknown): void {
  if (typeof value !== 'function') throw new ConfigError({ tag: 'websocket', key, value: typeof value }, 'must be a function');
}
