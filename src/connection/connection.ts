/**
 * One WebSocket connection over its transport: bytes in, messages out, and the way to its end.
 *
 * In: a socket that has just become a WebSocket. Out, to a {@link ConnectionOwner}: messages, room to write, the end. It answers
 * pings and takes the closing handshake to its end (RFC 6455 section 7). It does not know HTTP, lines, or the shape of a
 * `net.Socket`. What leaves is the {@link Outbox}'s, time is {@link Liveness}'s.
 *
 * Laws of this file:
 * 1. The transport has an `'error'` listener for life.
 * 2. The connection calls its owner once for the end: `ended` where the peer may still read, `broken` where nothing is left. When
 *    the transport has closed, it calls `onTransportClosed`, once.
 * 3. A connection that was {@link Connection.abandon abandoned} does not call its owner any more.
 *
 * One file, although long: its states and what each event does in them are one table.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { diagnostics, publish } from '../diagnostics.ts';
import { CloseCode } from '../errors.ts';
import { encodeClosePayload } from '../protocol/close.ts';
import { encodeFrame, Opcode } from '../protocol/frame.ts';
import { Session, type SessionEvents, type SessionLimits } from '../protocol/session.ts';
import { releaseSocket } from './guard.ts';
import { Liveness, type LivenessSettings, type Watched } from './liveness.ts';
import type { Outbox, OutboxSettings } from './outbox.ts';

/** What a connection takes from the configuration that it came in under; all of them share it. */
export interface ConnectionSettings extends SessionLimits, LivenessSettings, OutboxSettings {
  /** The payload of native pings. */
  readonly pingPayload: Uint8Array;
  /** Called once for each transport, when it has closed. */
  readonly onTransportClosed: () => void;
}

/** What {@link ConnectionOwner.message} returns for a control message, which is for the owner itself. */
export const CONTROL = -1;
/** The same for a control message that says nothing new: it counts as an idle frame. */
export const IDLE_CONTROL = -2;

/** Receives what a {@link Connection} has to give. */
export interface ConnectionOwner {
  /**
   * Takes a message, `chunk[start, end)`, which is valid during the call. Returns the number of lines in it, where 0 is a message
   * that says nothing, or {@link CONTROL} or {@link IDLE_CONTROL}.
   */
  message(chunk: Buffer, start: number, end: number, isText: boolean, content: number): number;
  /** Called when a read has given all its messages. */
  readEnded(): void;
  /** Called when the transport has taken everything, after the outbox was congested. */
  drained(): void;
  /** Whether a connection whose peer fell silent is dropped rather than failed, as its client may come back. */
  readonly survivesLoss: boolean;
  /** Called when no more messages come and none can be sent. The transport may still be busy with the last bytes. */
  ended(status: CloseStatus): void;
  /**
   * Called when the connection is over at once: what is unread or unsent is lost. `error` is the transport's own, where that was
   * the cause.
   */
  broken(status: CloseStatus, error: Error | null): void;
  /** Called with what was thrown while a message was taken. */
  threw(error: unknown): void;
  /** Returns what diagnostics channels show of the owner. */
  describe(): object;
}

/** How a connection ended, as a browser's `CloseEvent` says it. */
export interface CloseStatus {
  /** RFC 6455 section 7.1.5: the code of the Close frame; 1005 without one in it, 1006 without such a frame. */
  readonly code: number;
  /** The reason in the Close frame. */
  readonly reason: string;
  /** Whether Close frames went both ways. */
  readonly clean: boolean;
}

/** How far a connection has come. Each stage follows from any before it, and none is left again but for a later one. */
const Stage = {
  OPEN: 0,
  /** Our Close frame is on its way, and the peer's has not come. */
  CLOSING: 1,
  /** The owner was told of the end. The transport may still be busy with the last bytes. */
  ENDING: 2,
  /** The transport is gone, or destroyed. */
  GONE: 3,
} as const;
type Stage = (typeof Stage)[keyof typeof Stage];

