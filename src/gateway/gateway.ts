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
import type { IrcSocket } from '../client/irc-socket.ts';
import type { WebSocketConfig } from '../config/config.ts';
import { checkDnsbl, checkZone, type DnsblOptions } from '../dns/dnsbl.ts';
import { confirmHostname } from '../dns/hostname.ts';
import type { LookupOptions } from '../dns/resolver.ts';
import { CloseCode, HandshakeError } from '../errors.ts';
import { createWebSocketHook, type WebSocketHook, type WebSocketHookOptions } from '../hook.ts';
import type { AcceptOptions, ListenerOptions } from '../listening/listener.ts';
import { formatWebirc } from '../webirc/webirc.ts';
import { AddressCount, type AddressPlaces } from './address-count.ts';
import { type GatewayLimits, resolveLimits } from './limits.ts';
import { dismiss, linkUp } from './link.ts';
import { type Connected, connectUpstream, prepareUpstreams, UntrustedError, type Upstream } from './upstream.ts';

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
  /** Where the places of addresses are counted: give several gateways the same one. @defaultValue one of its own */
  readonly places?: AddressPlaces;
  /** Takes the gateway's notes, a line each; passwords never stand in them. */
  readonly log?: (line: string) => void;
}

/** What {@link IrcGateway.reload} takes. What is not named of the last three stays as it is; `limits` that are given replace all of them. */
export interface IrcGatewayReload {
  readonly hook: WebSocketConfig;
  readonly upstreams: readonly Upstream[];
  readonly hostnames?: boolean | LookupOptions;
  /** `null`: no lists any more. */
  readonly dnsbl?: IrcGatewayOptions['dnsbl'] | null;
  readonly limits?: GatewayLimits;
}

/** Counts since the gateway was made. */
export interface GatewayStats {
  /** Clients that are in now. */
  readonly clients: number;
  readonly accepted: number;
  readonly refused: number;
  /** Clients that no IRC server could be found for. */
  readonly unreachable: number;
  /** Clients whose IRC server did not take the gateway's WEBIRC. */
  readonly webircRefused: number;
  /** Clients that sent too many lines. */
  readonly flooded: number;
}

/** Is a gateway; made by {@link createIrcGateway}. */
export interface IrcGateway extends AsyncDisposable {
  readonly hook: WebSocketHook;
  handleUpgrade(request: IncomingMessage, socket: Duplex, head?: Uint8Array): void;
  accept(socket: Socket, options?: AcceptOptions): void;
  createListener(options?: ListenerOptions): Server;
  /** Replaces what newcomers meet, all or nothing; clients stay where they are, with the limits they came in with. @throws ConfigError */
  reload(options: IrcGatewayReload): void;
  stats(): GatewayStats;
  /**
   * Closes everybody by 1001, sends `QUIT` for them, and resolves when all are gone on both sides: within `closeTimeout` and five seconds. With `spread` that begins
   * over as many milliseconds, as the hook's `close` does.
   */
  close(reason?: string, options?: { readonly spread?: number }): Promise<void>;
}

/**
 * Makes a gateway.
 *
 * @throws ConfigError for servers, origins, limits or lists that cannot work
 */
export function createIrcGateway(options: IrcGatewayOptions): IrcGateway {
  return new Gateway(options);
}

/** What newcomers meet, checked. */
interface Terms {
  readonly upstreams: readonly Upstream[];
  readonly hostnames: boolean | LookupOptions;
  readonly dnsbl: NonNullable<IrcGatewayOptions['dnsbl']> | null;
  readonly limits: Required<GatewayLimits>;
}

class Gateway implements IrcGateway {
  readonly hook: WebSocketHook;
  readonly #log: (line: string) => void;
  #terms: Terms;
  /** Who is next: clients are spread over the servers. */
  #turn = 0;
  readonly #addresses: AddressPlaces;
  /** What gives back the places of clients that are being let in. */
  readonly #places = new WeakMap<IncomingMessage, () => void>();
  /** Connections to IRC servers. */
  readonly #servers = new Set<Socket>();
  /** Why everybody leaves, once they do. */
  #farewell: string | null = null;
  #accepted = 0;
  #refused = 0;
  #unreachable = 0;
  #webircRefused = 0;
  #flooded = 0;

  constructor({ hook, upstreams, hostnames = false, dnsbl, limits = {}, places, log = () => {} }: IrcGatewayOptions) {
    this.#terms = checkTerms(upstreams, hostnames, dnsbl ?? null, limits);
    this.#addresses = places ?? new AddressCount();
    this.#log = log;
    this.hook = createWebSocketHook({
      ...hook,
      authorize: async (facts, request, signal) => {
        await this.#authorize(facts, request, signal);
        await hook.authorize?.(facts, request, signal);
      },
      onReject: (error, request) => {
        this.#refused++;
        this.#log(`refused ${request.socket.remoteAddress ?? 'unix'}: ${error.status} ${error.reason}`);
        hook.onReject?.(error, request);
      },
      onConnection: (socket, request) => void this.#serve(socket, request),
    });
  }

