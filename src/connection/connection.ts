/**
 * One WebSocket connection on its transport: bytes in, messages out; byte strings in, one `write` a turn out.
 *
 * In: a socket that has just become a WebSocket. Out, to a {@link ConnectionOwner}: messages, room to write, the end. It answers pings, finds floods, sends
 * native pings, bounds what queues, and takes the closing handshake to its end within `closeTimeout`. It does not know HTTP, lines or the shape of a
 * `net.Socket`: that is `client.ts`.
 *
 * Laws of this file:
 * 1. The transport has an `'error'` listener for life.
 * 2. After `closed` nothing is written but what was queued before; the queue of a destroyed connection is freed at once.
 * 3. A turn of the event loop is one `write`, however many lines it made.
 */
import type { Duplex } from 'node:stream';
import { diagnostics, publish } from '../diagnostics.ts';
import { CloseCode } from '../errors.ts';
import { Content } from '../protocol/mask.ts';
import { type SessionLimits, type SessionSink, WebSocketSession } from '../protocol/session.ts';
import { releaseSocket } from './guard.ts';
import { clock, NOWHERE, type Sweeper, type Ticking } from './sweeper.ts';
import { TokenBucket } from './token-bucket.ts';
import { type Flushable, flushThisTurn } from './turn.ts';

/** What a connection takes from the configuration that it came in under; shared by all of them. */
export interface ConnectionSettings extends SessionLimits {
  /** Bytes that may queue for one client. */
  readonly sendQueueLimit: number;
  /** Milliseconds of silence before a native ping; 0: none. */
  readonly pingInterval: number;
  /** Milliseconds in which anything must come back. */
  readonly pingTimeout: number;
  /** Milliseconds that the closing handshake may take. */
  readonly closeTimeout: number;
  /** The payload of native pings. */
  readonly pingPayload: Uint8Array;
  readonly sweeper: Sweeper;
}

/** Takes what a {@link Connection} has to give. */
export interface ConnectionOwner {
  /** Takes a message, `chunk[start, end)`, valid during the call; the number of lines in it: 0 counts as a message that says nothing. */
  messageIn(chunk: Buffer, start: number, end: number, isText: boolean, content: number): number;
  /** Takes messages that came together, as `SessionSink.messagesIn` has them. */
  messagesIn(chunk: Buffer, bounds: Int32Array, count: number, isText: boolean): void;
  /** Takes messages that came together, as `SessionSink.joinedMessagesIn` has them. */
  joinedMessagesIn(chunk: Buffer, start: number, end: number, isText: boolean): void;
  /** Whether messages that come now are wanted joined. */
  readonly joinsMessages: boolean;
  /** Learns that the transport has taken all there was, after {@link Connection.congested} was true. */
  drained(): void;
  /** Learns that no more messages come and none can be sent. The transport may still be busy with the last bytes. */
  ended(status: CloseStatus): void;
  /** Learns that the connection is over at once: what is unread or unsent is lost. `error` is the transport's own, where that was the cause. */
  broken(status: CloseStatus, error: Error | null): void;
  /** Learns that the transport is gone, once, last. */
  gone(): void;
}

/** Says how a connection ended, as a browser's `CloseEvent` does. */
export interface CloseStatus {
  /** RFC 6455 section 7.1.5: the code of the Close frame; 1005 without one in it, 1006 without such a frame. */
  readonly code: number;
  readonly reason: string;
  /** Whether Close frames went both ways. */
  readonly clean: boolean;
}

/** How far a connection has come. Each stage follows from any before it, and none is left again but for a later one. */
const Stage = {
  OPEN: 0,
  /** Our Close frame is on its way, and the peer's has not come. */
  CLOSING: 1,
  /** The owner was told of the end; the transport may still be busy with the last bytes. */
  ENDING: 2,
  /** The transport is gone, or destroyed. */
  GONE: 3,
} as const;
type Stage = (typeof Stage)[keyof typeof Stage];

/** A turn's output beyond this leaves at once, so that memory is bounded within a turn too. */
const FLUSH_SIZE = 65_536;

