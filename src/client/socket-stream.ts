/**
 * What an `IrcSocket` does as a stream: bytes into lines and lines into bytes, back-pressure, the idle timer, the end.
 *
 * In: a {@link Client} on one side; the calls of Node's stream machinery on the other. Out: `push`, `'drain'`, `'timeout'`,
 * `'close'`. It is no property of the socket that the server holds, and calls the stream's own methods by their prototype: a
 * server may have replaced them.
 *
 * One file, although long: reading, writing and the end of one stream share their state.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CloseCode } from '../errors.ts';
import type { Client, ClientStream } from './client.ts';
import type { LineFormat, LineListener } from './inbox.ts';
import { LineFramer } from './lines.ts';
import { EncodedLine, type PreparedLine, prepareLine } from './prepared-line.ts';
import { stream } from './stream-methods.ts';
import { checkLineListener, writeLineTo } from './write-line.ts';

type WriteCallback = (error?: Error | null) => void;

const CR = 0x0d;
const LF = 0x0a;

/** The stream over one client. */
export class SocketStream implements ClientStream {
  readonly client: Client;
  readonly socket: Duplex;
  #framer: LineFramer | null = null;
  /** What waits for the transport to drain; `null` for a client that has never been behind. */
  #backlog: Backlog | null = null;
  /** Whether the transport is behind, and the server was told so by `false`. */
  #owesDrain = false;
  #wantsLines = false;
  /** What the Close frame says once everything written is framed. */
  #closing: { readonly code: number; readonly reason: string } = NORMAL_CLOSURE;
  /** What the server set by `setTimeout`. */
  #idle: { readonly timeout: number; timer: NodeJS.Timeout | null } | null = null;

  constructor(client: Client, socket: Duplex) {
    this.client = client;
    this.socket = socket;
  }

  /** The transport, where it is a TCP socket and not some other stream. */
  get transport(): Socket | undefined {
    const transport = this.client.transport;
    return transport !== undefined && 'setNoDelay' in transport ? (transport as Socket) : undefined;
  }

  get queuedSize(): number {
    return this.client.isOver ? 0 : this.client.queuedSize + this.#waitingSize;
  }

  get idleTimeout(): number | undefined {
    return this.#idle?.timeout;
  }

  // Methods for servers that read and write lines.

