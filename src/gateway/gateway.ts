/**
 * WebSocket in, IRC over TCP or TLS out: for IRC servers that have no websockets.
 *
 * In: the options of a hook, and IRC servers. Out: each web client on a connection of its own to one of them, introduced by WEBIRC before anything of the
 * user's. It keeps no state of IRC: what stands between the two ends is lines.
 */
import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionFacts } from '../admission/facts.ts';
import type { WebSocketConfig } from '../config.ts';
import { CloseCode, HandshakeError } from '../errors.ts';
import { createWebSocketHook, type WebSocketHook, type WebSocketHookOptions } from '../hook.ts';
import { checkDnsbl, type DnsblOptions } from '../irc/dnsbl.ts';
import { confirmHostname } from '../irc/hostname.ts';
import type { LookupOptions } from '../irc/resolver.ts';
import { formatWebirc } from '../irc/webirc.ts';
import type { IrcSocket } from '../server/client.ts';
import type { AcceptOptions, ListenerOptions } from '../server/listener.ts';
import { Introduction } from './introduction.ts';
import { type Connected, checkUpstreams, connectUpstream, type Upstream } from './upstream.ts';

/** What one client, or one address, may take up. */
export interface GatewayLimits {
  /** Connections from one address. @defaultValue `20` */
  readonly connectionsPerAddress?: number;
  /** Lines a second in the long run; a hundred may come at once. @defaultValue `20` */
  readonly linesPerSecond?: number;
  /** Milliseconds for each IRC server to answer. @defaultValue `10000` */
  readonly connectTimeout?: number;
}

/** What {@link createIrcGateway} takes. */
export interface IrcGatewayOptions {
  /** Who may come in; `onConnection` is the gateway's own. */
  readonly hook: Omit<WebSocketHookOptions, 'onConnection'>;
  /** The IRC servers; each new client begins with the next one, and goes on to the others where it does not answer. */
  readonly upstreams: readonly Upstream[];
  /** Whether a client's confirmed host name is sent; `false`: the address stands for it. @defaultValue `false` */
  readonly hostnames?: boolean | LookupOptions;
  /** Lists of addresses that may not come in. */
  readonly dnsbl?: DnsblOptions & { readonly zones: readonly string[] };
  readonly limits?: GatewayLimits;
  /** Takes the gateway's notes, a line each; passwords never stand in them. */
  readonly log?: (line: string) => void;
}

/** Counts since the gateway was made. */
export interface GatewayStats {
  /** Clients that are in now. */
  readonly clients: number;
  readonly accepted: number;
  readonly refused: number;
  /** Clients that no IRC server could be found for. */
  readonly unreachable: number;
}

/** Is a gateway; made by {@link createIrcGateway}. */
export interface IrcGateway extends AsyncDisposable {
  readonly hook: WebSocketHook;
  handleUpgrade(request: IncomingMessage, socket: Duplex, head?: Uint8Array): void;
  accept(socket: Socket, options?: AcceptOptions): void;
  createListener(options?: ListenerOptions): Server;
  /** Replaces the hook's configuration and the servers, all or nothing; clients stay where they are. @throws ConfigError */
  reload(options: { readonly hook: WebSocketConfig; readonly upstreams: readonly Upstream[] }): void;
  stats(): GatewayStats;
  /** Sends `QUIT` for everybody, closes them by 1001, and resolves when all are gone; over `spread` milliseconds, as the hook's `close` does. */
  close(reason?: string, options?: { readonly spread?: number }): Promise<void>;
}

const FLOOD_BURST = 100;
const DEFAULT_LIMITS = { connectionsPerAddress: 20, linesPerSecond: 20, connectTimeout: 10_000 } as const;

/**
 * Makes a gateway.
 *
 * @throws ConfigError for servers or origins that cannot work
 */
export function createIrcGateway(options: IrcGatewayOptions): IrcGateway {
  return new Gateway(options);
}

