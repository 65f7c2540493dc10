/**
 * One connection, seen as an IRC client.
 *
 * In: the bytes of a `net.Socket`. Out: lines to the server, lines to the socket. That the socket may be a browser's WebSocket is
 * nowhere to be seen here: the library gives it the same shape.
 */
import type { Socket } from 'node:net';
import type { Channel } from './channel.ts';
import { matchesMask } from './mask.ts';
import { cutLine, formatParams, formatTagList } from './message.ts';

/** What is read into memory before a line ends: 8,191 bytes of tags and 512 of the rest. */
const MAX_LINE = 8_703;
/** Lines at once, and lines a second in the long run. */
const FLOOD_BURST = 60;
const FLOOD_PER_SECOND = 3;

/** What a socket may know beyond a `net.Socket`: read for WHOIS and by WEBIRC, never needed. */
interface WiserSocket {
  readonly encrypted?: boolean;
  readonly websocket?: { readonly peer: { readonly address: string }; readonly client: object; whoisGateway(): string };
  setRemoteAddress?(address: string, port?: number): void;
}

/** The gateway that spoke for a client, for operators: numeric 350. */
interface Gateway {
  readonly host: string;
  readonly address: string;
  readonly text: string;
}

/** A client as its gateway describes it. */
export interface GatewayUser {
  readonly address: string;
  readonly port?: number | undefined;
  readonly hostname: string | null;
  readonly secure: boolean;
  /** The gateway itself. */
  readonly via: { readonly address: string; readonly hostname: string };
  /** The text of numeric 350. */
  readonly whoisGateway: string;
}

/** What a client tells its server. */
export interface ClientEvents {
  onLine(client: Client, line: string): void;
  onGone(client: Client, reason: string): void;
}

export class Client {
  readonly socket: Socket;
  readonly serverName: string;
  readonly connectedAt = Date.now();
  /** `*` until NICK. */
  nick = '*';
  user = '';
  realName = '';
  /** What others see behind the `@`. */
  host: string;
  address: string;
  isRegistered = false;
  isOper = false;
  isInvisible = false;
  away: string | null = null;
  /** What PASS gave. */
  password: string | null = null;
  /** Whether CAP LS or REQ came before registration: it waits for CAP END. */
  isNegotiating = false;
  readonly capabilities = new Set<string>();
  readonly channels = new Set<Channel>();
  /** When it last said anything, and when it last said something to people. */
  heardAt = Date.now();
  spokeAt = Date.now();
  isPinged = false;
  /** Whether its way here is TLS, as far as that is known. */
  isSecure: boolean;
  /** Whether PASS, CAP, NICK or USER came: too late for a gateway to speak for it. */
  hasBegun = false;

  readonly #events: ClientEvents;
  #rest: Buffer = Buffer.alloc(0);
  #tokens = FLOOD_BURST;
  #filledAt = Date.now();
  #quitReason: string | null = null;
  #isGone = false;
  /** Whether input waits: {@link Client.hold}. */
  #isHeld = false;
  #gateway: Gateway | null = null;

