/**
 * The `websocket` bind hook: the story from the top.
 *
 * In: a configuration, and what the program wants called. Out: a {@link WebSocketHook} that takes upgrade requests, bare sockets
 * or whole listeners, and hands on clients as sockets or as lines. It does not know how any of it is done: `listening/` takes
 * requests, `admission/` decides, `client/` serves.
 *
 * The first half of the file is the public interface with its documentation. In the second half, `class Hook` connects the
 * folders: what it hands to `listening/` is under "DoorsContext", and `welcome` makes the client.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { UNKNOWN } from './address/ranges.ts';
import { type AdmissionReport, admit, explainAdmission } from './admission/admission.ts';
import { type ConnectionFacts, withResumes } from './admission/facts.ts';
import { Client, type ClientSettings } from './client/client.ts';
import { lineClientOf } from './client/client-of.ts';
import { Clients } from './client/clients.ts';
import { type FaultContext, Faults, watchResult } from './client/faults.ts';
import { type IrcClient, LineClient } from './client/irc-client.ts';
import { type IrcSocket, socketOver } from './client/irc-socket.ts';
import { describeStats } from './client/stats.ts';
import { type CompiledConfig, compileConfig, type ResolvedConfig, type WebSocketConfig } from './config/config.ts';
import { Sweeper, sweepInterval } from './connection/sweeper.ts';
import { diagnostics, publish } from './diagnostics.ts';
import { CloseCode, ConfigError, type HandshakeError } from './errors.ts';
import { Doors, type DoorsContext } from './listening/doors.ts';
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
import { Counters, count } from './metrics/counters.ts';
import { formatMetrics } from './metrics/format.ts';
import type { HookStats } from './metrics/stats.ts';
import { MAX_CONTROL_SIZE } from './protocol/frame.ts';
import { truncateUtf8 } from './protocol/utf8.ts';
import type { SessionSettings } from './resume/session.ts';
import { Sessions } from './resume/sessions.ts';

/**
 * The program's own options, beside the operator's {@link WebSocketConfig}. Exactly one of `onConnection` and `onClient` is
 * required.
 */
export interface WebSocketHookOptions extends WebSocketConfig {
  /**
   * Called with each new client as a socket: hand it to your server as you would a `net.Socket`. If it throws or rejects, that
   * client is closed with 1011.
   */
  readonly onConnection?: (socket: IrcSocket, request: IncomingMessage) => unknown;
  /** Called with each new client as lines: no stream is made. If it throws or rejects, that client is closed with 1011. */
  readonly onClient?: (client: IrcClient, request: IncomingMessage) => unknown;
  /** Called for each request that was refused, after the answer was written. */
  readonly onReject?: (error: HandshakeError, request: IncomingMessage) => void;
  /**
   * Called for each client after the documented checks, to decide on bans, DNS blocklists or cookies. A {@link HandshakeError}
   * refuses the client with its status and reason. Any other error is a 403 without details, and goes to `onError`. The client's
   * input is held meanwhile. `signal` aborts when the client leaves. The time counts towards `handshakeTimeout`. A client that
   * comes back passes `authorize` again: `facts.resumes` then has its earlier facts. To refuse it with a status below 500 ends
   * its session. After a 5xx its page tries again.
   */
  readonly authorize?: (facts: ConnectionFacts, request: IncomingMessage, signal: AbortSignal) => Promise<void> | void;
  /**
   * Called with whatever your own code threw or rejected. Such an error ends the one client that the code was called for, never
   * the process.
   *
   * @defaultValue a process warning with code `IRCD_WEBSOCKET_CALLBACK_ERROR`, and the whole stack in its `detail`
   */
  readonly onError?: (error: unknown, context: FaultContext) => void;
  /**
   * Called when a client wants back a session of another node (`resumeNode`). Relay the connection to that node, request
   * included, and return `true`: the socket is then yours. The request has passed the checks of admission here, and the other
   * node runs its own.
   *
   * @defaultValue the client is told that the session is unknown
   */
  readonly relaySession?: (
    node: string,
    socket: Duplex,
    head: Uint8Array,
    facts: ConnectionFacts,
    request: IncomingMessage,
  ) => boolean;
  /** The payload of native pings, as in InspIRCd. It is cut to 125 bytes. @defaultValue `''` */
  readonly serverName?: string;
  /** Closes the hook when it aborts. */
  readonly signal?: AbortSignal;
}

/** A registry of hooks: a `Map`, or anything with `register(name, hook)`. */
export type HookRegistry =
  // biome-ignore lint/suspicious/noExplicitAny: a registry takes hooks of either kind.
  | { register(name: string, hook: WebSocketHook<any>): unknown }
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  | { set(name: string, hook: WebSocketHook<any>): unknown };

