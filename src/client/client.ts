/**
 * A WebSocket client in the shape of a `net.Socket`, for IRC servers that were written for one.
 *
 * In: messages from a {@link Connection}. Out: a Duplex of bytes whose `'data'` carries `line + "\r\n"`, with a net.Socket's properties, methods and events; and the
 * line face (`onLine`, `writeLine`), which spares the stream's price. It does not know frames, HTTP or who was let in.
 *
 * Where it differs from a `net.Socket` is listed in `docs/api.md`, "Deviations from net.Socket".
 */
import type { AddressInfo, Socket } from 'node:net';
import { isIPv6 } from 'node:net';
import type { Duplex, DuplexOptions } from 'node:stream';
import { canonicalAddress, UNIX, UNKNOWN } from '../address/ranges.ts';
import { type ConnectionFacts, isRewritten, withClient, withMode } from '../admission/facts.ts';
import { type CloseStatus, Connection, type ConnectionOwner, type ConnectionSettings } from '../connection/connection.ts';
import { diagnostics, publish } from '../diagnostics.ts';
import { CloseCode, WebSocketError } from '../errors.ts';
import { isSendableCloseCode } from '../protocol/close.ts';
import { Content } from '../protocol/mask.ts';
import { LazyDuplex, type StreamOwner } from './lazy-duplex.ts';
import { frameWhole, type LineEncoding, LineFramer, splitMessage } from './lines.ts';
import { EncodedLine, type PreparedLine, prepareLine } from './prepared-line.ts';

/** A WebSocket client as a server sees it: a `net.Socket`, and what only a WebSocket has. */
export interface IrcSocket extends Socket {
  /** What is known of the connection; frozen. Another frozen object takes its place after {@link IrcSocket.setRemoteAddress}. */
  readonly websocket: ConnectionFacts;
  /** Whether the client's way here is TLS, as a `TLSSocket` says it of itself: directly, or up to a trusted proxy. */
  readonly encrypted: boolean;
  /** How the connection ended, from the moment it has; `null` before. */
  readonly closeStatus: CloseStatus | null;
  /**
   * Has each line delivered to `listener`, without CR LF, in place of `'data'`; `null` goes back to `'data'`. Several lines may come in one turn, in order;
   * they may be slices of one string of up to 4 KiB: who keeps ten thousand of them for hours copies them.
   *
   * @param encoding how bytes become a string: `utf8` replaces what is not UTF-8 (binary clients may send it) by U+FFFD; `latin1` keeps every byte as
   *   one character. @defaultValue `'utf8'`
   */
  onLine(listener: ((line: string) => void) | null, encoding?: 'utf8' | 'latin1'): this;
  /** Has each line delivered as bytes: a view of the read buffer, valid during the call. Who keeps one keeps 64 KiB, and sees it change: copy it. */
  onLine(listener: (line: Buffer) => void, encoding: 'buffer'): this;
  /**
   * Sends a line, with or without CR LF; `false` when the client is behind, as `write` does: `'drain'` follows. LFs within it make it several lines.
   * Where a `write` ended without LF, that rest still waits: the line goes first.
   */
  writeLine(line: string | Uint8Array | PreparedLine): boolean;
  /**
   * Sends a native ping; `callback` gets the milliseconds until a pong came. `false` where `nativePing` is off or the connection is not open: the server
   * then sends an IRC PING.
   */
  ping(callback?: (rtt: number) => void): boolean;
  /**
   * Ends the connection by a Close frame that says why, behind everything written before.
   *
   * @param code RFC 6455 section 7.4 @defaultValue `1000`
   * @param reason a reason over 123 bytes is cut at a code point
   * @throws RangeError for a code that may not be sent
   */
  closeWebSocket(code?: number, reason?: string): void;
  /**
   * Sets the client's address, as WEBIRC tells it: `remoteAddress`, `remotePort`, `remoteFamily` and `websocket.client` follow. Once: where a proxy's header
   * or the PROXY protocol has told the address already, that was the one time.
   *
   * @throws WebSocketError `ERR_ADDRESS_SET` the second time, `ERR_ADDRESS` for what is not an address
   */
  setRemoteAddress(address: string, port?: number): void;
}