class Gateway implements IrcGateway {
  readonly hook: WebSocketHook;
  readonly #hostnames: boolean | LookupOptions;
  readonly #dnsbl: IrcGatewayOptions['dnsbl'];
  readonly #limits: Required<GatewayLimits>;
  readonly #log: (line: string) => void;
  #upstreams: readonly Upstream[];
  /** Who is next: clients are spread over the servers. */
  #turn = 0;
  readonly #perAddress = new Map<string, number>();
  #accepted = 0;
  #refused = 0;
  #unreachable = 0;

  constructor({ hook, upstreams, hostnames = false, dnsbl, limits = {}, log = () => {} }: IrcGatewayOptions) {
    checkUpstreams(upstreams);
    this.#upstreams = upstreams;
    this.#hostnames = hostnames;
    this.#dnsbl = dnsbl;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#log = log;
    this.hook = createWebSocketHook({
      ...hook,
      authorize: async (facts, request, signal) => {
        await this.#authorize(facts, signal);
        await hook.authorize?.(facts, request, signal);
      },
      onReject: (error, request) => {
        this.#refused++;
        this.#log(`refused ${request.socket.remoteAddress ?? 'unix'}: ${error.status} ${error.reason}`);
        hook.onReject?.(error, request);
      },
      onConnection: (socket) => void this.#serve(socket),
    });
  }

  readonly handleUpgrade: WebSocketHook['handleUpgrade'] = (...args) => this.hook.handleUpgrade(...args);
  readonly accept: WebSocketHook['accept'] = (...args) => this.hook.accept(...args);
  readonly createListener: WebSocketHook['createListener'] = (options) => this.hook.createListener(options);

  readonly reload: IrcGateway['reload'] = ({ hook, upstreams }) => {
    checkUpstreams(upstreams);
    this.hook.rehash(hook);
    this.#upstreams = upstreams;
  };

  readonly stats = (): GatewayStats => ({
    clients: this.hook.clients.size,
    accepted: this.#accepted,
    refused: this.#refused,
    unreachable: this.#unreachable,
  });