/** Is a WebSocket on its transport. */
export class Connection implements SessionSink, Flushable, Ticking {
  // What a line out touches comes first: in a broadcast to thousands of clients none of them is in a cache, and each line of a cache is waited for.
  readonly #transport: Duplex;
  /** What leaves at the end of this turn, when the list of the turn has this connection: a byte string. */
  #pending = '';
  #stage: Stage = Stage.OPEN;
  readonly #settings: ConnectionSettings;
  /** Whether the transport said `false` to a write and has not drained since. */
  #isCongested = false;
  #rarities: Rarities | null = null;

  readonly #owner: ConnectionOwner;
  /**
   * What the protocol has to remember: a frame or a message that is not whole, or that the connection closes. `null` while there is nothing of that, which is
   * nearly always: 310 bytes for each idle connection, against a new one for each chunk.
   */
  #session: WebSocketSession | null = null;
  /** Since when nothing came, as far as ticks tell; 0: something came since the last tick. Cheaper than a clock for each chunk. */
  #silentSince = 0;
  #pingedAt = 0;
  #isReading = false;
  #isStarted = false;
  place: number = NOWHERE;
  /** Each client that answers pings has one for a while: not among the rarities, which stay. */
  #bucket: TokenBucket | null = null;

  /**
   * @param answer the bytes that come before all frames, a byte string
   * @param head what came behind the request
   */
  constructor(transport: Duplex, answer: string, head: Uint8Array, owner: ConnectionOwner, settings: ConnectionSettings) {
    this.#transport = transport;
    if (head.length > 0) this.#rare.head = head;
    this.#owner = owner;
    this.#settings = settings;
    (transport as Taken)[connectionOf] = this;
    transport.on('error', onError);
    releaseSocket(transport);
    transport.on('close', onClose);
    transport.on('end', onEnd);
    settings.sweeper.add(this);
    this.#queue(answer);
  }

  get transport(): Duplex {
    return this.#transport;
  }

  get settings(): ConnectionSettings {
    return this.#settings;
  }

  /** Whether the owner was told of the end; the transport may still be busy with the last bytes. */
  get isEnding(): boolean {
    return this.#stage >= Stage.ENDING;
  }

  /** Whether messages can still be sent. */
  get isOpen(): boolean {
    return this.#stage === Stage.OPEN;
  }

