/**
 * A web client as a server that was written for `net.Socket` sees it.
 *
 * In: a {@link Client}. Out: a stream of bytes that *is* a `net.Socket` (`instanceof`), whose `'data'` carries `line + "\r\n"`,
 * with a net.Socket's properties, methods and events. It does not know frames, HTTP or who was let in.
 *
 * Laws of this file:
 * 1. A server may write any property on its socket. Nothing here reads one: what belongs to the library is in
 *    {@link SocketStream}, behind a `#private` field, and a stream's own methods are called by their prototype.
 * 2. What a server's listener throws ends this client and nobody else: events go out through `emit`, which catches it.
 *
 * The differences from a `net.Socket` are listed in `docs/api.md`, "Deviations from net.Socket".
 *
 * One file, although long: it is the list of names that a `net.Socket` has.
 */
import { type AddressInfo, isIPv6, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { UNIX, UNKNOWN } from '../address/ranges.ts';
import type { ConnectionFacts, Endpoint } from '../admission/facts.ts';
import type { CloseStatus } from '../connection/connection.ts';
import { CloseCode, WebSocketError } from '../errors.ts';
import { isSendableCloseCode } from '../protocol/close.ts';
import type { Client } from './client.ts';
import type { LineListener } from './inbox.ts';
import type { PreparedLine } from './prepared-line.ts';
import { SocketStream } from './socket-stream.ts';
import { stream } from './stream-methods.ts';

/** A WebSocket client as a server sees it: a `net.Socket`, and what only a WebSocket has. */
export interface IrcSocket extends Socket {
  /**
   * What is known of the connection. The object is frozen: {@link IrcSocket.setRemoteAddress} and a resumption put another one in
   * its place.
   */
  readonly websocket: ConnectionFacts;
  /** Whether the client's way to the server is TLS, directly or up to a trusted proxy. A `TLSSocket` has the same property. */
  readonly encrypted: boolean;
  /** How the connection ended; `null` until it has. */
  readonly closeStatus: CloseStatus | null;
  /**
   * Calls `listener` with each line, without CR LF, in place of `'data'`; `null` goes back to `'data'`. Several lines may come in
   * one turn, in order. While the socket is paused, lines are held.
   *
   * @param encoding how bytes become a string. `utf8` replaces bytes that are not UTF-8 by U+FFFD: binary clients may send such.
   *   `latin1` keeps every byte as one character. @defaultValue `'utf8'`
   */
  onLine(listener: ((line: string) => void) | null, encoding?: 'utf8' | 'latin1'): this;
  /** Calls `listener` with each line as bytes. They are a view of the read buffer, valid during the call: copy what you keep. */
  onLine(listener: (line: Buffer) => void, encoding: 'buffer'): this;
  /**
   * Sends a line, with or without CR LF. Returns `false` when the client is behind, as `write` does: `'drain'` follows. LFs
   * within it make it several lines. Where a `write` ended without LF, that rest still waits: the line goes first.
   */
  writeLine(line: string | Uint8Array | PreparedLine): boolean;
  /**
   * Sends a native ping. `callback` gets the milliseconds until a pong came. Returns `false` if `nativePing` is off or the
   * connection is not open: send an IRC PING then.
   */
  ping(callback?: (roundTrip: number) => void): boolean;
  /**
   * Sends a Close frame with the code and the reason, behind everything that was written before. The connection is gone within
   * `closeTimeout`.
   *
   * @param code RFC 6455 section 7.4 @defaultValue `1000`
   * @param reason the reason, cut to 123 bytes at a code point
   * @throws RangeError for a code that may not be sent
   */
  closeWebSocket(code?: number, reason?: string): void;
  /**
   * Sets the client's address, as WEBIRC tells it: `remoteAddress`, `remotePort`, `remoteFamily` and `websocket.client` follow.
   * This works once. If a proxy's header or the PROXY protocol has told the address, that was the one time.
   *
   * @throws WebSocketError `ERR_ADDRESS_SET` the second time, `ERR_ADDRESS` for a text that is not an address
   */
  setRemoteAddress(address: string, port?: number): void;
}

/**
 * A `Duplex` whose prototype chain goes through `net.Socket.prototype`: its constructor is Duplex's, and what would touch a
 * net.Socket's handle is overridden below.
 */
class SocketShape extends Duplex {
  static {
    Object.setPrototypeOf(SocketShape.prototype, Socket.prototype);
  }
}

/** Names a server may set, and would find on a net.Socket as properties of its own. */
type Overridable = Partial<Record<'connecting' | 'encrypted' | 'timeout' | 'server' | 'websocket' | 'closeStatus', unknown>>;

/** The run-time class behind {@link IrcSocket}. */
class WebSocketStream extends SocketShape {
  readonly #stream: SocketStream;
  /** What the server set over the accessors below. */
  #overridden: Overridable | null = null;

  constructor(client: Client) {
    // On a net.Socket, 'close' has the argument `hadError`, so it is emitted in `_destroy`. Rejections of async listeners are
    // passed to `[nodejs.rejection]`.
    super({ emitClose: false, allowHalfOpen: false, decodeStrings: false, captureRejections: true } as object);
    this.#stream = new SocketStream(client, this);
    client.setStream(this.#stream);
  }

  /** Returns the client behind an {@link IrcSocket}, or `undefined`. */
  static behind(value: object): Client | undefined {
    return #stream in value ? (value as WebSocketStream).#stream.client : undefined;
  }

  get websocket(): ConnectionFacts {
    return this.#get('websocket', this.#stream.client.facts) as ConnectionFacts;
  }

  set websocket(value: unknown) {
    this.#override.websocket = value;
  }

  get closeStatus(): CloseStatus | null {
    return this.#get('closeStatus', this.#stream.client.closeStatus) as CloseStatus | null;
  }

  set closeStatus(value: unknown) {
    this.#override.closeStatus = value;
  }

  onLine(listener: LineListener | null, encoding: 'utf8' | 'latin1' | 'buffer' = 'utf8'): this {
    this.#stream.onLine(listener, encoding);
    return this;
  }

  writeLine(line: string | Uint8Array | PreparedLine): boolean {
    return this.#stream.writeLine(line);
  }

  ping(callback?: (roundTrip: number) => void): boolean {
    return this.#stream.client.ping(callback);
  }

  closeWebSocket(code: number = CloseCode.NORMAL, reason = ''): void {
    if (!isSendableCloseCode(code)) throw new RangeError(`close code ${code} may not be sent`);
    this.#stream.closeWith(code, reason);
  }

  setRemoteAddress(address: string, port?: number): void {
    this.#stream.client.setRemoteAddress(address, port);
  }

  // The properties of a net.Socket. Those without a setter have none on a net.Socket either.

  get remoteAddress(): string | undefined {
    return addressOf(this.#stream.client.facts.client);
  }

  get remotePort(): number | undefined {
    return this.#stream.client.facts.client.port;
  }

  get remoteFamily(): string | undefined {
    return familyOf(this.#stream.client.facts.client);
  }

  get localAddress(): string | undefined {
    return addressOf(this.#stream.client.facts.local);
  }

  get localPort(): number | undefined {
    return this.#stream.client.facts.local.port;
  }

  get localFamily(): string | undefined {
    return familyOf(this.#stream.client.facts.local);
  }

  /** Bytes of the transport, frames' headers included. */
  get bytesRead(): number {
    return this.#transport?.bytesRead ?? 0;
  }

  /** Bytes of the transport, frames' headers included. */
  get bytesWritten(): number {
    return this.#transport?.bytesWritten ?? 0;
  }

  get bufferSize(): number {
    return this.#stream.queuedSize;
  }

  get pending(): boolean {
    return false;
  }

  get readyState(): 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.destroyed) return 'closed';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get connecting(): unknown {
    return this.#get('connecting', false);
  }

  set connecting(value: unknown) {
    this.#override.connecting = value;
  }

  get timeout(): unknown {
    return this.#get('timeout', this.#stream.idleTimeout);
  }

  set timeout(value: unknown) {
    this.#override.timeout = value;
  }

  get encrypted(): unknown {
    return this.#get('encrypted', this.#stream.client.facts.secure);
  }

  set encrypted(value: unknown) {
    this.#override.encrypted = value;
  }

  get server(): unknown {
    return this.#get('server', undefined);
  }

  set server(value: unknown) {
    this.#override.server = value;
  }

  /** Returns what the server set, or `ours`. */
  #get(name: keyof Overridable, ours: unknown): unknown {
    return this.#overridden !== null && name in this.#overridden ? this.#overridden[name] : ours;
  }

  get #override(): Overridable {
    this.#overridden ??= {};
    return this.#overridden;
  }

  get #transport(): Socket | undefined {
    return this.#stream.transport;
  }

  // The methods of a net.Socket.

  /** @throws WebSocketError always: a client has come in, it cannot be sent elsewhere */
  connect(): never {
    throw new WebSocketError('ERR_UNSUPPORTED', 'connect: a WebSocket client is connected already');
  }

  address(): AddressInfo | Record<string, never> {
    return (this.#transport?.address() as AddressInfo | undefined) ?? {};
  }

  /**
   * Calls `callback` and emits `'timeout'` after `msecs` milliseconds without a line in or out. Pings and pongs are no activity.
   * 0 switches it off.
   */
  setTimeout(msecs: number, callback?: () => void): this {
    if (!this.destroyed) this.#stream.setTimeout(msecs, callback);
    return this;
  }

  setNoDelay(noDelay?: boolean): this {
    this.#transport?.setNoDelay?.(noDelay);
    return this;
  }

  setKeepAlive(...args: unknown[]): this {
    (this.#transport?.setKeepAlive as ((...args: unknown[]) => unknown) | undefined)?.apply(this.#transport, args);
    return this;
  }

  getTypeOfService(): number {
    return (this.#transport as { getTypeOfService?: () => number } | undefined)?.getTypeOfService?.() ?? 0;
  }

  setTypeOfService(value: number): this {
    (this.#transport as { setTypeOfService?: (value: number) => unknown } | undefined)?.setTypeOfService?.(value);
    return this;
  }

  ref(): this {
    this.#transport?.ref?.();
    return this;
  }

  unref(): this {
    this.#transport?.unref?.();
    return this;
  }

  destroySoon(): void {
    if (this.writable) stream.end.call(this);
    if (this.writableFinished) stream.destroy.call(this);
    else this.once('finish', () => stream.destroy.call(this));
  }

  resetAndDestroy(): this {
    this.#stream.client.reset();
    return this;
  }

  // The methods of a stream, in place of those of net.Socket, which would look for a handle.

  override read(size?: number): unknown {
    return stream.read.call(this, size);
  }

  override pause(): this {
    stream.pause.call(this);
    this.#stream.paused();
    return this;
  }

  override resume(): this {
    stream.resume.call(this);
    this.#stream.resumed();
    return this;
  }

  override write(...args: unknown[]): boolean {
    return this.#stream.write(args);
  }

  override end(...args: unknown[]): this {
    this.#stream.end(args);
    return this;
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    // After a listener has thrown, nobody gets the data that is left in the stream.
    if (this.#stream.client.inbox.isClosed && (event === 'data' || event === 'readable')) return false;
    try {
      return super.emit(event as string, ...args);
    } catch (error) {
      this.#stream.client.fault(error, String(event));
      return true;
    }
  }

  override _read(): void {
    this.#stream.wanted();
  }

  override _write(chunk: string | Uint8Array, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#stream.take(chunk, encoding, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#stream.finish();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#stream.destroyed(error, callback);
  }

  /** A net.Socket's timer, which this one does not have. */
  _unrefTimer(): void {}

  /** Node calls this for a listener that rejects. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string | symbol): void {
    this.#stream.client.fault(error, String(event));
  }

  static {
    // A net.Socket writes many chunks at once. Here `_write` takes each, and the outbox gathers them.
    Object.defineProperty(WebSocketStream.prototype, '_writev', { value: undefined, writable: true, configurable: true });
  }
}

function addressOf({ address }: Endpoint): string | undefined {
  return address === UNIX || address === UNKNOWN ? undefined : address;
}

function familyOf(endpoint: Endpoint): 'IPv4' | 'IPv6' | undefined {
  const address = addressOf(endpoint);
  if (address === undefined) return undefined;
  return isIPv6(address) ? 'IPv6' : 'IPv4';
}

/** Returns a client as a stream, the same one at each call. */
export function socketOver(client: Client): IrcSocket {
  if (client.stream instanceof SocketStream) return client.stream.socket as unknown as IrcSocket;
  const socket = new WebSocketStream(client);
  // The client has ended already, so nothing else will end this stream.
  if (client.isOver) stream.destroy.call(socket);
  return socket as unknown as IrcSocket;
}

/** Returns the client behind an {@link IrcSocket}, or `undefined` where it is some other object. */
export function clientBehind(socket: object): Client | undefined {
  return WebSocketStream.behind(socket);
}