  onLine(listener: LineListener | null, format: LineFormat): void {
    checkLineListener(listener, format);
    if (listener !== null) this.client.inbox.putBack(this.#takeUnread());
    this.client.inbox.setListener(listener, format);
    // The stream must flow, or 'end' would not be emitted. It has no 'data'.
    if (listener !== null) stream.resume.call(this.socket);
  }

  writeLine(line: string | Uint8Array | PreparedLine): boolean {
    if (this.client.isOver || this.socket.writableEnded) return false;
    this.active();
    // Data that was written earlier and is still held back goes first.
    if (this.socket.writableLength > 0) {
      // The set needs an object for each call, because the same prepared line may wait here twice.
      const { tcp } = line instanceof EncodedLine ? line : prepareLine(line as string | Uint8Array);
      const whole = tcp.subarray();
      const waiting = this.#waiting;
      waiting.wholeLines ??= new Set();
      waiting.wholeLines.add(whole);
      return this.write([whole]);
    }
    return this.#noteRoom(writeLineTo(this.client, line));
  }

  closeWith(code: number, reason: string): void {
    // Only the first goodbye counts: the server may have told the reason in an ERROR line already.
    if (!this.socket.writableEnded) {
      this.#closing = { code, reason };
      stream.end.call(this.socket);
      this.client.inbox.sayGoodbye();
    }
    this.client.limitTime();
  }

  // The socket's methods call these.

  paused(): void {
    if (this.client.inbox.hasListener) this.client.inbox.pause(true);
  }

  resumed(): void {
    if (this.client.inbox.hasListener) this.client.inbox.resume();
  }

  write(args: unknown[]): boolean {
    guardCallback(args, this.client, 'write');
    const heldBefore = this.#backlog?.write ?? null;
    const hasRoom = stream.write.apply(this.socket, args);
    // A chunk that was handed on at once is in the outbox already, and is counted there.
    const isHandedOn = (this.#backlog?.write ?? null) !== heldBefore;
    if (this.socket.writableLength > 0 && !isHandedOn) {
      this.#waiting.size += byteSize(args[0], args[1]);
      this.client.checkQueue(this.#waitingSize);
    }
    return this.#noteRoom(hasRoom && !this.client.congested);
  }

  end(args: unknown[]): void {
    guardCallback(args, this.client, 'end');
    stream.end.apply(this.socket, args);
    this.client.inbox.sayGoodbye();
  }

  setTimeout(msecs: number, callback?: () => void): void {
    const timeout = checkTimeout(msecs);
    if (callback !== undefined && typeof callback !== 'function')
      throw invalidArgument(`The "callback" argument must be of type function. Received ${describe(callback)}`);
    this.#clearIdleTimer();
    const timer = timeout === 0 ? null : setTimeout(() => this.socket.emit('timeout'), timeout).unref();
    this.#idle = { timeout: msecs, timer };
    if (callback === undefined) return;
    if (timer === null) this.socket.removeListener('timeout', callback);
    else this.socket.once('timeout', callback);
  }

  // Node's stream code calls these, through the socket.

  /** The stream wants more to read. */
  wanted(): void {
    this.#wantsLines = true;
    if (!this.client.inbox.hasListener) this.client.inbox.resume();
  }

  take(chunk: string | Uint8Array, encoding: BufferEncoding, callback: WriteCallback): void {
    const backlog = this.#backlog;
    if (backlog !== null && backlog.size > 0) backlog.size = Math.max(0, backlog.size - byteSize(chunk, encoding));
    this.active();
    if (backlog?.wholeLines?.delete(chunk) === true) writeLineTo(this.client, chunk);
    else this.#frame(chunk, encoding);
    // A client that has closed or is suspended never drains, so the callback must not wait for it.
    if (this.client.congested && this.client.writable && !this.client.isSuspended) this.#holdWrite(callback, chunk.length);
    else callback();
  }

  #frame(chunk: string | Uint8Array, encoding: BufferEncoding): void {
    this.#framer ??= new LineFramer();
    const frames = this.#framer.frame(chunk, encoding, this.client.encoding);
    this.client.send(frames, this.#framer.lines, this.#framer.wasFramedBefore);
    if (this.#framer.size > 0) this.client.checkQueue(this.#framer.size);
  }

  finish(): void {
    if (this.#framer !== null) {
      const rest = this.#framer.end(this.client.encoding);
      this.client.send(rest, rest === '' ? 0 : 1, false);
    }
    this.client.close(this.#closing.code, this.#closing.reason);
  }

  destroyed(error: Error | null, callback: WriteCallback): void {
    this.#clearIdleTimer();
    this.client.destroy();
    this.#releaseWrite();
    // As on a net.Socket, a reset is an 'error'. Without a listener it is not emitted, because it would end the process.
    callback(error !== null && this.socket.listenerCount('error') > 0 ? error : null);
    process.nextTick(() => {
      this.client.tellClosed();
      this.socket.emit('close', error !== null);
    });
  }

  // ClientStream: the client calls these methods.

  line(chunk: Buffer, start: number, end: number): void {
    if (gathering.stream !== this) gathering.stream?.linesTaken();
    gathering.stream = this;
    gathering.add(chunk, start, end);
  }

  linesTaken(): void {
    if (gathering.stream !== this) return;
    const lines = gathering.take();
    if (this.client.isOver || stream.push.call(this.socket, lines)) return;
    this.#wantsLines = false;
    this.client.readLines(false);
  }

  get wantsLines(): boolean {
    return this.#wantsLines;
  }

  active(): void {
    this.#idle?.timer?.refresh();
  }

  drained(): void {
    this.#releaseWrite();
    if (!this.#owesDrain) return;
    // This is reset before the listeners are called: they may write so much that it is set again. The stream itself emits 'drain'
    // for data in its own queue.
    this.#owesDrain = false;
    if (!this.socket.writableNeedDrain) this.socket.emit('drain');
  }

  /** As on a `net.Socket`, 'end' and 'close' come also to a server that does not read, where nothing is unread. */
  ended(): void {
    this.#releaseWrite();
    // The Close frame may come in the same read as the last lines, so they are delivered first.
    this.linesTaken();
    if (this.client.isOver) return;
    stream.push.call(this.socket, null);
    if (this.socket.readableLength === 0) stream.read.call(this.socket, 0);
  }

  get hasSaidGoodbye(): boolean {
    return this.socket.writableEnded;
  }

  suspended(): void {
    this.linesTaken();
    this.#releaseWrite();
  }

  broken(error: Error | null): void {
    stream.destroy.call(this.socket, error ?? undefined);
  }

  /** Bytes that wait in the stream, and the part of a line that waits for its LF. */
  get #waitingSize(): number {
    const { size = 0, handedOn = 0 } = this.#backlog ?? {};
    return Math.max(size, this.socket.writableLength - handedOn) + (this.#framer?.size ?? 0);
  }

  get #waiting(): Backlog {
    this.#backlog ??= new Backlog();
    return this.#backlog;
  }

  #noteRoom(hasRoom: boolean): boolean {
    if (!hasRoom && !this.client.isOver) this.#owesDrain = true;
    return hasRoom;
  }

  /** @param handedOn what the stream counts for the chunk of this write */
  #holdWrite(callback: WriteCallback, handedOn: number): void {
    this.#waiting.write = callback;
    this.#waiting.handedOn = handedOn;
  }

  #releaseWrite(): void {
    const backlog = this.#backlog;
    if (backlog === null || backlog.write === null) return;
    const { write } = backlog;
    backlog.write = null;
    backlog.handedOn = 0;
    write();
  }

  /** Takes out what the stream holds and nobody has read, as lines. */
  #takeUnread(): Buffer[] {
    const lines: Buffer[] = [];
    const { readableEncoding } = this.socket;
    for (let chunk = stream.read.call(this.socket); chunk !== null; chunk = stream.read.call(this.socket)) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk, readableEncoding ?? 'utf8') : (chunk as Buffer);
      for (let at = 0; at < bytes.length; ) {
        const lf = bytes.indexOf(LF, at);
        const end = lf === -1 ? bytes.length : lf - 1;
        if (end > at) lines.push(bytes.subarray(at, end));
        at = lf === -1 ? bytes.length : lf + 1;
      }
    }
    return lines;
  }

  #clearIdleTimer(): void {
    if (this.#idle === null || this.#idle.timer === null) return;
    clearTimeout(this.#idle.timer);
    this.#idle.timer = null;
  }
}

