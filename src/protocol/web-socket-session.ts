/**
 * The public session of `ircd-websocket/protocol`: RFC 6455 for programs that bring their own transport.
 *
 * In: what the peer sends, and what is to be said to it. Out, to a {@link SessionSink}: bytes for the peer, whole messages,
 * pings, pongs, and how it ended. It adds nothing to {@link Session} but messages as views in place of offsets, and sink methods
 * that may be left out.
 */
import { CloseCode } from '../errors.ts';
import { type ReadyState, Session, type SessionEvents, type SessionLimits, type SessionOptions } from './session.ts';

/** Receives what a {@link WebSocketSession} has to give. */
export interface SessionSink {
  /** Takes bytes for the peer, in order. The bytes belong to the callee. */
  write(bytes: Buffer): void;
  /** Takes a whole message. `bytes` is a view, valid during the call. The bytes of a text message are UTF-8. */
  message(bytes: Buffer, isText: boolean): void;
  /**
   * Called for a ping before it is answered. `false` leaves the answer to the callee ({@link WebSocketSession.pong}). `payload`
   * is valid during the call.
   */
  ping?(payload: Buffer): boolean;
  /** Called for a pong, asked for or not. `payload` is valid during the call. */
  pong?(payload: Buffer): void;
  /**
   * Called once, last, when the connection has ended. `code` and `reason` are the peer's where it sent a Close frame (1005:
   * without a code), ours where we failed the connection, and 1006 where there was neither. `clean` says whether Close frames
   * went both ways (7.1.4).
   */
  closed(code: number, reason: string, clean: boolean): void;
}

/**
 * Speaks RFC 6455 as a server, or with `maskKey` as a client, on bytes.
 *
 * @example
 * ```ts
 * const session = new WebSocketSession({ maxMessageSize: 8_701, maxFragments: 16 }, {
 *   write: (bytes) => socket.write(bytes),
 *   message: (bytes, isText) => console.log(isText, bytes.toString()),
 *   closed: () => socket.end(),
 * });
 * socket.on('data', (chunk) => session.receive(chunk));
 * socket.on('end', () => session.receiveEnd());
 * ```
 */
export class WebSocketSession {
  readonly #session: Session;

  constructor(limits: SessionLimits, sink: SessionSink, options: SessionOptions = {}) {
    this.#session = new Session(limits, new SinkEvents(sink), options);
  }

  /** The state of the connection, see {@link ReadyState}. */
  get readyState(): ReadyState {
    return this.#session.readyState;
  }

  /**
   * Takes what the peer sent. The chunk belongs to the session from then on, which unmasks it in place.
   *
   * Never throws for what a peer sends. What a method of the sink throws passes through.
   */
  receive(chunk: Uint8Array): void {
    this.#session.receive(chunk);
  }

  /** Call this when the transport has ended. Without a Close frame before it, `closed` gets 1006 (7.1.5). */
  receiveEnd(): void {
    this.#session.receiveEnd();
  }

  /**
   * Sends a text message of one frame. Returns `false` when the connection is not open. Bytes must be UTF-8: the caller answers
   * for it.
   */
  sendText(text: string | Uint8Array): boolean {
    return this.#session.sendText(text);
  }

  /** Sends a binary message of one frame. Returns `false` when the connection is not open. */
  sendBinary(bytes: Uint8Array): boolean {
    return this.#session.sendBinary(bytes);
  }

  /**
   * Sends a ping. Returns `false` when the connection is not open.
   *
   * @throws RangeError for a payload over 125 bytes (5.5)
   */
  ping(payload?: Uint8Array): boolean {
    return this.#session.ping(payload);
  }

  /**
   * Sends a pong, asked for or not (5.5.3). Returns `false` when the connection is not open.
   *
   * @throws RangeError for a payload over 125 bytes (5.5)
   */
  pong(payload?: Uint8Array): boolean {
    return this.#session.pong(payload);
  }

  /**
   * Begins the closing handshake (7.1.2). Messages may still arrive until the peer's Close frame. A second call does nothing.
   *
   * @param code one that may stand in a Close frame @defaultValue `1000`
   * @param reason for people; cut at a code point to 123 bytes
   * @throws RangeError for a code that may not be sent (7.4)
   */
  close(code: number = CloseCode.NORMAL, reason = ''): void {
    this.#session.close(code, reason);
  }

  /**
   * Fails the connection (7.1.7): sends a Close frame with the code and the reason where none was sent yet, then calls `closed`.
   */
  fail(code: number, reason: string): void {
    this.#session.fail(code, reason);
  }
}

/** Calls a sink for the events of a session. */
class SinkEvents implements SessionEvents {
  readonly #sink: SessionSink;

  constructor(sink: SessionSink) {
    this.#sink = sink;
  }

  write(bytes: Buffer): void {
    this.#sink.write(bytes);
  }

  message(chunk: Buffer, start: number, end: number, isText: boolean): void {
    this.#sink.message(chunk.subarray(start, end), isText);
  }

  ping(payload: Buffer): boolean {
    return this.#sink.ping?.(payload) ?? true;
  }

  pong(payload: Buffer): void {
    this.#sink.pong?.(payload);
  }

  closed(code: number, reason: string, clean: boolean): void {
    this.#sink.closed(code, reason, clean);
  }
}
