/**
 * WebSocket in, IRC over TCP or TLS out: for IRC servers that have no WebSockets.
 *
 * In: the options of a hook, and IRC servers. Out: each web client on a connection of its own to one of them, introduced by
 * WEBIRC before anything of the user's. It keeps no state of IRC: what stands between the two ends is lines.
 *
 * The IRC server is connected before the upgrade is answered: where none answers the browser gets 503, and web clients try again
 * by themselves.
 *
 * One file, although long: each of its steps concerns the same client, who it is, where it goes and what it leaves behind.
 */
import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { UNIX, UNKNOWN } from '../address/ranges.ts';
import type { ConnectionFacts } from '../admission/facts.ts';
import type { IrcClient } from '../client/irc-client.ts';
import type { WebSocketConfig } from '../config/config.ts';
import { checkDnsbl } from '../dns/dnsbl.ts';
import { confirmHostname } from '../dns/hostname.ts';
import type { LookupOptions } from '../dns/resolver.ts';
import { CloseCode, HandshakeError } from '../errors.ts';
import { createWebSocketHook, type WebSocketHook, type WebSocketHookOptions } from '../hook.ts';
import type { AcceptOptions, ListenerOptions } from '../listening/listener.ts';
import { formatWebirc } from '../webirc/webirc.ts';
import { AddressCount, type AddressPlaces } from './address-count.ts';
import { UntrustedError } from './connect.ts';
import { type GatewayEvent, SAID_SIZE } from './events.ts';
import { fillTemplate, type GatewayUsers, type Identity } from './identity.ts';
import type { GatewayLimits } from './limits.ts';
import { dismiss, Link } from './link.ts';
import { networkOf } from './network.ts';
import type { Connected, UpstreamStats } from './pool.ts';
import { describeRefusal } from './refusal.ts';
import { Registration } from './registration.ts';
import { checkTerms, type GatewayDnsbl, type Terms } from './terms.ts';
import type { Upstream } from './upstream.ts';
import { Visit } from './visit.ts';

/** What {@link createIrcGateway} takes. */
export interface IrcGatewayOptions {
  /** The options of the hook that lets clients in; `onClient` is the gateway's own. */
  readonly hook: Omit<WebSocketHookOptions, 'onConnection' | 'onClient'>;
  /** The IRC servers; each new client begins with the next one, and goes on to the others where it does not answer. */
  readonly upstreams: readonly Upstream[];
  /** What users are called. @defaultValue what they call themselves */
  readonly users?: GatewayUsers;
  /** Whether a client's confirmed host name is sent; `false`: the address stands for it. @defaultValue `false` */
  readonly hostnames?: boolean | LookupOptions;
  /** Lists of addresses that may not come in. */
  readonly dnsbl?: GatewayDnsbl;
  readonly limits?: GatewayLimits;
  /** Where the places of addresses are counted: give several gateways the same one. @defaultValue one of its own */
  readonly places?: AddressPlaces;
  /** Takes the sentence of each event of level `info` and `warn`; passwords never stand in them. */
  readonly log?: (line: string) => void;
  /** Takes each event. */
  readonly onEvent?: (event: GatewayEvent) => void;
}

/**
 * What {@link IrcGateway.reload} takes. What is not named of the last four stays as it is; `limits` and `users` that are given
 * replace all of them.
 */
export interface IrcGatewayReload {
  readonly hook: WebSocketConfig;
  readonly upstreams: readonly Upstream[];
  readonly users?: GatewayUsers;
  readonly hostnames?: boolean | LookupOptions;
  /** `null`: no lists any more. */
  readonly dnsbl?: GatewayDnsbl | null;
  readonly limits?: GatewayLimits;
}

/** Counts since the gateway was made. */
export interface GatewayStats {
  /** Clients that are in now. */
  readonly clients: number;
  readonly accepted: number;
  readonly refused: number;
  /** Clients that no IRC server could be found for: they were refused by 503. */
  readonly unreachable: number;
  /** Clients whose IRC server did not accept the gateway's WEBIRC. */
  readonly webircRefused: number;
  /** Clients that sent too many lines for too long. */
  readonly flooded: number;
  /** The IRC servers, in the order of the configuration. */
  readonly upstreams: readonly UpstreamStats[];
}