/** What a stream holds back while its client is behind. */
class Backlog {
  /** The callback of the write that was handed on last. */
  write: WriteCallback | null = null;
  /** What the stream still counts for that write, although it is in the outbox. */
  handedOn = 0;
  /** Bytes of writes that the stream itself holds back: it counts characters. */
  size = 0;
  /** Lines of {@link SocketStream.writeLine} in the stream's own queue: what stands there without a LF is not part of them. */
  wholeLines: Set<unknown> | null = null;
}

/**
 * The lines of one read, CR LF behind each: a stream takes them as one chunk, as it would from TCP. One for all sockets: a read
 * is over before the next begins.
 */
class Gathering {
  /** The stream that the lines are for; `null`: there are none. */
  stream: SocketStream | null = null;
  #bytes = Buffer.allocUnsafeSlow(4_096);
  #size = 0;

  add(chunk: Buffer, start: number, end: number): void {
    const size = this.#size + end - start + 2;
    if (size > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(size, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#size);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.#size, start, end);
    this.#bytes[size - 2] = CR;
    this.#bytes[size - 1] = LF;
    this.#size = size;
  }

  /** Returns a copy of what was gathered, and forgets it. */
  take(): Buffer {
    const lines = Buffer.from(this.#bytes.subarray(0, this.#size));
    this.stream = null;
    this.#size = 0;
    // One message may have been as long as `maxMessageSize`. Such a large buffer is not kept.
    if (this.#bytes.length > 65_536) this.#bytes = Buffer.allocUnsafeSlow(4_096);
    return lines;
  }
}

const gathering = new Gathering();

const NORMAL_CLOSURE = { code: CloseCode.NORMAL, reason: '' } as const;

/** Node's timers end here. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** Has what a callback of the server's throws end its client. */
function guardCallback(args: unknown[], client: Client, during: string): void {
  const last = args.length - 1;
  const callback = args[last];
  if (typeof callback !== 'function') return;
  args[last] = (...results: unknown[]): void => client.call(during, () => callback(...results));
}

function byteSize(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string')
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}

/** Returns the milliseconds that a timer may have. The errors are those of `net.Socket`. */
function checkTimeout(msecs: unknown): number {
  if (typeof msecs !== 'number')
    throw invalidArgument(`The "msecs" argument must be of type number. Received ${describe(msecs)}`);
  if (!Number.isFinite(msecs) || msecs < 0) {
    const error = new RangeError(
      `The value of "msecs" is out of range. It must be a non-negative finite number. Received ${msecs}`,
    );
    throw Object.assign(error, { code: 'ERR_OUT_OF_RANGE' });
  }
  if (msecs <= LONGEST_TIMEOUT) return msecs;
  process.emitWarning(
    `${msecs} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${LONGEST_TIMEOUT}.`,
    'TimeoutOverflowWarning',
  );
  return LONGEST_TIMEOUT;
}

function invalidArgument(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
}

function describe(value: unknown): string {
  return value === null || value === undefined ? String(value) : `type ${typeof value} (${String(value).slice(0, 28)})`;
}