/** What all clients of one configuration share. */
export interface ClientSettings extends ConnectionSettings {
  readonly nativePing: boolean;
  readonly text: LineEncoding;
  readonly binary: LineEncoding;
  /** Is told when a WebSocket has ended, just before `'close'`. */
  readonly onClosed: (client: Client) => void;
  /** Is told when a transport is gone. */
  readonly onGone: (client: Client) => void;
}

/** What a new client is made of. */
export interface ClientParts {
  readonly transport: Duplex;
  /** The answer to the upgrade, a byte string: it leaves with whatever the client is greeted with, in one write. */
  readonly answer: string;
  /** What came behind the request. */
  readonly head: Uint8Array;
  readonly facts: ConnectionFacts;
  /** Whether the first message decides between text and binary. */
  readonly followsFirstMessage: boolean;
  readonly settings: ClientSettings;
}

const CR = 0x0d;
const LF = 0x0a;

type LineListener = ((line: string) => void) | ((line: Buffer) => void);

/** The run-time class behind {@link IrcSocket}. */
export class Client extends LazyDuplex implements ConnectionOwner, StreamOwner {
  // What a line out touches comes first, as in `Connection`.
  readonly #connection: Connection;
  #lineEncoding: LineEncoding;
  /** Whether the stream is known to take bytes and to hold none; `false`: look ({@link Client.#looksAtQueue}). */
  #isQueueEmpty = false;
  #rarities: Rarities | null = null;
  #framer: LineFramer | null = null;

  #lineListener: LineListener | null = null;
  /** Whether the line face may be called with strings at once; what it depends on: {@link Client.#chooseFace}. */
  #takesStrings = false;
  #followsFirstMessage: boolean;
  /** As `isPaused()` and `destroyed` have it: those look into the stream's state each time. */
  #isPaused = false;
  #isOver = false;
  #lineFormat: 'utf8' | 'latin1' | 'buffer' = 'utf8';
  /** What `'data'` is decoded as, while there is no stream. */
  #encoding: BufferEncoding | null = null;
  #facts: ConnectionFacts;

  constructor({ transport, answer, head, facts, followsFirstMessage, settings }: ClientParts) {
    super();
    this.#facts = facts;
    this.#followsFirstMessage = followsFirstMessage;
    this.#lineEncoding = facts.mode === 'text' ? settings.text : settings.binary;
    this.#connection = new Connection(transport, answer, head, this, settings);
  }

  /** Lets messages come: the server has had its say. */
  start(): void {
    this.#connection.start();
  }

  /** Ends this client for an error that the server's own code threw. */
  fault(error: unknown): void {
    this.#connection.fault(error);
  }

  get websocket(): ConnectionFacts {
    return this.#facts;
  }

  get closeStatus(): CloseStatus | null {
    return this.#rarities?.status ?? null;
  }

  onLine(listener: LineListener | null, encoding: 'utf8' | 'latin1' | 'buffer' = 'utf8'): this {
    if (listener !== null && typeof listener !== 'function') throw new TypeError('onLine takes a function or null');
    if (encoding !== 'utf8' && encoding !== 'latin1' && encoding !== 'buffer')
      throw new TypeError(`onLine: unknown encoding ${String(encoding)}`);
    this.#lineListener = listener;
    this.#lineFormat = encoding;
    this.#chooseFace();
    // Flowing, so that 'end' comes once there is a stream; there is no 'data'.
    if (listener !== null) this.resume();
    return this;
  }

  writeLine(line: string | Uint8Array | PreparedLine): boolean {
    if (!this.#isQueueEmpty && !this.#looksAtQueue()) {
      if (this.writableEnded || this.destroyed) return false;
      // What was written before and is held back goes first.
      if (this.writableLength > 0) return this.write(line instanceof EncodedLine ? line.tcp : prepareLine(line as string).tcp);
    }
    if (line instanceof EncodedLine) this.#connection.send(line.frames(this.#lineEncoding), true);
    else this.#connection.send(frameWhole(line as string, this.#lineEncoding), false);
    this.#refreshIdleTimer();
    return this.#hasRoom();
  }