  readonly close: IrcGateway['close'] = (reason, options) => this.hook.close(reason, options);

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The WebIRC document's client expectations: access controls, before the client is let in. */
  async #authorize({ client }: ConnectionFacts, signal: AbortSignal): Promise<void> {
    if ((this.#perAddress.get(client.address) ?? 0) >= this.#limits.connectionsPerAddress) {
      throw new HandshakeError(429, 'WebSocket: Too many connections from your address');
    }
    if (this.#dnsbl === undefined) return;
    const { zones, ...options } = this.#dnsbl;
    const hit = await checkDnsbl(client.address, zones, { ...options, signal });
    if (hit !== null)
      throw new HandshakeError(
        403,
        `WebSocket: Your address is listed in ${hit.zone}${hit.reason === null ? '' : `: ${hit.reason}`}`,
      );
  }

  async #serve(socket: IrcSocket): Promise<void> {
    const { client } = socket.websocket;
    this.#accepted++;
    this.#perAddress.set(client.address, (this.#perAddress.get(client.address) ?? 0) + 1);
    const gone = new AbortController();
    socket.once('close', () => {
      gone.abort();
      const left = (this.#perAddress.get(client.address) ?? 1) - 1;
      if (left === 0) this.#perAddress.delete(client.address);
      else this.#perAddress.set(client.address, left);
    });
    try {
      const hostname = await this.#hostnameOf(client.address, gone.signal);
      const connected = await connectUpstream(this.#upstreams, this.#turn++, this.#limits.connectTimeout, gone.signal);
      introduce(connected, socket, hostname);
      this.#join(socket, connected);
    } catch (error) {
      if (gone.signal.aborted) return;
      this.#unreachable++;
      this.#log(`no IRC server for ${client.address}: ${error instanceof Error ? error.message : String(error)}`);
      end(socket, 'The IRC server cannot be reached');
    }
  }

  async #hostnameOf(address: string, signal: AbortSignal): Promise<string> {
    if (this.#hostnames === false) return '';
    const options = this.#hostnames === true ? {} : this.#hostnames;
    return (await confirmHostname(address, { ...options, signal })) ?? '';
  }

  /** Couples both ends: each is read only as fast as the other takes it. */
  #join(client: IrcSocket, { socket: server, upstream }: Connected): void {
    const introduction = upstream.webirc === undefined ? null : new Introduction();
    let tokens = FLOOD_BURST;
    let filledAt = performance.now();
    let hasQuit = false;
    client.onLine((line: Buffer) => {
      const now = performance.now();
      tokens = Math.min(FLOOD_BURST, tokens + ((now - filledAt) / 1_000) * this.#limits.linesPerSecond);
      filledAt = now;
      if (tokens-- < 1) {
        server.end('QUIT :Excess Flood\r\n');
        hasQuit = true;
        end(client, 'Excess Flood');
        return;
      }
      // WEBIRC is the gateway's to say.
      if (/^\s*(?:[@:]\S*\s+)*webirc\b/i.test(line.toString('latin1', 0, 600))) return;
      hasQuit ||= /^quit\b/i.test(line.toString('latin1', 0, 5));
      if (!server.write(Buffer.concat([line, CRLF]))) {
        client.pause();
        server.once('drain', () => client.resume());
      }
    }, 'buffer');
    server.on('data', (chunk: Buffer) => {
      const refusal = introduction?.refusal(chunk) ?? null;
      if (refusal !== null) {
        server.destroy();
        this.#log(`${upstream.host}:${upstream.port} refused WEBIRC: ${refusal}`);
        end(client, 'The IRC server does not know this gateway');
        return;
      }
      if (client.write(chunk)) return;
      server.pause();
      client.once('drain', () => server.resume());
    });
    server.on('error', (error) => end(client, `The IRC server is gone (${error.message})`));
    server.on('end', () => client.closeWebSocket(CloseCode.NORMAL, 'The IRC server closed the connection'));
    server.on('close', () => client.closeWebSocket(CloseCode.NORMAL, 'The IRC server closed the connection'));
    client.on('close', () => {
      if (!server.writable) return;
      const { code = CloseCode.ABNORMAL, reason = '' } = client.closeStatus ?? {};
      if (!hasQuit) server.write(`QUIT :${quitReason(code, reason)}\r\n`);
      server.end();
    });
  }
}

const CRLF = Buffer.from('\r\n');

/** Says who the client is, before anything that the client says. */
function introduce(
  { upstream: { webirc }, socket }: Connected,
  { websocket, remotePort, localPort }: IrcSocket,
  hostname: string,
): void {
  if (webirc === undefined) return;
  const options = new Map<string, string>();
  if (websocket.secure) options.set('secure', '');
  if (remotePort !== undefined) options.set('remote-port', String(remotePort));
  if (localPort !== undefined) options.set('local-port', String(localPort));
  const { address } = websocket.client;
  // A Unix domain socket's peer is on this machine.
  socket.write(`${formatWebirc({ ...webirc, hostname, address: address === 'unix' ? '127.0.0.1' : address, options })}\r\n`);
}

/** Ends a client in IRC's words and in WebSocket's. */
function end(client: IrcSocket, reason: string): void {
  client.write(`ERROR :Closing link: (${client.remoteAddress ?? 'unix'}) [${reason}]\r\n`);
  client.closeWebSocket(CloseCode.TRY_AGAIN_LATER, reason);
}

/** Why a browser left, for those it talked to. Line ends would be further commands. */
function quitReason(code: number, reason: string): string {
  const said = reason.replace(/[\r\n\0]+/g, ' ').trim();
  if (said !== '') return said;
  if (code === CloseCode.GOING_AWAY) return 'Page closed';
  return code === CloseCode.ABNORMAL ? 'Connection lost' : 'Connection closed';
}