/** A gateway; made by {@link createIrcGateway}. */
export interface IrcGateway extends AsyncDisposable {
  readonly hook: WebSocketHook<IrcClient>;
  handleUpgrade(request: IncomingMessage, socket: Duplex, head?: Uint8Array): void;
  accept(socket: Socket, options?: AcceptOptions): void;
  createListener(options?: ListenerOptions): Server;
  /**
   * Replaces what new clients meet, all or nothing; clients that are in keep their server and their limits. @throws ConfigError
   */
  reload(options: IrcGatewayReload): void;
  stats(): GatewayStats;
  /**
   * Closes everybody by 1001, sends `QUIT` for them, and resolves when all are gone on both sides: within `closeTimeout` and five
   * seconds. With `spread` that begins over as many milliseconds, as the hook's `close` does.
   */
  close(reason?: string, options?: { readonly spread?: number }): Promise<void>;
}

/**
 * Makes a gateway.
 *
 * @throws ConfigError for servers, origins, limits, templates or lists that cannot work
 * @example
 * ```ts
 * const gateway = createIrcGateway({
 *   hook: { origins: ['https://chat.example.com'] },
 *   upstreams: [{ host: 'irc.example.com', port: 6697, tls: true, webirc: { password, gateway: 'web' } }],
 * });
 * gateway.createListener().listen(8067);
 * ```
 */
export function createIrcGateway(options: IrcGatewayOptions): IrcGateway {
  return new Gateway(options);
}

class Gateway implements IrcGateway {
  readonly hook: WebSocketHook<IrcClient>;
  readonly #emit: (event: GatewayEvent) => void;
  #terms: Terms;
  readonly #addresses: AddressPlaces;
  /** Clients that are being let in. */
  readonly #visits = new WeakMap<IncomingMessage, Visit>();
  /** Clients that are coming back, by the facts that they come back with. */
  readonly #returns = new WeakMap<ConnectionFacts, Visit>();
  /** Connections to IRC servers. */
  readonly #servers = new Set<Socket>();
  /** Why everybody leaves, once they do. */
  #farewell: string | null = null;
  #accepted = 0;
  #refused = 0;
  #unreachable = 0;
  #webircRefused = 0;
  #flooded = 0;