  ping(callback?: (rtt: number) => void): boolean {
    return this.#settings.nativePing && this.#connection.sendPing(callback);
  }

  closeWebSocket(code: number = CloseCode.NORMAL, reason = ''): void {
    if (!isSendableCloseCode(code)) throw new RangeError(`close code ${code} may not be sent`);
    this.#rare.closing = { code, reason };
    this.end();
    this.#connection.limitTime();
  }

  setRemoteAddress(address: string, port?: number): void {
    if (isRewritten(this.#facts))
      throw new WebSocketError('ERR_ADDRESS_SET', `the client's address was set before, to ${this.#facts.client.address}`);
    const canonical = canonicalAddress(address);
    if (canonical === null) throw new WebSocketError('ERR_ADDRESS', `not an address: ${JSON.stringify(address.slice(0, 100))}`);
    this.#facts = withClient(this.#facts, Object.freeze({ address: canonical, port }), 'setRemoteAddress');
  }

  // The rest of a net.Socket.

  get remoteAddress(): string | undefined {
    const { address } = this.#facts.client;
    return address === UNIX || address === UNKNOWN ? undefined : address;
  }

  get remotePort(): number | undefined {
    return this.#facts.client.port;
  }

  get remoteFamily(): string | undefined {
    const address = this.remoteAddress;
    if (address === undefined) return undefined;
    return isIPv6(address) ? 'IPv6' : 'IPv4';
  }

  get localAddress(): string | undefined {
    return this.#socket?.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket?.localPort;
  }

  get localFamily(): string | undefined {
    return this.#socket?.localFamily;
  }

  /** Bytes of the transport, frames' headers included. */
  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  /** Bytes of the transport, frames' headers included. */
  get bytesWritten(): number {
    return this.#socket?.bytesWritten ?? 0;
  }

  get bufferSize(): number {
    return this.#queuedSize;
  }

  get connecting(): boolean {
    return false;
  }

  get pending(): boolean {
    return false;
  }

  get readyState(): 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.destroyed) return 'closed';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get timeout(): number | undefined {
    return this.#rarities?.idleTimeout;
  }

  /** `true` where the client's way here is TLS, as a TLSSocket says it of itself: directly, or up to a trusted proxy. */
  get encrypted(): boolean {
    return this.#facts.secure;
  }

  get server(): unknown {
    return undefined;
  }

  get autoSelectFamilyAttemptedAddresses(): string[] | undefined {
    return undefined;
  }

  /** @throws WebSocketError always: a client has come in, it cannot be sent elsewhere */
  connect(): never {
    throw new WebSocketError('ERR_UNSUPPORTED', 'connect: a WebSocket client is connected already');
  }

  address(): AddressInfo | Record<string, never> {
    return this.#socket?.address() ?? {};
  }

  /** Calls `callback` and emits `'timeout'` after `timeout` milliseconds without a line in or out; pings and pongs are no activity. 0 switches it off. */
  setTimeout(timeout: number, callback?: () => void): this {
    if (!Number.isFinite(timeout) || timeout < 0) throw new RangeError(`timeout of ${timeout} ms`);
    this.#clearIdleTimer();
    this.#rare.idleTimeout = timeout;
    if (timeout === 0) {
      if (callback !== undefined) this.removeListener('timeout', callback);
      return this;
    }
    if (callback !== undefined) this.once('timeout', callback);
    if (!this.destroyed) this.#rare.idleTimer = setTimeout(() => this.emit('timeout'), timeout).unref();
    return this;
  }

  setNoDelay(noDelay?: boolean): this {
    this.#socket?.setNoDelay(noDelay);
    return this;
  }

  setKeepAlive(...args: unknown[]): this {
    (this.#socket?.setKeepAlive as ((...args: unknown[]) => unknown) | undefined)?.apply(this.#socket, args);
    return this;
  }

  getTypeOfService(): number {
    const get = (this.#socket as { getTypeOfService?: () => number } | undefined)?.getTypeOfService;
    return get === undefined ? 0 : get.call(this.#socket);
  }

  setTypeOfService(value: number): this {
    (this.#socket as { setTypeOfService?: (value: number) => unknown } | undefined)?.setTypeOfService?.(value);
    return this;
  }

  ref(): this {
    this.#socket?.ref();
    return this;
  }

  unref(): this {
    this.#socket?.unref();
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    this.#socket?.resetAndDestroy();
    this.destroy();
    return this;
  }

  override pause(): this {
    // First, so that a stream that is made by this is made paused.
    this.#isPaused = true;
    this.#chooseFace();
    if (this.#lineListener !== null) this.#connection.pause();
    super.pause();
    return this;
  }

  override resume(): this {
    // What came behind the request comes at once, and 'data' may not come within `on`: it waits in a stream.
    if (this.#lineListener === null && this.#connection.hasHead) this.makeStream();
    if (this.hasStream) super.resume();
    this.#isPaused = false;
    this.#chooseFace();
    if (this.#lineListener !== null) this.#releaseHeldLines();
    this.#connection.resume();
    return this;
  }

  override setEncoding(encoding: BufferEncoding): this {
    const name = STATELESS_ENCODINGS.get(encoding);
    if (this.hasStream || name === undefined) super.setEncoding(encoding);
    else this.#encoding = name;
    return this;
  }

  override _read(): void {
    // The stream asks once more where it was told to flow just before the line face paused.
    if (!this.#isPaused || this.#lineListener === null) this.#connection.resume();
  }

  // The stream's write. A client that is behind holds one callback, and the stream queues what follows.
  override write(
    chunk: unknown,
    encoding?: BufferEncoding | ((error?: Error | null) => void) | null,
    callback?: (error?: Error | null) => void,
  ): boolean {
    if (callback === undefined && this.#takesAtOnce(chunk, encoding)) {
      this.#frame(chunk, (encoding as BufferEncoding | undefined) ?? this.#rarities?.defaultEncoding ?? 'utf8');
      return this.#hasRoom();
    }
    this.#isQueueEmpty = false;
    const hasRoom = super.write(chunk, encoding as BufferEncoding, callback);
    if (this.#holdsWrite) this.#connection.checkQueue(this.writableLength);
    return hasRoom;
  }

  override cork(): void {
    this.#isQueueEmpty = false;
    super.cork();
  }

  override end(...args: unknown[]): this {
    this.#isQueueEmpty = false;
    return super.end(...(args as Parameters<Duplex['end']>));
  }

  override destroy(error?: Error): this {
    // Known before a stream is made for its end.
    this.#isOver = true;
    return super.destroy(error);
  }

  override setDefaultEncoding(encoding: BufferEncoding): this {
    super.setDefaultEncoding(encoding);
    this.#rare.defaultEncoding = encoding.toLowerCase() as BufferEncoding;
    return this;
  }

  override _write(chunk: string | Uint8Array, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#frame(chunk, encoding);
    if (this.#connection.congested) this.#rare.heldWrite = callback;
    else callback();
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#framer !== null) this.#connection.send(this.#framer.end(this.#lineEncoding), false);
    const { code, reason } = this.#rarities?.closing ?? NORMAL_CLOSURE;
    this.#connection.close(code, reason);
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#clearIdleTimer();
    this.#isOver = true;
    this.#isQueueEmpty = false;
    this.#lineListener = null;
    this.#rare.heldLines = null;
    this.#chooseFace();
    this.#releaseHeldWrite();
    this.#rare.status ??= { code: CloseCode.ABNORMAL, reason: '', clean: false };
    // Where the WebSocket has ended, the last bytes are still on their way.
    if (!this.#connection.isEnding) this.#connection.destroy();
    // A reset is an 'error' to those who listen for it, as on a net.Socket; it does not end the process of those who do not.
    callback(error !== null && this.listenerCount('error') > 0 ? error : null);
    process.nextTick(() => {
      const status = this.closeStatus as CloseStatus;
      this.#settings.onClosed(this);
      publish(diagnostics.close, () => ({ socket: this, ...status }));
      this.emit('close', error !== null);
    });
  }

  // StreamOwner: what is known of a stream that is made late.

  streamOptions(): DuplexOptions {
    return STREAM_OPTIONS;
  }

  streamMade(): void {
    // Made to be destroyed: nothing flows any more.
    if (this.#isOver) return;
    if (this.#encoding !== null) super.setEncoding(this.#encoding);
    if (this.#isPaused) super.pause();
    else if (this.#connection.isReading) super.resume();
  }

  // ConnectionOwner: what the connection has to give.

  messageIn(chunk: Buffer, start: number, end: number, isText: boolean, content: number): number {
    if (this.#followsFirstMessage) this.#followMode(isText);
    this.#refreshIdleTimer();
    const isAscii = (content & Content.NOT_ASCII) === 0;
    // Nearly every message: no line end to be looked for.
    if ((content & Content.CONTROLS) === 0) {
      if (start === end) return 0;
      this.#takeLine(chunk, start, end, isAscii);
      return 1;
    }
    return splitMessage(chunk, start, end, (lineStart, lineEnd) => this.#takeLine(chunk, lineStart, lineEnd, isAscii));
  }

  /** The stream takes lines joined: it pushes one buffer. */
  get joinsMessages(): boolean {
    return this.#lineListener === null;
  }

  joinedMessagesIn(chunk: Buffer, start: number, end: number, isText: boolean): void {
    if (this.#followsFirstMessage) this.#followMode(isText);
    this.#refreshIdleTimer();
    if (this.#isOver) return;
    if (this.#takesText && this.emit('data', chunk.toString('latin1', start, end))) return;
    this.#pushLines(Buffer.from(chunk.subarray(start, end)));
  }

  messagesIn(chunk: Buffer, bounds: Int32Array, count: number, isText: boolean): void {
    if (this.#followsFirstMessage) this.#followMode(isText);
    this.#refreshIdleTimer();
    // One string of all lines, and of what was between them, and a slice of it for each: 9–29 ns a line in place of 54–74. A server that keeps a line, or a part of
    // one, keeps that string: 4 KiB at most.
    const start = bounds[0] as number;
    const lines = this.#takesStrings ? chunk.toString('latin1', start, bounds[2 * count - 1]) : '';
    for (let i = 0; i < 2 * count; i += 2) {
      const lineStart = bounds[i] as number;
      const lineEnd = bounds[i + 1] as number;
      if (this.#takesStrings && lines !== '')
        (this.#lineListener as (line: string) => void)(lines.slice(lineStart - start, lineEnd - start));
      // Paused, over, or a listener for bytes: the line before may have made it so.
      else this.#takeLine(chunk, lineStart, lineEnd, true);
    }
  }

  drained(): void {
    this.#releaseHeldWrite();
    if (this.#rarities?.owesDrain !== true) return;
    // Before its listeners are called: they may write on until it is owed again.
    this.#rarities.owesDrain = false;
    // What went through the stream is the stream's business.
    if (!this.writableNeedDrain) this.emit('drain');
  }

  ended(status: CloseStatus): void {
    this.#rare.status = status;
    this.#releaseHeldWrite();
    // Who has said goodbye, and has the line face paused, may never resume it: the lines that are held are not waited for.
    if (this.writableEnded) this.#rare.heldLines = null;
    this.#chooseFace();
    // The end comes behind the lines that are held.
    if (!this.destroyed && !this.#holdsLines) this.#pushEnd();
  }

  broken(status: CloseStatus, error: Error | null): void {
    this.#rare.status ??= status;
    this.destroy(error ?? undefined);
  }

  gone(): void {
    this.#settings.onGone(this);
  }

  /**
   * Whether a chunk can go the short way, past the stream's queue: there is nothing in it, and nobody asked to be told when it is written. A fifth of the price
   * of a `write` is what the stream does for a queue that is empty.
   */
  #takesAtOnce(chunk: unknown, encoding: unknown): chunk is string | Uint8Array {
    return (
      (this.#isQueueEmpty || this.#looksAtQueue()) &&
      !this.#connection.congested &&
      (typeof chunk === 'string' || chunk instanceof Uint8Array) &&
      (encoding === undefined || encoding === 'utf8' || encoding === 'latin1')
    );
  }

  /** What a write that went past the stream returns: `false` where the client is behind, and `'drain'` follows. */
  #hasRoom(): boolean {
    if (!this.#connection.congested) return true;
    this.#rare.owesDrain = true;
    return false;
  }

  /** Finds out whether the stream takes bytes and holds none, and remembers it while that is so. */
  #looksAtQueue(): boolean {
    this.#isQueueEmpty =
      !this.#isOver && this.writableLength === 0 && !this.writableEnded && !this.writableNeedDrain && this.writableCorked === 0;
    return this.#isQueueEmpty;
  }

  #frame(chunk: string | Uint8Array, encoding: BufferEncoding): void {
    this.#framer ??= new LineFramer();
    this.#connection.send(this.#framer.frame(chunk, encoding, this.#lineEncoding), this.#framer.wasFramedBefore);
    this.#refreshIdleTimer();
    if (this.#framer.size > 0) this.#connection.checkQueue(this.#framer.size);
  }

  /** The transport, where it is a TCP socket and not some other stream. */
  get #socket(): Socket | undefined {
    const { transport } = this.#connection;
    return 'setNoDelay' in transport ? (transport as Socket) : undefined;
  }

  get #queuedSize(): number {
    return this.destroyed ? 0 : this.#connection.queuedSize + this.writableLength + (this.#framer?.size ?? 0);
  }

  get #settings(): ClientSettings {
    return this.#connection.settings as ClientSettings;
  }

  get #rare(): Rarities {
    this.#rarities ??= new Rarities();
    return this.#rarities;
  }

  get #holdsLines(): boolean {
    return this.#rarities !== null && this.#rarities.heldLines !== null;
  }

  get #holdsWrite(): boolean {
    return this.#rarities !== null && this.#rarities.heldWrite !== null;
  }

  #followMode(isText: boolean): void {
    this.#followsFirstMessage = false;
    const mode = isText ? 'text' : 'binary';
    if (mode === this.#facts.mode) return;
    this.#facts = withMode(this.#facts, mode);
    this.#lineEncoding = isText ? this.#settings.text : this.#settings.binary;
  }

  /** Gives one line to whom it belongs. */
  #takeLine(chunk: Buffer, start: number, end: number, isAscii: boolean): void {
    if (this.#isOver) return;
    if (this.#lineListener === null) this.#giveLine(chunk, start, end, isAscii);
    else if (this.#isPaused || this.#holdsLines) this.#holdLine(chunk.subarray(start, end));
    else this.#callListener(chunk, start, end, isAscii);
  }

  /** Whether `'data'` is text, and goes past the stream. */
  get #takesText(): boolean {
    return this.#encoding !== null && !this.hasStream;
  }

  /** Gives one line to who listens for `'data'`; where that is text, a buffer is never made. */
  #giveLine(chunk: Buffer, start: number, end: number, isAscii: boolean): void {
    if (this.#takesText) {
      const line = chunk.toString(isAscii ? 'latin1' : (this.#encoding as BufferEncoding), start, end);
      if (this.emit('data', `${line}\r\n`)) return;
    }
    this.#pushLines(withLineEnd(chunk, start, end));
  }

  /** Gives whole lines to who listens for `'data'`: past the stream, as long as there is none. */
  #pushLines(lines: Buffer): void {
    // Text was offered before a buffer was made.
    if (!this.hasStream && this.#encoding === null && this.emit('data', lines)) return;
    if (!this.push(lines)) this.#connection.pause();
  }

  /** As `net.Socket` does: where nothing is unread, 'end' comes also to who does not read, and with it 'close'. */
  #pushEnd(): void {
    this.push(null);
    if (this.readableLength === 0) this.read(0);
  }

  #holdLine(line: Buffer): void {
    this.#rare.heldLines ??= [];
    this.#rare.heldLines.push(Buffer.from(line));
    this.#chooseFace();
  }

  /** Notes whether lines can go to the listener as strings, without another look. */
  #chooseFace(): void {
    this.#takesStrings =
      this.#lineListener !== null && this.#lineFormat !== 'buffer' && !this.#isPaused && !this.#isOver && !this.#holdsLines;
  }

  #releaseHeldLines(): void {
    while (this.#holdsLines && this.#lineListener !== null && !this.#isPaused) {
      const line = this.#rare.heldLines?.shift();
      if (line === undefined) {
        this.#rare.heldLines = null;
        this.#chooseFace();
        if (this.closeStatus !== null) this.#pushEnd();
      } else {
        this.#callListener(line, 0, line.length, false);
      }
    }
  }

  #callListener(bytes: Buffer, start: number, end: number, isAscii: boolean): void {
    if (this.#lineFormat === 'buffer') (this.#lineListener as (line: Buffer) => void)(bytes.subarray(start, end));
    // latin1 is the faster way to the same string where every byte is ASCII.
    else (this.#lineListener as (line: string) => void)(bytes.toString(isAscii ? 'latin1' : this.#lineFormat, start, end));
  }

  #releaseHeldWrite(): void {
    const callback = this.#rarities?.heldWrite ?? null;
    if (callback === null) return;
    this.#rare.heldWrite = null;
    callback();
  }

  #clearIdleTimer(): void {
    const timer = this.#rarities?.idleTimer ?? null;
    if (timer === null) return;
    clearTimeout(timer);
    this.#rare.idleTimer = null;
  }

  #refreshIdleTimer(): void {
    if (this.#rarities !== null) this.#rarities.idleTimer?.refresh();
  }
}

/** What most clients never have, or only as they leave: what it takes is not kept in each. */
class Rarities {
  status: CloseStatus | null = null;
  /** Lines that were parsed when the server had paused the line face. */
  heldLines: Buffer[] | null = null;
  /** The callback of a write that waits for the transport to drain. */
  heldWrite: ((error?: Error | null) => void) | null = null;
  /** What the Close frame says once everything written is framed. */
  closing: { readonly code: number; readonly reason: string } | null = null;
  /** Whether a write that went past the stream returned `false`. */
  owesDrain = false;
  defaultEncoding: BufferEncoding | null = null;
  idleTimeout: number | undefined;
  idleTimer: NodeJS.Timeout | null = null;
}

function withLineEnd(chunk: Buffer, start: number, end: number): Buffer {
  const line = Buffer.allocUnsafe(end - start + 2);
  chunk.copy(line, 0, start, end);
  line[end - start] = CR;
  line[end - start + 1] = LF;
  return line;
}

/**
 * Encodings in which whole lines are whole characters, by their names: a stream's decoder (250 bytes) keeps what a chunk cuts, and here nothing is cut.
 */
const STATELESS_ENCODINGS: ReadonlyMap<string | undefined, BufferEncoding> = new Map([
  [undefined, 'utf8'],
  ['utf8', 'utf8'],
  ['utf-8', 'utf8'],
  ['latin1', 'latin1'],
  ['binary', 'latin1'],
  ['ascii', 'ascii'],
]);

/** 'close' carries `hadError` on a net.Socket: it is emitted in `_destroy`. */
const STREAM_OPTIONS: DuplexOptions = { emitClose: false, allowHalfOpen: false, decodeStrings: false };

const NORMAL_CLOSURE = { code: CloseCode.NORMAL, reason: '' } as const;