/** The `websocket` bind hook; {@link createWebSocketHook} makes it. Its methods are bound: pass them where you like. */
export interface WebSocketHook<Held extends IrcSocket | IrcClient = IrcSocket> extends AsyncDisposable {
  readonly name: 'websocket';
  /** The connected clients: what `onConnection`, or `onClient`, got. */
  readonly clients: ReadonlySet<Held>;
  /** The configuration in force, defaults included. */
  readonly config: ResolvedConfig;
  /**
   * Takes an upgrade request: `http.createServer().on('upgrade', hook.handleUpgrade)`. Never throws for what a peer does.
   *
   * @throws WebSocketError `ERR_SOCKET_TAKEN` for a socket that was handed over before
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head?: Uint8Array): void;
  /** Answers a plain HTTP request on the port with an HTTP error, which says what a WebSocket request lacks. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  /**
   * Takes a bare TCP or TLS connection. Nothing of it may have been read. With `options` it may begin with a PROXY header, or be
   * plain IRC.
   */
  accept(socket: Socket, options?: AcceptOptions): void;
  /**
   * Takes a stream of HTTP/2, RFC 8441: `server.on('stream', hook.handleStream)`. The server must be made with
   * `settings: { enableConnectProtocol: true }`. Any stream but an extended CONNECT for `websocket` is answered with an
   * HTTP error. Never throws for what a peer does.
   *
   * @param rawHeaders the fields as Node gives them to `'stream'` listeners; without them a field that came twice counts as Node
   *   has joined it
   */
  handleStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags?: number, rawHeaders?: readonly string[]): void;
  /**
   * Makes a server with everything wired. You call `listen` and `close`. Browsers are never asked for a client certificate.
   *
   * The options decide which kind of server it is. Without `proxyProtocol`, `plain` and `http2` it is an `http.Server`, or an
   * `https.Server` if `tls` is set. With one of them it is a `net.Server`, or a `tls.Server` if `tls` is set. Servers with `tls`
   * have `setSecureContext`, which renews the certificates.
   *
   * @throws ConfigError for certificates that do not work, for options that do not fit together, and for `proxyProtocol` while
   *   `proxyRanges` is empty: no header would be believed
   */
  createListener(options?: HttpOptions): HttpServer;
  createListener(options: HttpsOptions): RenewableHttpsServer;
  createListener(options: TlsListenerOptions): RenewableTlsServer;
  createListener(options: NetOptions): NetServer;
  createListener(options?: ListenerOptions): NetServer;
  /** Registers this hook as `websocket`. */
  register(registry: HookRegistry): void;
  /** Returns the counts since the hook was made. */
  stats(): HookStats;
  /**
   * Returns the counts of {@link WebSocketHook.stats} as Prometheus text. @param prefix the beginning of each metric's name
   * @defaultValue `'ircd_websocket_'`
   */
  formatMetrics(prefix?: string): string;
  /** Returns what each check says to this request, and why, without answering it. */
  explain(request: IncomingMessage): AdmissionReport;
  /**
   * Replaces the whole configuration. An option that is not named gets its default. Connected clients keep the configuration that
   * they connected with.
   *
   * @throws ConfigError for a configuration that cannot work; the old one stays in force
   */
  rehash(config: WebSocketConfig): void;
  /**
   * Closes the hook. New requests get 503, and each client is closed with 1001 and `reason`. Resolves when all clients are gone,
   * within `closeTimeout`.
   *
   * With `spread`, the clients are closed over that many milliseconds, in random order, so that they do not all come back in the
   * same second. Each client is served as before until its turn. A further call without `spread` closes the rest at once.
   *
   * @param options `spread`: milliseconds, up to an hour @defaultValue `{ spread: 0 }`
   * @throws RangeError for a `spread` below 0 or over an hour
   */
  close(reason?: string, options?: { readonly spread?: number }): Promise<void>;
}

/**
 * Makes the `websocket` bind hook.
 *
 * @throws ConfigError for a configuration that cannot work, naming tag, key and value
 * @example
 * ```ts
 * const hook = createWebSocketHook({
 *   origins: ['https://chat.example.com'],
 *   onConnection: (socket) => ircServer.accept(socket),
 * });
 * hook.createListener().listen(8080);
 * ```
 */
export function createWebSocketHook(
  options: WebSocketHookOptions & Required<Pick<WebSocketHookOptions, 'onClient'>>,
): WebSocketHook<IrcClient>;
export function createWebSocketHook(options: WebSocketHookOptions): WebSocketHook;
export function createWebSocketHook(options: WebSocketHookOptions): WebSocketHook<never> {
  return new Hook(options) as unknown as WebSocketHook<never>;
}