/** A WebSocket connection over its transport. */
export class Connection implements SessionEvents, Watched {
  readonly #transport: Duplex;
  readonly #outbox: Outbox;
  readonly #settings: ConnectionSettings;
  readonly #liveness: Liveness;
  /** `null` once this connection was abandoned. */
  #owner: ConnectionOwner | null;
  #stage: Stage = Stage.OPEN;
  /**
   * What the protocol has to remember: a frame or a message that is not whole, or the closing handshake. `null` while there is
   * nothing, which is nearly always: 310 bytes for each idle connection (benchmark `idle`), against a new session for each chunk.
   */
  #session: Session | null = null;
  #isReading = false;
  #isStarted = false;
  /** What came with the handshake, until the owner reads. */
  #head: Uint8Array | null;
  /** The ping to answer once the transport takes bytes again: the newest, where several piled up. */
  #latePing: Buffer | null = null;

  /**
   * @param head what came behind the request
   */
  constructor(transport: Duplex, head: Uint8Array, outbox: Outbox, owner: ConnectionOwner, settings: ConnectionSettings) {
    this.#transport = transport;
    this.#head = head.length > 0 ? head : null;
    this.#outbox = outbox;
    this.#owner = owner;
    this.#settings = settings;
    this.#liveness = new Liveness(this, settings);
    (transport as Taken)[connectionOf] = this;
    transport.on('error', onError);
    releaseSocket(transport);
    transport.on('close', onClose);
    for (const listener of NODES_END_LISTENERS) transport.off('end', listener as () => void);
    transport.on('end', onEnd);
  }

  /**
   * Begins to send; call it when the owner has this connection.
   *
   * @param first the bytes that come before all else, a byte string: the 101
   */
  begin(first: string): void {
    this.#outbox.attach(this.#transport, first);
  }

  get transport(): Duplex {
    return this.#transport;
  }

  /** Whether the owner was told of the end. The transport may still be busy with the last bytes. */
  get isEnding(): boolean {
    return this.#stage >= Stage.ENDING;
  }

  /** Whether messages can still be sent. */
  get isOpen(): boolean {
    return this.#stage === Stage.OPEN;
  }