  constructor({ hook, upstreams, users = {}, hostnames = false, dnsbl, limits = {}, places, log, onEvent }: IrcGatewayOptions) {
    this.#terms = checkTerms({ upstreams, users, hostnames, dnsbl: dnsbl ?? null, limits });
    this.#addresses = places ?? new AddressCount();
    this.#emit = (event) => {
      if (event.level !== 'debug') log?.(event.message);
      onEvent?.(event);
    };
    this.hook = createWebSocketHook({
      ...hook,
      authorize: (facts, request, signal) => this.#letIn(facts, request, signal, hook.authorize),
      onReject: (error, request) => {
        this.#visits.get(request)?.abandon();
        this.#refused++;
        for (const event of describeRefusal(error, request, this.hook)) this.#emit(event);
        hook.onReject?.(error, request);
      },
      onClient: (client, request) => this.#serve(client, request),
    });
  }

  readonly handleUpgrade: WebSocketHook['handleUpgrade'] = (...args) => this.hook.handleUpgrade(...args);
  readonly accept: WebSocketHook['accept'] = (...args) => this.hook.accept(...args);
  readonly createListener = ((options?: ListenerOptions) => this.hook.createListener(options)) as WebSocketHook['createListener'];

  readonly reload: IrcGateway['reload'] = ({ hook, upstreams, users, hostnames, dnsbl, limits }) => {
    const old = this.#terms.options;
    const terms = checkTerms(
      {
        upstreams,
        users: users ?? old.users,
        hostnames: hostnames ?? old.hostnames,
        dnsbl: dnsbl === undefined ? old.dnsbl : dnsbl,
        limits: limits ?? old.limits,
      },
      this.#terms,
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
    upstreams: this.#terms.pool.stats(),
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

  /** Gets everything that a client needs before it is let in, or refuses it. */
  async #letIn(
    facts: ConnectionFacts,
    request: IncomingMessage,
    signal: AbortSignal,
    authorize: WebSocketHookOptions['authorize'],
  ): Promise<void> {
    const terms = this.#terms;
    const visit = new Visit(await this.#takePlace(facts, terms));
    this.#visits.set(request, visit);
    signal.addEventListener('abort', visit.abandon, { once: true });
    if (signal.aborted) visit.abandon();
    try {
      await this.#examine(facts, request, visit, terms, signal, authorize);
      // A client that comes back has its IRC server still; its place moves to the new address when it is there.
      if (facts.resumes === null) await this.#connect(facts, visit, terms, signal);
      else this.#returns.set(facts, visit);
    } catch (error) {
      // Nobody reads it, and nobody's code has failed.
      if (signal.aborted) throw new HandshakeError(503, 'WebSocket: The client has gone', {}, { cause: error });
      throw error;
    }
  }

  async #examine(
    facts: ConnectionFacts,
    request: IncomingMessage,
    visit: Visit,
    terms: Terms,
    signal: AbortSignal,
    authorize: WebSocketHookOptions['authorize'],
  ): Promise<void> {
    // The WebIRC document's client expectations: access controls, before the client is let in.
    [visit.hostname] = await Promise.all([
      terms.lookup === null || facts.resumes !== null ? null : confirmHostname(facts.client.address, { ...terms.lookup, signal }),
      this.#checkLists(facts.client.address, visit, terms, signal),
    ]);
    await authorize?.(facts, request, signal);
  }

  /** Taken before anything is waited for: of two clients that come at once the second must see the first. */
  async #takePlace({ client, resumes }: ConnectionFacts, { limits }: Terms): Promise<() => void> {
    const network = networkOf(client.address, limits.ipv6Prefix);
    if (resumes !== null && networkOf(resumes.client.address, limits.ipv6Prefix) === network) return KEEPS_ITS_PLACE;
    const place = await this.#addresses.take(network, {
      connections: limits.connectionsPerAddress,
      perMinute: limits.connectionsPerMinute,
    });
    // A client that comes back may try again: only a refusal for good would end it.
    if (resumes !== null && typeof place === 'string')
      throw new HandshakeError(503, 'WebSocket: Too many connections from your new address');
    if (place === 'connections') throw new HandshakeError(429, 'WebSocket: Too many connections from your address');
    if (place === 'perMinute') {
      throw new HandshakeError(429, 'WebSocket: Too many new connections from your address', { 'Retry-After': '60' });
    }
    return place;
  }

  async #checkLists(address: string, visit: Visit, { options: { dnsbl } }: Terms, signal: AbortSignal): Promise<void> {
    if (dnsbl === null) return;
    const { zones, ...options } = dnsbl;
    const hit = await checkDnsbl(address, zones, { ...options, signal });
    if (hit === null) return;
    if (hit.action === 'deny') {
      const reason = hit.reason === null ? '' : `: ${hit.reason}`;
      throw new HandshakeError(403, `WebSocket: Your address is listed in ${hit.zone}${reason}`);
    }
    visit.mark = hit.zone;
    const fields = { address, zone: hit.zone, codes: hit.codes.join(' '), reason: hit.reason };
    this.#emit({ level: 'info', event: 'listed', message: `${address} is listed in ${hit.zone}, and was let in`, fields });
  }

  async #connect(
    facts: ConnectionFacts,
    visit: Visit,
    { pool, limits, options: { users } }: Terms,
    signal: AbortSignal,
  ): Promise<void> {
    const { address } = facts.client;
    let connected: Connected;
    try {
      connected = await pool.connect(limits.connectTimeout, signal, ({ name }, error) => {
        const fields = { upstream: name, error: error.message };
        this.#emit({ level: 'warn', event: 'upstream', message: `${name}: ${error.message}`, fields });
      });
    } catch (error) {
      signal.throwIfAborted();
      this.#unreachable++;
      const problem = error instanceof UntrustedError ? 'has a certificate that is not trusted' : 'cannot be reached';
      this.#emit({
        level: 'warn',
        event: 'unreachable',
        message: `no IRC server for ${address}: ${(error as Error).message}`,
        fields: { address, error: (error as Error).message },
      });
      throw new HandshakeError(503, `WebSocket: The IRC server ${problem}`, { 'Retry-After': '5' }, { cause: error as Error });
    }
    const { socket } = connected;
    this.#servers.add(socket);
    socket.once('close', () => this.#servers.delete(socket));
    // From here on it is the visit's: a refusal ends it.
    visit.connect(connected);
    introduce(connected, facts, visit, users);
  }

  #serve(client: IrcClient, request: IncomingMessage): void {
    const { facts } = client;
    const visit = this.#visits.get(request);
    const connected = visit?.connected;
    // A client without a visit did not come through `#letIn`: there is nobody to take it to.
    if (visit === undefined || connected == null) {
      client.destroy();
      return;
    }
    this.#visits.delete(request);
    this.#accepted++;
    let seat = visit;
    client.onClose(() => seat.leave());
    client.onResume((now) => {
      const next = this.#returns.get(now);
      if (next === undefined || next.leave === KEEPS_ITS_PLACE) return;
      seat.leave();
      seat = next;
    });
    if (connected.socket.destroyed) {
      dismiss(client, CloseCode.GOING_AWAY, 'The IRC server is gone', false);
      return;
    }
    const { address } = facts.client;
    const upstream = connected.upstream.name;
    const { limits, options } = this.#terms;
    const startedAt = performance.now();
    const identity = { address, hostname: visit.hostname, origin: facts.origin };
    this.#emit({
      level: 'info',
      event: 'connect',
      message: `${address} connected to ${upstream}`,
      fields: { ...identity, port: facts.client.port ?? null, upstream, secure: facts.secure },
    });
    client.onSuspend(() => this.#emitReturn('suspend', client, upstream));
    client.onResume(() => this.#emitReturn('resume', client, upstream));
    new Link(client, connected, {
      limits,
      registration: registrationOf(connected, options.users, identity),
      farewell: () => this.#farewell,
      onWebircRefused: (line) => {
        this.#webircRefused++;
        const said = line.slice(0, SAID_SIZE);
        const message = `${upstream} refused WEBIRC: ${said}`;
        this.#emit({ level: 'warn', event: 'webirc', message, fields: { upstream, said } });
      },
      onFlood: () => {
        this.#flooded++;
        this.#emit({ level: 'info', event: 'flood', message: `${address} sent too many lines`, fields: { address } });
      },
      onEnd: (report) => {
        const seconds = Math.round(performance.now() - startedAt) / 1_000;
        const { code = CloseCode.ABNORMAL, reason = '' } = client.closeStatus ?? {};
        const { address } = client.facts.client;
        this.#emit({
          level: 'info',
          event: 'disconnect',
          message: `${address} disconnected from ${upstream} after ${seconds} s: ${code}${reason === '' ? '' : ` ${reason}`}`,
          fields: { address, upstream, seconds, ...report, code, reason: reason.slice(0, SAID_SIZE) },
        });
      },
    });
  }

  #emitReturn(event: 'suspend' | 'resume', { facts }: IrcClient, upstream: string): void {
    const { address } = facts.client;
    const message =
      event === 'suspend'
        ? `${address} has lost its connection, and may come back to ${upstream}`
        : `${address} has come back to ${upstream}`;
    this.#emit({ level: 'info', event, message, fields: { address, upstream } });
  }
}