class Hook implements WebSocketHook<IrcSocket | IrcClient>, DoorsContext {
  readonly name = 'websocket';
  readonly clients: ReadonlySet<IrcSocket | IrcClient>;
  readonly sweeper: Sweeper;
  readonly authorize: UpgradeContext['authorize'];
  readonly #onConnection: WebSocketHookOptions['onConnection'];
  readonly #onClient: WebSocketHookOptions['onClient'];
  readonly #onReject: WebSocketHookOptions['onReject'];
  readonly #faults: Faults;
  readonly #relaySession: WebSocketHookOptions['relaySession'];
  readonly #pingPayload: Buffer;
  readonly #members = new Clients();
  readonly #counters = new Counters();
  readonly #sessions = new Sessions();
  #compiled: CompiledConfig;
  #settings: ClientSettings;
  #closing: Promise<void> | null = null;
  readonly #doors: Doors = new Doors(this);

  constructor({
    onConnection,
    onClient,
    onReject,
    authorize,
    onError,
    relaySession,
    serverName = '',
    signal,
    ...config
  }: WebSocketHookOptions) {
    if ((onConnection === undefined) === (onClient === undefined))
      throw new ConfigError({ tag: 'websocket', key: 'onConnection' }, 'or onClient is required, and not both');
    for (const [key, value] of Object.entries({ onConnection, onClient, onReject, authorize, onError, relaySession }))
      if (value !== undefined && typeof value !== 'function')
        throw new ConfigError({ tag: 'websocket', key, value: typeof value }, 'must be a function');
    this.#onConnection = onConnection;
    this.#onClient = onClient;
    this.#onReject = onReject;
    this.#faults = new Faults(onError);
    this.#relaySession = relaySession;
    this.authorize = authorize;
    this.clients = this.#members.faces as Set<IrcSocket | IrcClient>;
    this.#pingPayload = truncateUtf8(serverName, MAX_CONTROL_SIZE);
    this.#compiled = compileConfig(config);
    this.sweeper = new Sweeper(this.#sweepInterval());
    this.#settings = this.#clientSettings();
    this.#warn();
    // So that an upgrade request behind an unfinished response is noticed (`unfinished.ts`).
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

  readonly stats = (): HookStats => describeStats(this.#counters, this.#members);

  readonly formatMetrics = (prefix?: string): string => formatMetrics(this.stats(), prefix);

  readonly explain = (request: IncomingMessage): AdmissionReport => {
    const peer = peerOf(request.socket) ?? { address: UNKNOWN, port: undefined, encrypted: false };
    return explainAdmission(request, peer, this.#compiled.rules, this.#closing !== null);
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
    if (this.#closing === null) this.#closing = this.#members.dismiss(reason, spread);
    else if (spread === 0) this.#members.hurry();
    return this.#closing;
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // DoorsContext: what the doors, and the handshakes behind them, need from their hook.

  readonly handshakeTimeout = (): number => this.config.handshakeTimeout;
  readonly closeTimeout = (): number => this.config.closeTimeout;
  readonly rejectMode = (): 'http' | 'close-frame' => this.config.rejectMode;

  readonly admit: UpgradeContext['admit'] = (request, peer) => {
    const admitted = admit(request, peer, this.#compiled.rules, this.#closing !== null);
    const { resume, facts } = admitted;
    if (resume === null || resume.isNew) return { ...admitted, ticket: null, foreignNode: null };
    const node = resume.claim?.node ?? this.config.resumeNode;
    if (node !== this.config.resumeNode && this.#relaySession !== undefined)
      return { ...admitted, ticket: null, foreignNode: node };
    const ticket = this.#sessions.claim(resume.claim, facts.origin);
    return { ...admitted, facts: withResumes(facts, ticket.before), ticket, foreignNode: null };
  };

  readonly trustsProxies = (): boolean => this.config.proxyRanges.length > 0;

  trustedRange(address: string): string | null {
    return this.#compiled.rules.proxy.trusted?.(address) ?? null;
  }

  unreadable(error: HandshakeError): void {
    count(this.#counters.rejected, error.status);
    publish(diagnostics.reject, () => ({ error, request: null }));
  }

  readonly relay: UpgradeContext['relay'] = (node, transport, head, facts, request) => {
    const failed = (thrown: unknown): void => this.#faults.report(thrown, { during: 'relaySession', client: null, request });
    try {
      const isTaken = this.#relaySession?.(node, transport, head, facts, request) ?? false;
      // An async function returns a promise, which counts as `true`: nobody else would end the connection.
      watchResult(isTaken, (thrown) => {
        transport.destroy();
        failed(thrown);
      });
      return isTaken;
    } catch (error) {
      failed(error);
      return false;
    }
  };

  readonly handshaken = (milliseconds: number): void => this.#counters.handshakes.observe(milliseconds);

  readonly isClosing = (): boolean => this.#closing !== null;

  readonly welcome: UpgradeContext['welcome'] = (transport, answer, head, { facts, mode, resume, ticket }, request) => {
    prepareTransport(transport);
    this.#members.transportOpened();
    if (facts.client !== facts.peer) publish(diagnostics.proxy, () => ({ facts, request }));
    if (ticket !== null) {
      ticket.session.resume(ticket.claim, { transport, first: answer, head, facts });
      return;
    }
    const session = resume === null ? null : this.#sessions.begin(this.#sessionSettings());
    const first = session === null ? answer : answer + session.greet();
    const followsFirstMessage = mode === 'auto';
    const client = new Client({ transport, first, head, facts }, followsFirstMessage, this.#settings);
    session?.bind(client);
    this.#counters.accepted++;
    if (this.#onClient !== undefined) this.#welcomeLines(client, request, this.#onClient);
    else if (this.#onConnection !== undefined) this.#welcomeStream(client, request, this.#onConnection);
    client.start();
  };

  #welcomeLines(client: Client, request: IncomingMessage, onClient: NonNullable<WebSocketHookOptions['onClient']>): void {
    const face = new LineClient(client);
    this.#enter(client, face, request);
    client.call('onClient', () => onClient(face, request));
  }

  #welcomeStream(
    client: Client,
    request: IncomingMessage,
    onConnection: NonNullable<WebSocketHookOptions['onConnection']>,
  ): void {
    const socket = socketOver(client);
    this.#enter(client, socket, request);
    client.call('onConnection', () => onConnection(socket, request));
  }

  /** @param face what the program holds of the client: an `IrcClient` or an `IrcSocket` */
  #enter(client: Client, face: object, request: IncomingMessage): void {
    client.face = face;
    this.#members.add(client);
    publish(diagnostics.open, () => ({ ...client.describe(), request }));
  }

  readonly rejected: UpgradeContext['rejected'] = (error, request) => {
    count(this.#counters.rejected, error.status);
    publish(diagnostics.reject, () => ({ error, request }));
    const failed = (thrown: unknown): void => this.failed(thrown, 'onReject', request);
    try {
      watchResult(this.#onReject?.(error, request), failed);
    } catch (thrown) {
      failed(thrown);
    }
  };

  /** Reports what the program's own code threw, where no client is ended for it. */
  readonly failed: UpgradeContext['failed'] = (error, during, request) =>
    this.#faults.report(error, { during, client: null, request });

  // Not a closure of `welcome`: that would keep the request, and its headers, for as long as the client lives.
  readonly #closedClient = (client: Client): void => {
    if (this.#members.remove(client)) count(this.#counters.closed, client.closeStatus?.code ?? CloseCode.ABNORMAL);
  };

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
      counters: this.#counters,
      onClosed: this.#closedClient,
      onTransportClosed: this.#members.transportClosed,
      onFault: (error, during, client) => this.#faults.report(error, { during, client: lineClientOf(client), request: null }),
    };
  }

  #sessionSettings(): SessionSettings {
    const { resumeWindow: window, resumeNode: node, sendQueueLimit } = this.config;
    return { window, node, sendQueueLimit, counters: this.#counters, sweeper: this.sweeper };
  }

  #sweepInterval(): number {
    const { pingInterval, pingTimeout, closeTimeout, handshakeTimeout, resumeWindow } = this.config;
    return sweepInterval([pingInterval, pingTimeout, closeTimeout, handshakeTimeout, resumeWindow]);
  }

  #warn(): void {
    for (const { message, code, isDeprecation } of this.#compiled.warnings) {
      process.emitWarning(message, { type: isDeprecation ? 'DeprecationWarning' : 'Warning', code });
    }
  }
}

const NO_BYTES = new Uint8Array(0);

/** Milliseconds. More than an hour is a mistake of the unit. */
const LONGEST_SPREAD = 3_600_000;

/** What a socket of an HTTP server needs before it serves for hours. Not every stream that can be upgraded is a TCP socket. */
function prepareTransport(transport: Duplex): void {
  const socket = transport as Partial<Socket>;
  // 0: the server's time limits for requests end here.
  socket.setTimeout?.(0);
  socket.setNoDelay?.(true);
}
