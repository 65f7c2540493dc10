/**
 * One WebSocket connection after its handshake, RFC 6455 sections 5 to 8, without I/O: the server's side, or the client's for
 * tests.
 *
 * In: what the peer sends, in chunks of any size ({@link Session.receive}); what is to be said to it. Out, to a
 * {@link SessionEvents}: bytes for the peer, whole messages, pings and pongs, and how it ended. It does not know sockets, timers,
 * clocks or IRC: who calls it ends the transport after `closed`, and sets the time limits.
 *
 * Laws of this file:
 * 1. Nothing that a peer sends makes {@link Session.receive} throw: it ends in `closed` with a code and a reason.
 * 2. `closed` is called once, last.
 * 3. What was received before a fault or a Close frame is delivered, what comes after it never is.
 *
 * One file, although long: messages, control frames and the closing handshake share their state.
 */
import { CloseCode, ProtocolError } from '../errors.ts';
import { decodeClosePayload, encodeClosePayload, isSendableCloseCode } from './close.ts';
import { encodeFrame, type FrameOptions, MAX_CONTROL_SIZE, Opcode } from './frame.ts';
import { Content } from './mask.ts';
import { MessageBuffer } from './message-buffer.ts';
import { type FrameHandler, FrameParser, type FrameParserOptions } from './parser.ts';
import { Utf8Checker } from './utf8.ts';