  /** Whether the owner reads: messages are passed on as they come. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Lets messages flow from now on, where the owner reads. The owner must be ready for them. */
  start(): void {
    this.#isStarted = true;
    if (this.#isReading || this.#stage === Stage.CLOSING) this.#flow();
  }

  /** Lets messages come. */
  resume(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    if (this.#isStarted) this.#flow();
  }

  /** Stops reading the transport. What of the present chunk is not parsed yet still comes. */
  pause(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    if (this.isOpen) this.#transport.pause();
  }

  /** Sends a ping. `onPong` gets the milliseconds until any pong came. Returns `false` when the connection is not open. */
  sendPing(onPong?: (roundTrip: number) => void): boolean {
    if (!this.isOpen) return false;
    this.#speak().ping(this.#settings.pingPayload);
    this.#forget();
    this.#liveness.pinged(onPong);
    return true;
  }

  /** Begins the closing handshake, behind what was sent before. */
  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    // The stage changes before the frame is queued: the frame may exceed the limit of the queue, and that ends the connection.
    this.#stage = Stage.CLOSING;
    this.#speak().close(code, reason);
    this.limitTime();
    // The peer's Close frame must be read even if the owner has paused reading. Messages that come before it are dropped then.
    if (!this.#isReading && this.#isStarted) this.#flow();
  }

  /** Fails the connection: a Close frame behind what was sent before, then the end of the transport. Nothing more is read. */
  fail(code: number, reason: string): void {
    if (!this.isEnding) this.#speak().fail(code, reason);
  }

  /**
   * Begins the time after which the transport is destroyed, whatever it still waits for: `closeTimeout` from the first call on.
   */
  limitTime(): void {
    this.#liveness.limitTime();
  }

  /**
   * Ends the connection at once: nothing more is read. What was sent earlier in this turn still leaves, as far as the kernel
   * takes it, as on a `net.Socket`. Where that includes a Close frame, the transport ends by FIN rather than at once, or RST
   * could overtake it.
   */
  destroy(): void {
    if (this.isEnding) return;
    this.#owner = null;
    if (this.#stage === Stage.CLOSING) {
      this.#endTransport();
      return;
    }
    this.#outbox.flush();
    this.#break(CloseCode.ABNORMAL, '', null);
  }

  /** Ends the connection by RST where the transport is TCP, else as {@link Connection.destroy}. */
  reset(): void {
    this.#owner = null;
    const socket = this.#transport as Duplex & { resetAndDestroy?: () => unknown };
    try {
      // A socket that has sent its FIN cannot be reset: Node would keep its descriptor open for good.
      if (!socket.writableEnded) socket.resetAndDestroy?.();
    } catch {
      // Node resets neither TLS nor Unix domain sockets.
    }
    this.#break(CloseCode.ABNORMAL, '', null);
  }

  /** Closes a connection whose client has another one now: a Close frame past the outbox, and not a word to the owner. */
  abandon(code: number, reason: string): void {
    this.#owner = null;
    if (this.isEnding) return;
    this.#stage = Stage.ENDING;
    this.#session?.stop();
    this.#head = null;
    this.limitTime();
    if (this.#transport.writable) this.#transport.end(encodeFrame(Opcode.CLOSE, encodeClosePayload(code, reason)));
    this.#transport.resume();
  }

  // SessionEvents: the protocol session calls these methods.

  write(bytes: Buffer): void {
    this.#outbox.queue(bytes.toString('latin1'));
  }

  message(chunk: Buffer, start: number, end: number, isText: boolean, content: number): void {
    // The owner has paused reading. These messages are read only because the peer's Close frame comes behind them.
    if (this.#owner === null || (!this.#isReading && this.#stage === Stage.CLOSING)) return;
    const lines = this.#owner.message(chunk, start, end, isText, content);
    if (lines > 0) this.#settings.counters.linesIn += lines;
    else if (lines === IDLE_CONTROL) this.#countIdleFrame('WebSocket: Control message flood');
    else if (lines === 0) this.#countIdleFrame('WebSocket: Empty message flood');
  }

  ping(payload: Buffer): boolean {
    if (!this.#countIdleFrame('WebSocket: Ping/pong flood')) return false;
    // Only a congested transport emits 'drain' later. On any other the pong leaves at once.
    if (!this.#outbox.congested) return true;
    // 5.5.3: "the endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame."
    this.#latePing = Buffer.from(payload);
    return false;
  }

  pong(): void {
    if (!this.#countIdleFrame('WebSocket: Ping/pong flood')) return;
    for (const { onPong, roundTrip } of this.#liveness.ponged()) onPong(roundTrip);
  }

  closed(code: number, reason: string, clean: boolean): void {
    // An end that is neither clean nor 1006 means that this side failed the connection.
    if (!clean && code !== CloseCode.ABNORMAL)
      publish(diagnostics.protocolError, () => ({ ...this.#owner?.describe(), code, reason }));
    this.#endTransport();
    this.#tellEnd({ code, reason, clean });
  }

  // Watched: what time brings.

  timedOut(reason: string): void {
    if (this.#owner?.survivesLoss === true) this.#break(CloseCode.ABNORMAL, '', null);
    else this.fail(CloseCode.GOING_AWAY, reason);
  }

  expired(): void {
    this.#transport.destroy();
  }

  // The transport calls these methods. The chunk belongs to the connection.

  receive(chunk: Uint8Array): void {
    if (this.isEnding) return;
    this.#liveness.heard();
    this.#settings.counters.bytesIn += chunk.length;
    try {
      this.#speak().receive(chunk);
      this.#owner?.readEnded();
    } catch (error) {
      // The error is the program's own. It must not reach the peer or other clients.
      this.#owner?.threw(error);
    }
    this.#forget();
  }

  transportDrained(): void {
    this.#outbox.drained();
    const late = this.#latePing;
    if (late !== null && this.isOpen) {
      this.#latePing = null;
      this.#speak().pong(late);
      this.#forget();
    }
    this.#owner?.drained();
  }

  transportEnded(): void {
    // The bytes that came with the request came before this end, so they are read first.
    const head = this.#head;
    this.#head = null;
    if (head !== null) this.receive(head);
    if (!this.isEnding) this.#speak().receiveEnd();
    // An upgraded socket is half-open: it closes only after this side ends it too.
    if (!this.#transport.writableEnded) this.#transport.end();
  }

  transportFailed(error: Error): void {
    this.#break(CloseCode.ABNORMAL, '', error);
  }

  transportClosed(): void {
    this.#break(CloseCode.ABNORMAL, '', null);
    this.#settings.onTransportClosed();
  }

  /** Calls the owner at the next `'drain'` of the transport. Few transports ever fall behind, so nobody listens for it before. */
  awaitDrain(): void {
    this.#transport.once('drain', onDrain);
  }

  /** Ends everything at once. The owner gets this status. */
  break(status: CloseStatus): void {
    this.#break(status.code, status.reason, null);
  }

  #break(code: number, reason: string, error: Error | null): void {
    if (this.#stage === Stage.GONE) return;
    const wasEnding = this.isEnding;
    this.#stage = Stage.GONE;
    this.#head = null;
    this.#latePing = null;
    this.#session?.stop();
    this.#session = null;
    this.#liveness.stop();
    this.#transport.destroy();
    // After the WebSocket has ended, it does not matter how TCP ends.
    if (wasEnding || this.#owner === null) return;
    const owner = this.#owner;
    this.#owner = null;
    owner.broken({ code, reason, clean: false }, error);
  }

  #tellEnd(status: CloseStatus): void {
    const owner = this.#owner;
    this.#owner = null;
    owner?.ended(status);
  }

  #flow(): void {
    if (this.isEnding) return;
    if (this.#transport.listenerCount('data') === 0) this.#transport.on('data', onData);
    const head = this.#head;
    if (head !== null) {
      this.#head = null;
      this.receive(head);
    }
    if (this.#isReading || !this.isOpen) this.#transport.resume();
  }

  /** Returns the session that there is, or a new one. */
  #speak(): Session {
    this.#session ??= new Session(this.#settings, this);
    return this.#session;
  }

  /** Lets the session go where it has nothing to remember. */
  #forget(): void {
    if (this.#session?.isIdle === true) this.#session = null;
  }

  /** Takes a token for a frame that says nothing. Returns `false` once there were too many, and the connection has failed. */
  #countIdleFrame(reason: string): boolean {
    if (this.#liveness.countIdleFrame()) return true;
    publish(diagnostics.flood, () => ({ ...this.#owner?.describe(), reason }));
    this.fail(CloseCode.POLICY_VIOLATION, reason);
    return false;
  }

  /**
   * Sends what is queued and FIN. What still comes is read and dropped until the peer's FIN: a socket that is closed with unread
   * bytes answers by RST, which takes the Close frame with it.
   */
  #endTransport(): void {
    if (this.#stage < Stage.ENDING) this.#stage = Stage.ENDING;
    this.#head = null;
    this.limitTime();
    this.#outbox.flush();
    if (!this.#transport.writableEnded) this.#transport.end();
    this.#transport.resume();
  }
}

/**
 * What Node itself does at the `'end'` of a `net.Socket`: it forbids writing after it, which {@link Connection.transportEnded}
 * does by its FIN. With two listeners the transport would have an array of them: 64 bytes more for each idle connection
 * (benchmark `idle`).
 */
const NODES_END_LISTENERS = new Socket().listeners('end');

/**
 * Where a transport has its connection: five functions serve all connections, where five closures for each would cost 300 bytes
 * (benchmark `idle`). `null` is a socket that some hook of this process has taken, and that is no connection yet. A property and
 * not a map: a map of ten thousand sockets lies in memory that no cache holds (echo with 10,000 connections: 5 %).
 */
const connectionOf = Symbol('ircd-websocket');

/** A socket that some hook has taken. */
type Taken = Duplex & { [connectionOf]?: Connection | null };

/** Takes a socket for one hook. Returns `false` where one has it: a second one would write its answer into a live WebSocket. */
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
  this[connectionOf]?.transportDrained();
}