  constructor(socket: Socket, serverName: string, events: ClientEvents) {
    this.socket = socket;
    this.serverName = serverName;
    this.#events = events;
    this.address = plainAddress(socket.remoteAddress);
    this.host = ircHost(this.address);
    this.isSecure = (socket as WiserSocket).encrypted === true;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.#leave(error.message));
    socket.on('end', () => this.#leave('Connection closed'));
    socket.on('close', () => this.#leave('Connection closed'));
  }

  /** `nick!user@host`, as others see it. */
  get source(): string {
    return `${this.nick}!${this.user}@${this.host}`;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Where it came from, for operators; `null` for a plain connection. */
  get gateway(): Gateway | null {
    if (this.#gateway !== null) return this.#gateway;
    const { websocket } = this.socket as WiserSocket;
    const text = websocket?.whoisGateway() ?? '';
    if (websocket === undefined || text === '') return null;
    const host = websocket.peer.address === this.address ? '*' : ircHost(websocket.peer.address);
    return { host, address: host, text };
  }

  /** The facts that a check of gateways needs. */
  get asGatewayClient(): { peer: { address: string; secure: boolean }; registering: boolean; rewritten: boolean } {
    const { websocket } = this.socket as WiserSocket;
    return {
      peer: { address: this.address, secure: this.isSecure },
      registering: this.hasBegun,
      rewritten: this.#gateway !== null || (websocket !== undefined && websocket.client !== websocket.peer),
    };
  }

  /** Takes over the address, host name and port of the user that a gateway speaks for. */
  become(user: GatewayUser): void {
    this.#gateway = { host: ircHost(user.via.hostname), address: ircHost(user.via.address), text: user.whoisGateway };
    (this.socket as WiserSocket).setRemoteAddress?.(user.address, user.port);
    this.address = user.address;
    this.host = user.hostname ?? ircHost(user.address);
    this.isSecure = user.secure;
  }

  /** Reads no further until {@link Client.release}. */
  hold(): void {
    this.#isHeld = true;
    this.socket.pause();
  }

  /** Reads on: what came meanwhile is handled first, in order. */
  release(): void {
    this.#isHeld = false;
    this.socket.resume();
    this.#takeLines();
  }

  /** Whether a ban mask fits, by host name or by address. */
  matches(mask: string): boolean {
    return matchesMask(mask, this.source) || matchesMask(mask, `${this.nick}!${this.user}@${this.address}`);
  }

  /** Sends a line; over 512 bytes it is cut, tags not counted. */
  send(line: string, tags?: ReadonlyMap<string, string>): void {
    if (this.#isGone) return;
    this.socket.write(`${this.#formatTags(tags)}${cutLine(line)}\r\n`);
  }

  /** Sends a numeric: `:server 001 nick params`. */
  numeric(code: string, ...params: string[]): void {
    this.send(`:${this.serverName} ${code} ${this.nick} ${formatParams(params)}`);
  }

  /** Sends ERROR with the reason, and ends the connection. */
  close(reason: string): void {
    if (this.#isGone) return;
    this.send(`ERROR :Closing link: (${this.user || '*'}@${this.host}) [${reason}]`);
    this.socket.end();
    this.#leave(reason);
  }

  #read(chunk: Buffer): void {
    this.heardAt = Date.now();
    this.isPinged = false;
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#takeLines();
  }

  #takeLines(): void {
    let data = this.#rest;
    for (let lf = data.indexOf(0x0a); lf >= 0 && !this.#isGone && !this.#isHeld; lf = data.indexOf(0x0a)) {
      const line = data.toString('utf8', 0, lf).replace(/\r+$/, '');
      data = data.subarray(lf + 1);
      if (line === '') continue;
      if (!this.#takeToken()) {
        this.close('Excess Flood');
        return;
      }
      this.#events.onLine(this, line);
    }
    if (data.length > MAX_LINE && !this.#isHeld) this.close('RecvQ exceeded');
    // A copy: the chunk it is cut from is 64 KiB.
    this.#rest = Buffer.from(data);
  }

  #takeToken(): boolean {
    const now = Date.now();
    this.#tokens = Math.min(FLOOD_BURST, this.#tokens + ((now - this.#filledAt) / 1_000) * FLOOD_PER_SECOND);
    this.#filledAt = now;
    return this.#tokens-- >= 1;
  }

  #formatTags(tags: ReadonlyMap<string, string> | undefined): string {
    const all = new Map<string, string>();
    if (this.capabilities.has('server-time')) all.set('time', new Date().toISOString());
    if (tags !== undefined && this.capabilities.has('message-tags')) for (const [name, value] of tags) all.set(name, value);
    return formatTagList(all);
  }

  #leave(reason: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#events.onGone(this, this.#quitReason ?? reason);
    // A client that does not close its end would stay half open.
    if (!this.socket.writableEnded) this.socket.end();
  }
}

/** Node writes an IPv4 peer of a dual-stack listener as mapped IPv6. */
function plainAddress(address: string | undefined): string {
  return (address ?? 'unix').replace(/^::ffff:(?=\d+\.)/, '');
}

/** A parameter of an IRC line cannot begin with a colon. */
function ircHost(address: string): string {
  return address.startsWith(':') ? `0${address}` : address;
}