  /** Whether messages come, or would if there were any: the owner reads. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Whether there is something to receive that came behind the request: where the owner reads, it comes within `start` or `resume`. */
  get hasHead(): boolean {
    return (this.#rarities?.head ?? null) !== null;
  }

  /** Whether the transport is behind; `drained` follows. */
  get congested(): boolean {
    return this.#isCongested;
  }

  /** Bytes that wait for the transport or in it. */
  get queuedSize(): number {
    return this.#stage === Stage.GONE ? 0 : this.#pending.length + this.#transport.writableLength;
  }

  /** Lets messages flow from now on, where the owner reads: it must have its listeners by then. */
  start(): void {
    this.#isStarted = true;
    // Bound here rather than in the constructor: a 'data' listener sets a stream flowing.
    if (this.#isReading || this.#stage === Stage.CLOSING) this.#flow();
  }

  /** Lets messages come. */
  resume(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    if (this.#isStarted) this.#flow();
  }

  /** Stops reading the transport; what of the present chunk is not parsed yet still comes. */
  pause(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    if (this.isOpen) this.#transport.pause();
  }

  /**
   * Sends frames, given as a byte string, at the end of this turn; nothing when the connection is not open.
   *
   * @param areShared whether others get the same string
   */
  send(frames: string, areShared: boolean): void {
    if (this.isOpen && frames !== '') this.#queue(frames, areShared);
  }

  /** Sends a ping; `onPong` gets the milliseconds until any pong came. `false` when the connection is not open. */
  sendPing(onPong?: (roundTrip: number) => void): boolean {
    if (!this.isOpen) return false;
    this.#speak().ping(this.#settings.pingPayload);
    this.#forget();
    if (onPong !== undefined) {
      this.#rare.pingWaiters ??= [];
      this.#rare.pingWaiters.push({ sentAt: performance.now(), onPong });
    }
    return true;
  }

  /** Begins the closing handshake, behind what was sent before. */
  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    // Before the frame: it may be what makes the queue too long, and that is the end.
    this.#stage = Stage.CLOSING;
    this.#speak().close(code, reason);
    this.limitTime();
    // The peer's Close frame has to be read, also where the owner reads no more: then what stands before it is dropped.
    if (!this.#isReading && this.#isStarted) this.#flow();
  }

  /** Fails the connection: a Close frame behind what was sent before, then the end of the transport; nothing more is read. */
  fail(code: number, reason: string): void {
    this.#speak().fail(code, reason);
  }

  /** Fails the connection for an error of the server's own code: 1011, without details (they "may be security-sensitive"). */
  fault(error: unknown): void {
    this.#rare.fault = error;
    // Not lost on the server's author where nobody subscribed.
    if (!diagnostics.protocolError.hasSubscribers) process.emitWarning(error instanceof Error ? error : String(error));
    this.fail(CloseCode.INTERNAL_ERROR, 'Internal error');
  }

  /**
   * Ends the connection at once: nothing more is read. What was sent earlier in this turn still leaves, as far as the kernel takes it, as on a `net.Socket`;
   * where that includes a Close frame, the transport ends by FIN rather than at once, or RST could overtake it.
   */
  destroy(): void {
    if (this.isEnding) return;
    if (this.#stage === Stage.CLOSING) {
      this.#endTransport();
      return;
    }
    this.flush();
    this.#transport.destroy();
  }

  // SessionSink: what the protocol has to give.

  write(bytes: Buffer): void {
    this.#queue(bytes.toString('latin1'));
  }

  /** Never called: `messageIn` is there. */
  message(bytes: Buffer, isText: boolean): void {
    this.messageIn(bytes, 0, bytes.length, isText, Content.CONTROLS | Content.NOT_ASCII);
  }

  messageIn(chunk: Buffer, start: number, end: number, isText: boolean, content: number): void {
    if (this.#drops) return;
    if (this.#owner.messageIn(chunk, start, end, isText, content) === 0) this.#countIdleFrame('WebSocket: Empty message flood');
  }

  messagesIn(chunk: Buffer, bounds: Int32Array, count: number, isText: boolean): void {
    if (this.#drops) return;
    this.#owner.messagesIn(chunk, bounds, count, isText);
  }

  joinedMessagesIn(chunk: Buffer, start: number, end: number, isText: boolean): void {
    if (this.#drops) return;
    this.#owner.joinedMessagesIn(chunk, start, end, isText);
  }

  get joinsMessages(): boolean {
    return this.#owner.joinsMessages;
  }

  ping(payload: Buffer): boolean {
    if (!this.#countIdleFrame('WebSocket: Ping/pong flood')) return false;
    // What is not congested will not say 'drain': an answer that waits for that would never leave.
    if (!this.#isCongested) return true;
    // 5.5.3: "the endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame."
    this.#rare.latePong = Buffer.from(payload);
    return false;
  }

  pong(): void {
    if (!this.#countIdleFrame('WebSocket: Ping/pong flood')) return;
    const waiters = this.#rarities?.pingWaiters ?? null;
    if (waiters === null) return;
    this.#rare.pingWaiters = null;
    const now = performance.now();
    for (const { sentAt, onPong } of waiters) onPong(now - sentAt);
  }

  closed(code: number, reason: string, clean: boolean): void {
    // Neither clean nor 1006: it was we who failed the connection.
    if (!clean && code !== CloseCode.ABNORMAL)
      publish(diagnostics.protocolError, () => ({ socket: this.#owner, code, reason, error: this.#rarities?.fault }));
    this.#endTransport();
    this.#owner.ended({ code, reason, clean });
  }

  // Ticking

  tick(now: number): void {
    const deadline = this.#rarities?.deadline ?? 0;
    if (deadline > 0) {
      if (now >= deadline) this.#transport.destroy();
      return;
    }
    // Every pong takes a token.
    if (this.#bucket?.isFull(now) === true) this.#bucket = null;
    // Who does not read cannot know whether the peer lives.
    if (this.#silentSince === 0 || !this.#isReading) {
      this.#silentSince = now;
      this.#pingedAt = 0;
      return;
    }
    const { pingInterval, pingTimeout } = this.#settings;
    if (pingInterval === 0) return;
    if (this.#pingedAt === 0) {
      if (now - this.#silentSince >= pingInterval && this.sendPing()) this.#pingedAt = now;
    } else if (now - this.#pingedAt >= pingTimeout) {
      this.fail(CloseCode.GOING_AWAY, `Ping timeout: ${Math.round((pingInterval + pingTimeout) / 1_000)} seconds`);
    }
  }

  // Flushable

  flush(): void {
    const bytes = this.#pending;
    if (bytes === '') return;
    this.#pending = '';
    if (!this.#transport.writable) return;
    try {
      if (!this.#transport.write(bytes, 'latin1')) this.#congest();
    } catch (error) {
      // No stream should; one that does may not take the rest of this turn's clients with it.
      this.#break(CloseCode.ABNORMAL, '', error as Error);
    }
    this.checkQueue(0);
  }

  /** The transport is behind until it says 'drain': few ever are, so nobody listens for it before. */
  #congest(): void {
    if (this.#isCongested) return;
    this.#isCongested = true;
    this.#transport.once('drain', onDrain);
  }

  /** Ends the connection where `more` bytes beside its own queue take it over `sendQueueLimit`. */
  checkQueue(more: number): void {
    const size = this.queuedSize + more;
    if (size <= this.#settings.sendQueueLimit || this.#stage === Stage.GONE) return;
    publish(diagnostics.flood, () => ({ socket: this.#owner, reason: 'SendQ exceeded' }));
    this.#break(CloseCode.POLICY_VIOLATION, 'SendQ exceeded', null);
  }

  #queue(bytes: string, areShared = false): void {
    if (this.#stage === Stage.GONE) return;
    const before = this.#pending;
    this.#pending = areShared ? joinShared(before, bytes) : before + bytes;
    if (this.#pending.length >= FLUSH_SIZE) this.flush();
    else if (before === '') flushThisTurn(this);
  }

  #flow(): void {
    if (this.isEnding) return;
    if (this.#transport.listenerCount('data') === 0) this.#transport.on('data', onData);
    const head = this.#rarities?.head ?? null;
    if (head !== null) {
      this.#rare.head = null;
      this.receive(head);
    }
    if (this.#isReading || !this.isOpen) this.#transport.resume();
  }

  /** From the transport, as are the next four; the chunk belongs to the connection. */
  receive(chunk: Uint8Array): void {
    if (this.isEnding) return;
    this.#silentSince = 0;
    try {
      this.#speak().receive(chunk);
    } catch (error) {
      // Not the peer's fault, nor any other client's: the server's own listener threw.
      this.fault(error);
    }
    this.#forget();
  }

  /** Gives the session that there is, or a new one. */
  #speak(): WebSocketSession {
    this.#session ??= new WebSocketSession(this.#settings, this);
    return this.#session;
  }

  get #rare(): Rarities {
    this.#rarities ??= new Rarities();
    return this.#rarities;
  }

  /** Lets the session go where it has nothing to remember. */
  #forget(): void {
    if (this.#session?.isIdle === true) this.#session = null;
  }

  /** Whether messages are read for the peer's Close frame behind them alone: the owner reads no more. */
  get #drops(): boolean {
    return !this.#isReading && this.#stage === Stage.CLOSING;
  }

  /** Takes a token for a frame that says nothing; `false` once there were too many, and the connection has failed. */
  #countIdleFrame(reason: string): boolean {
    this.#bucket ??= new TokenBucket();
    if (this.#bucket.take()) return true;
    publish(diagnostics.flood, () => ({ socket: this.#owner, reason }));
    this.fail(CloseCode.POLICY_VIOLATION, reason);
    return false;
  }

  /** Sets the time until the transport is destroyed, whatever it still waits for: `closeTimeout` from the first call on. */
  limitTime(): void {
    if (this.#rare.deadline === 0) this.#rare.deadline = clock() + this.#settings.closeTimeout;
  }

  /**
   * Sends what is queued and FIN. What still comes is read and dropped until the peer's FIN: a socket that is closed with unread bytes answers by RST,
   * which takes the Close frame with it.
   */
  #endTransport(): void {
    if (this.#stage < Stage.ENDING) this.#stage = Stage.ENDING;
    this.#rare.head = null;
    this.limitTime();
    this.flush();
    if (!this.#transport.writableEnded) this.#transport.end();
    this.#transport.resume();
  }

  drained(): void {
    this.#isCongested = false;
    const late = this.#rarities?.latePong ?? null;
    if (late !== null) {
      this.#rare.latePong = null;
      this.#speak().pong(late);
      this.#forget();
    }
    this.#owner.drained();
  }

  transportEnded(): void {
    this.#speak().receiveEnd();
    // An upgraded socket is half-open: without an end of ours it never closes.
    if (!this.#transport.writableEnded) this.#transport.end();
  }

  transportFailed(error: Error): void {
    this.#break(CloseCode.ABNORMAL, '', error);
  }

  transportClosed(): void {
    this.#break(CloseCode.ABNORMAL, '', null);
    this.#owner.gone();
  }

  /** Ends everything at once; the queue is freed. */
  #break(code: number, reason: string, error: Error | null): void {
    if (this.#stage === Stage.GONE) return;
    const wasEnding = this.isEnding;
    this.#stage = Stage.GONE;
    this.#pending = '';
    this.#rarities?.release();
    this.#settings.sweeper.remove(this);
    this.#transport.destroy();
    // Once the WebSocket has ended, how TCP ends is nobody's business any more.
    if (!wasEnding) this.#owner.broken({ code, reason, clean: false }, error);
  }
}

/** What was joined last by {@link joinShared}; 64 KiB at the most are kept alive by it. */
const joined = { left: '', right: '', both: '' };

/**
 * Gives `left + right`, the same string to all members of a channel who get the same lines in a turn: V8 joins lazily, and would copy the lines together once
 * for each of them.
 */
function joinShared(left: string, right: string): string {
  if (left === '') return right;
  if (right !== joined.right || left !== joined.left) {
    joined.left = left;
    joined.right = right;
    joined.both = left + right;
  }
  return joined.both;
}

/** What most connections never have, or only as they end: what it takes is not kept in each. */
class Rarities {
  /** What came with the handshake, until the owner reads. */
  head: Uint8Array | null = null;
  pingWaiters: PingWaiter[] | null = null;
  /** The ping to answer once the transport takes bytes again: the newest, where several piled up. */
  latePong: Buffer | null = null;
  /** When the transport is destroyed, whatever it still waits for; 0: not yet set. */
  deadline = 0;
  /** What the server's own code threw, where that was the end. */
  fault: unknown;

  /** Lets go what is of no use once the transport is gone. */
  release(): void {
    this.head = null;
    this.pingWaiters = null;
    this.latePong = null;
  }
}

/**
 * Where a transport has its connection: five functions for all connections, where five closures for each would cost 300 bytes. `null` is a socket that some hook of
 * this process has taken, and that is no connection yet. A property, as a map of ten thousand sockets is looked up in memory that no cache holds.
 */
const connectionOf = Symbol('ircd-websocket');

/** Is a socket that some hook has taken. */
type Taken = Duplex & { [connectionOf]?: Connection | null };

/** Takes a socket for one hook; `false` where one has it already: a second one would write its answer into a live WebSocket (hostile-inputs N13). */
export function takeSocket(socket: Duplex): boolean {
  if ((socket as Taken)[connectionOf] !== undefined) return false;
  (socket as Taken)[connectionOf] = null;
  return true;
}

function onData(this: Taken, chunk: Buffer): void {
  this[connectionOf]?.receive(chunk);
}

function onError(this: Taken, error: Error): void {
  this[connectionOf]?.transportFailed(error);
}

function onClose(this: Taken): void {
  this[connectionOf]?.transportClosed();
}

function onEnd(this: Taken): void {
  this[connectionOf]?.transportEnded();
}

function onDrain(this: Taken): void {
  this[connectionOf]?.drained();
}

interface PingWaiter {
  readonly sentAt: number;
  readonly onPong: (roundTrip: number) => void;
}