/** Names the states of a connection as RFC 6455 section 4.1 and 7.1 do. A session begins OPEN: the handshake is behind it. */
export const ReadyState = { OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;

/** A state of {@link ReadyState}. */
export type ReadyState = (typeof ReadyState)[keyof typeof ReadyState];

/** What a peer may send at most. */
export interface SessionLimits {
  /** Bytes of payload in one message; over it the connection is closed with 1009, at the header, before the payload is read. */
  readonly maxMessageSize: number;
  /** Frames in one message, empty ones too; over it: 1008. */
  readonly maxFragments: number;
}

/** Receives what a {@link Session} has to give. */
export interface SessionEvents {
  /** Takes bytes for the peer, in order. The bytes belong to the callee. */
  write(bytes: Buffer): void;
  /**
   * Takes a whole message, `chunk[start, end)`, which is valid during the call. The bytes of a text message are UTF-8.
   *
   * Offsets and not a view: a view costs 35 to 75 ns, and nearly every message becomes a string at once (benchmark `segments`).
   *
   * @param content what kinds of bytes the message has, see {@link Content}
   */
  message(chunk: Buffer, start: number, end: number, isText: boolean, content: number): void;
  /**
   * Called for a ping before it is answered. `false` leaves the answer to the callee. `payload` is a view, valid during the call.
   */
  ping(payload: Buffer): boolean;
  /** Called for a pong, asked for or not. */
  pong(payload: Buffer): void;
  /**
   * Called once, last, when the connection has ended. `code` and `reason` are the peer's where it sent a Close frame (1005:
   * without a code), ours where we failed the connection, and 1006 where there was neither. `clean` says whether Close frames
   * went both ways (7.1.4).
   */
  closed(code: number, reason: string, clean: boolean): void;
}

/** The side that a {@link Session} speaks for. */
export interface SessionOptions {
  /**
   * Makes this the client's side: it returns the four bytes that mask each frame (5.3), and the peer's frames must not be masked
   * (5.1).
   */
  readonly maskKey?: () => Uint8Array;
}

/** Speaks RFC 6455 as a server, or with `maskKey` as a client, on bytes. */
export class Session implements FrameHandler {
  readonly #limits: SessionLimits;
  readonly #events: SessionEvents;
  readonly #parser: FrameParser;
  readonly #maskKey: (() => Uint8Array) | undefined;
  #state: ReadyState = ReadyState.OPEN;
  #isReceiving = false;

  /** The data message at hand, where it did not come whole, from its first frame to its last. */
  #message: PartialMessage | null = null;

  /** The frame at hand, where it did not come whole. */
  #frameOpcode: Opcode = Opcode.CONTINUATION;
  #frameFin = false;
  #control: MessageBuffer | null = null;

  constructor(limits: SessionLimits, events: SessionEvents, options: SessionOptions = SERVER_SIDE) {
    this.#limits = limits;
    this.#events = events;
    this.#maskKey = options.maskKey;
    this.#parser = new FrameParser(this, options.maskKey === undefined ? MASKED_PEER : UNMASKED_PEER);
  }

  /** Where the connection is, of {@link ReadyState}. */
  get readyState(): ReadyState {
    return this.#state;
  }

  /**
   * Whether it is open, between two messages, and not in `receive` further up the stack: then a new session can take its place.
   */
  get isIdle(): boolean {
    return !this.#isReceiving && this.#state === ReadyState.OPEN && this.#message === null && this.#parser.isIdle;
  }

  /**
   * Takes what the peer sent; the chunk belongs to the session from then on, which unmasks it in place.
   *
   * Never throws for what a peer sends; what a method of the events throws passes through.
   */
  receive(chunk: Uint8Array): void {
    if (this.#state === ReadyState.CLOSED) return;
    // The sink may call `receive` again from within this call.
    const isWithin = this.#isReceiving;
    this.#isReceiving = true;
    try {
      this.#parser.receive(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.fail(error.closeCode, error.message);
    } finally {
      this.#isReceiving = isWithin;
    }
  }

  /** Call this when the transport has ended. Without a Close frame before it, `closed` gets 1006 (7.1.5). */
  receiveEnd(): void {
    this.#end(CloseCode.ABNORMAL, '', false);
  }

  /**
   * Sends a text message of one frame; `false` when the connection is not open. Bytes must be UTF-8: the caller answers for it.
   */
  sendText(text: string | Uint8Array): boolean {
    return this.#send(Opcode.TEXT, typeof text === 'string' ? Buffer.from(text, 'utf8') : text);
  }

  /** Sends a binary message of one frame; `false` when the connection is not open. */
  sendBinary(bytes: Uint8Array): boolean {
    return this.#send(Opcode.BINARY, bytes);
  }

  /**
   * Sends a ping; `false` when the connection is not open.
   *
   * @throws RangeError for a payload over 125 bytes (5.5)
   */
  ping(payload: Uint8Array = NO_BYTES): boolean {
    return this.#sendControl(Opcode.PING, payload);
  }

  /**
   * Sends a pong, asked for or not (5.5.3); `false` when the connection is not open.
   *
   * @throws RangeError for a payload over 125 bytes (5.5)
   */
  pong(payload: Uint8Array = NO_BYTES): boolean {
    return this.#sendControl(Opcode.PONG, payload);
  }

  /**
   * Begins the closing handshake (7.1.2). Messages may still arrive until the peer's Close frame; after it, or after
   * {@link Session.receiveEnd}, `closed` is called. A second call does nothing.
   *
   * @param code one that may stand in a Close frame @defaultValue `1000`
   * @param reason for people; cut at a code point to 123 bytes
   * @throws RangeError for a code that may not be sent (7.4)
   */
  close(code: number = CloseCode.NORMAL, reason = ''): void {
    if (code !== CloseCode.NO_STATUS && !isSendableCloseCode(code)) throw new RangeError(`close code ${code} may not be sent`);
    if (this.#state !== ReadyState.OPEN) return;
    this.#state = ReadyState.CLOSING;
    this.#write(Opcode.CLOSE, encodeClosePayload(code, reason));
  }

  /**
   * Fails the connection (7.1.7): a Close frame with the code and the reason where none was sent yet, then `closed`. The peer's
   * answer is not waited for: "An endpoint MUST NOT continue to attempt to process data (including a responding Close frame)".
   */
  fail(code: number, reason: string): void {
    this.close(code, reason);
    this.#end(code, reason, false);
  }

  /**
   * Ends the session without a word: the transport is gone, or somebody else's. Nothing more is handed out, also of the present
   * chunk.
   */
  stop(): void {
    this.#state = ReadyState.CLOSED;
    this.#parser.stop();
    this.#message = null;
    this.#control = null;
  }

  #send(opcode: Opcode, payload: Uint8Array): boolean {
    if (this.#state !== ReadyState.OPEN) return false;
    this.#write(opcode, payload);
    return true;
  }

  #write(opcode: Opcode, payload: Uint8Array): void {
    this.#events.write(encodeFrame(opcode, payload, this.#maskKey === undefined ? UNMASKED : { maskKey: this.#maskKey() }));
  }

  #sendControl(opcode: Opcode, payload: Uint8Array): boolean {
    if (payload.byteLength > MAX_CONTROL_SIZE) {
      throw new RangeError(`control frame of ${payload.byteLength} bytes, limit ${MAX_CONTROL_SIZE}`);
    }
    return this.#send(opcode, payload);
  }

  #end(code: number, reason: string, clean: boolean): void {
    if (this.#state === ReadyState.CLOSED) return;
    this.stop();
    this.#events.closed(code, reason, clean);
  }

  // FrameHandler: the parser calls these methods.

  frame(opcode: Opcode, fin: boolean, bytes: Uint8Array, start: number, end: number, content: number): void {
    // Nearly every frame comes this way: a data message of one frame, whole in one chunk.
    if (fin && this.#message === null && (opcode === Opcode.TEXT || opcode === Opcode.BINARY)) {
      this.#checkSize(end - start);
      const isText = opcode === Opcode.TEXT;
      if (isText && content >= Content.NOT_ASCII) checkWholeText(bytes, start, end);
      this.#events.message(bytes as Buffer, start, end, isText, content);
      return;
    }
    this.frameStart(opcode, fin, end - start);
    if (end > start) this.framePart(bytes, start, end, content);
    this.frameEnd();
  }

  frameStart(opcode: Opcode, fin: boolean, size: number): void {
    this.#frameOpcode = opcode;
    this.#frameFin = fin;
    if (opcode >= Opcode.CLOSE) {
      this.#control = new MessageBuffer();
      return;
    }
    let message = this.#message;
    if (opcode === Opcode.CONTINUATION) {
      // 5.4: only "a frame with the FIN bit clear and an opcode other than 0" begins what a continuation goes on with.
      if (message === null) {
        throw new ProtocolError(CloseCode.PROTOCOL_ERROR, 'WebSocket protocol violation: continuation without a message');
      }
    } else {
      // 5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message".
      if (message !== null) {
        throw new ProtocolError(CloseCode.PROTOCOL_ERROR, 'WebSocket protocol violation: new message within a message');
      }
      message = new PartialMessage(opcode === Opcode.TEXT);
      this.#message = message;
    }
    message.frames++;
    if (message.frames > this.#limits.maxFragments) {
      throw new ProtocolError(
        CloseCode.POLICY_VIOLATION,
        `WebSocket: message of ${message.frames} fragments, limit ${this.#limits.maxFragments}`,
      );
    }
    this.#checkSize(message.buffer.size + size);
  }

  framePart(bytes: Uint8Array, start: number, end: number, content: number): void {
    if (this.#frameOpcode >= Opcode.CLOSE) {
      (this.#control as MessageBuffer).append(bytes, start, end);
      return;
    }
    const message = this.#message as PartialMessage;
    message.content |= content;
    // A part that is all ASCII can be wrong too, if the part before it ends within a character.
    const isAscii = message.content < Content.NOT_ASCII;
    if (message.utf8 !== null && !isAscii && !message.utf8.push(bytes, start, end)) throw notUtf8();
    message.buffer.append(bytes, start, end);
  }

  frameEnd(): void {
    if (this.#frameOpcode >= Opcode.CLOSE) {
      const { bytes } = this.#control as MessageBuffer;
      this.#control = null;
      this.#controlFrame(this.#frameOpcode, bytes);
      return;
    }
    if (!this.#frameFin) return;
    const { buffer, utf8, content } = this.#message as PartialMessage;
    // 8.1 applies to the whole message: a fragment may end within a character, but the message may not.
    if (utf8 !== null && content >= Content.NOT_ASCII && !utf8.complete) throw notUtf8();
    this.#message = null;
    const { bytes } = buffer;
    this.#events.message(bytes, 0, bytes.length, utf8 !== null, content);
  }

  #controlFrame(opcode: Opcode, payload: Buffer): void {
    if (opcode === Opcode.PONG) {
      this.#events.pong(payload);
      return;
    }
    if (opcode === Opcode.PING) {
      // 5.5.2: "an endpoint MUST send a Pong frame in response, unless it already received a Close frame". 5.5.3: "Application
      // data" identical.
      if (this.#events.ping(payload)) this.pong(payload);
      return;
    }
    const { code, reason } = decodeClosePayload(payload);
    // 5.5.1: "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send a Close
    // frame in response." "When sending a Close frame in response, the endpoint typically echos the status code it received."
    this.close(code);
    this.#end(code, reason, true);
  }

  #checkSize(size: number): void {
    if (size > this.#limits.maxMessageSize) {
      throw new ProtocolError(
        CloseCode.MESSAGE_TOO_BIG,
        `WebSocket: message of ${size} bytes, limit ${this.#limits.maxMessageSize}`,
      );
    }
  }
}

const SERVER_SIDE: SessionOptions = {};

/**
 * 5.1: a client masks its frames, a server does not. Two objects for all sessions: a connection may have a new session for each
 * chunk.
 */
const MASKED_PEER: FrameParserOptions = { masked: true };
const UNMASKED_PEER: FrameParserOptions = { masked: false };

/** 5.1: "A server MUST NOT mask any frames that it sends to the client." */
const UNMASKED: FrameOptions = {};

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A data message on its way. Most connections never have one: what it takes is not kept beside them. */
class PartialMessage {
  frames = 0;
  /** What kinds of bytes came, of {@link Content}. */
  content: number = Content.PLAIN;
  readonly buffer = new MessageBuffer();
  /** `null` for binary messages. */
  readonly utf8: Utf8Checker | null;

  constructor(isText: boolean) {
    this.utf8 = isText ? new Utf8Checker() : null;
  }
}

/** For texts that came whole: one for all connections, since nothing happens between its two calls. */
const checker = new Utf8Checker();

function checkWholeText(bytes: Uint8Array, start: number, end: number): void {
  checker.reset();
  if (!checker.push(bytes, start, end) || !checker.complete) throw notUtf8();
}

/**
 * 8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not, in fact, a valid UTF-8
 * stream …"
 */
function notUtf8(): ProtocolError {
  return new ProtocolError(CloseCode.INVALID_PAYLOAD, 'WebSocket: text is not UTF-8');
}