  readonly handleUpgrade: WebSocketHook['handleUpgrade'] = (...args) => this.hook.handleUpgrade(...args);
  readonly accept: WebSocketHook['accept'] = (...args) => this.hook.accept(...args);
  readonly createListener = ((options?: ListenerOptions) => this.hook.createListener(options)) as WebSocketHook['createListener'];

  readonly reload: IrcGateway['reload'] = ({ hook, upstreams, hostnames, dnsbl, limits }) => {
    const old = this.#terms;
    const terms = checkTerms(
      upstreams,
      hostnames ?? old.hostnames,
      dnsbl === undefined ? old.dnsbl : dnsbl,
      limits ?? old.limits,
    );
    // Throws, or takes effect: everything else is checked by now.
    this.hook.rehash(hook);
    this.#terms = terms;
  };

  readonly stats = (): GatewayStats => ({
    clients: this.hook.clients.size,
    accepted: this.#accepted,
    refused: this.#refused,
    unreachable: this.#unreachable,
    webircRefused: this.#webircRefused,
    flooded: this.#flooded,
  });

  readonly close: IrcGateway['close'] = (reason = 'Gateway is shutting down', options = {}) => {
    // Throws for a spread that is no time, and then nobody leaves.
    const closed = this.hook.close(reason, options);
    this.#farewell ??= reason;
    return this.#closeServers(closed);
  };

  async #closeServers(closed: Promise<void>): Promise<void> {
    await closed;
    await Promise.all([...this.#servers].map((server) => new Promise((resolve) => server.once('close', resolve))));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The WebIRC document's client expectations: access controls, before the client is let in. */
  async #authorize({ client }: ConnectionFacts, request: IncomingMessage, signal: AbortSignal): Promise<void> {
    const { limits, dnsbl } = this.#terms;
    // Taken before anything is waited for: of two that come at once the second must see the first.
    const leave = await this.#addresses.take(client.address, limits.connectionsPerAddress);
    if (leave === null) throw new HandshakeError(429, 'WebSocket: Too many connections from your address');
    this.#places.set(request, leave);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    if (dnsbl === null) return;
    const { zones, ...options } = dnsbl;
    const hit = await checkDnsbl(client.address, zones, { ...options, signal });
    if (hit !== null)
      throw new HandshakeError(
        403,
        `WebSocket: Your address is listed in ${hit.zone}${hit.reason === null ? '' : `: ${hit.reason}`}`,
      );
  }

  async #serve(socket: IrcSocket, request: IncomingMessage): Promise<void> {
    const { address } = socket.websocket.client;
    const { upstreams, hostnames, limits } = this.#terms;
    this.#accepted++;
    const gone = new AbortController();
    const leave = this.#places.get(request);
    socket.once('close', () => {
      gone.abort();
      leave?.();
    });
    try {
      const hostname = await hostnameOf(address, hostnames, gone.signal);
      const connected = await connectUpstream(upstreams, this.#turn++, limits.connectTimeout, gone.signal);
      const server = connected.socket;
      this.#servers.add(server);
      server.once('close', () => this.#servers.delete(server));
      try {
        introduce(connected, socket, hostname);
      } catch (error) {
        server.destroy();
        throw error;
      }
      linkUp(socket, connected, {
        linesPerSecond: limits.linesPerSecond,
        onWebircRefused: (line) => {
          this.#webircRefused++;
          const { host, port } = connected.upstream;
          this.#log(`${host}:${port} refused WEBIRC: ${line.slice(0, LOGGED_SIZE)}`);
        },
        farewell: () => this.#farewell,
        onFlood: () => {
          this.#flooded++;
          this.#log(`${address} sent too many lines`);
        },
      });
    } catch (error) {
      if (gone.signal.aborted) return;
      this.#unreachable++;
      this.#log(`no IRC server for ${address}: ${error instanceof Error ? error.message : String(error)}`);
      const problem = error instanceof UntrustedError ? 'has a certificate that is not trusted' : 'cannot be reached';
      dismiss(socket, CloseCode.TRY_AGAIN_LATER, `The IRC server ${problem}`);
    }
  }
}

/** What others said is cut to this in the log. */
const LOGGED_SIZE = 200;

/** @throws ConfigError */
function checkTerms(
  upstreams: readonly Upstream[],
  hostnames: boolean | LookupOptions,
  dnsbl: Terms['dnsbl'],
  limits: GatewayLimits,
): Terms {
  for (const zone of dnsbl?.zones ?? []) checkZone(zone);
  return { upstreams: prepareUpstreams(upstreams), hostnames, dnsbl, limits: resolveLimits(limits) };
}

async function hostnameOf(address: string, hostnames: boolean | LookupOptions, signal: AbortSignal): Promise<string> {
  if (hostnames === false) return '';
  const options = hostnames === true ? {} : hostnames;
  return (await confirmHostname(address, { ...options, signal })) ?? '';
}

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