/** The place of a client that comes back from where it was. */
const KEEPS_ITS_PLACE = (): void => {};

/** Sends who the client is, before anything that the client says. */
function introduce(
  { upstream, socket }: Connected,
  { client: { address, port }, local, secure, origin }: ConnectionFacts,
  { hostname, mark }: Visit,
  { hostname: template }: GatewayUsers,
): void {
  const { webirc, pass } = upstream.options;
  if (webirc !== undefined) {
    const options = new Map<string, string>();
    if (secure) options.set('secure', '');
    if (port !== undefined) options.set('remote-port', String(port));
    // The port that the client saw, where a PROXY header tells it.
    if (local.port !== undefined) options.set('local-port', String(local.port));
    if (mark !== null) options.set('dnsbl', mark);
    const name =
      template === undefined ? (hostname ?? '') : asHostname(fillTemplate(template, { address, hostname, origin }, ''));
    // A Unix domain socket's peer is on this machine, and so is a stream that the program made itself.
    const isLocal = address === UNIX || address === UNKNOWN;
    const user = { hostname: name, address: isLocal ? '127.0.0.1' : address, options };
    socket.write(`${formatWebirc({ ...webirc, ...user })}\r\n`);
  }
  if (pass !== undefined) socket.write(`PASS ${pass}\r\n`);
}

/** RFC 2812 section 1.1: "The hostname has a maximum length of 63 characters". */
const MAX_HOSTNAME_SIZE = 63;

/** What cannot stand in a parameter becomes `-`. */
function asHostname(text: string): string {
  return text
    .replace(/[^\w.:/-]/g, '-')
    .replace(/^:/, '0:')
    .slice(0, MAX_HOSTNAME_SIZE);
}

function registrationOf({ upstream }: Connected, users: GatewayUsers, identity: Identity): Registration | null {
  const hasPass = upstream.options.pass !== undefined;
  if (!hasPass && users.username === undefined && users.realname === undefined) return null;
  return new Registration(identity, users, hasPass);
}
