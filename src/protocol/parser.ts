/**
 * The base framing protocol, RFC 6455 section 5.2, inwards.
 *
 * In: chunks of any size, as a socket gives them. Out: frames, unmasked, to a {@link FrameHandler}: a frame that lies whole in a
 * chunk as one call, any other as its start, its parts as they arrive, and its end. It does not know fragments, UTF-8 or limits.
 *
 * Laws of this file:
 * 1. Nothing is allocated for a length that was only announced; of a frame that is not whole, only its header (13 bytes at most)
 *    is kept.
 * 2. Payload is unmasked within the chunk; handlers get the chunk and offsets, valid during the call.
 * 3. One loop, no recursion: ten thousand frames in a chunk are ten thousand turns of it.
 */
import { CloseCode, ProtocolError } from '../errors.ts';
import { MAX_CONTROL_SIZE, Opcode } from './frame.ts';
import { rotateKey, unmask, wordsOf } from './mask.ts';

/** Takes the frames that a {@link FrameParser} finds. A method may throw a `ProtocolError` to fail the connection. */
export interface FrameHandler {
  /**
   * Takes a frame whose payload lies whole in `bytes[start, end)`.
   *
   * @param content what kinds of bytes the payload has, see `Content` in `mask.ts`
   */
  frame(opcode: Opcode, fin: boolean, bytes: Uint8Array, start: number, end: number, content: number): void;
  /** Called for a frame whose payload of `size` bytes is still to come, before any of it: the place to refuse it by its size. */
  frameStart(opcode: Opcode, fin: boolean, size: number): void;
  /** Takes the next bytes of that payload, at least one; `content` as for {@link FrameHandler.frame}. */
  framePart(bytes: Uint8Array, start: number, end: number, content: number): void;
  /** Called when the payload is complete. */
  frameEnd(): void;
}

/** What a {@link FrameParser} is told about its peer. */
export interface FrameParserOptions {
  /** Whether the peer masks its frames: 5.1, a client must, a server must not. @defaultValue `true` */
  readonly masked?: boolean;
}

/** The longest header: two bytes, eight of length, four of masking key. */
const MAX_HEADER_SIZE = 14;

/** A view of a chunk costs 55–80 ns, as much as unmasking this many bytes without. */
const VIEW_FROM = 128;

const FIN = 0x80;
const RSV = 0x70;
const MASKED = 0x80;

/** Finds frames in the bytes of one connection. */
export class FrameParser {
  readonly #handler: FrameHandler;
  readonly #maskBit: number;
  #stopped = false;

  /** The beginning of a header that a chunk cut. */
  #spill: Uint8Array | null = null;
  #spillSize = 0;

  // The frame at hand, from the last header that was read.
  #opcode: Opcode = Opcode.CONTINUATION;
  #fin = false;
  #size = 0;
  #key = 0;
  /** Bytes of its payload that are still to come. */
  #remaining = 0;

  constructor(handler: FrameHandler, options: FrameParserOptions = {}) {
    this.#handler = handler;
    this.#maskBit = (options.masked ?? true) ? MASKED : 0;
  }

  /** @internal Whether it is between two frames, as a new one would be: nothing of it needs to be kept. */
  get isIdle(): boolean {
    return this.#remaining === 0 && this.#spill === null && !this.#stopped;
  }

  /** Ends the parsing, also from within a handler: everything that comes later is dropped. */
  stop(): void {
    this.#stopped = true;
    this.#spill = null;
  }

  /**
   * Takes the next bytes, which belong to the parser from then on: it unmasks them in place.
   *
   * @throws ProtocolError for a frame that RFC 6455 forbids; the connection must then be failed.
   */
  receive(chunk: Uint8Array): void {
    // Words need an offset that is a multiple of four. The chunks of a socket have one. Another chunk is copied: that costs 8 ns
    // a line, and to unmask without words costs 60 ns.
    if (chunk.length >= VIEW_FROM && (chunk.byteOffset & 3) !== 0) this.#parse(Uint8Array.prototype.slice.call(chunk));
    else this.#parse(chunk);
  }

  #parse(chunk: Uint8Array): void {
    const end = chunk.length;
    const words = end >= VIEW_FROM ? wordsOf(chunk) : null;
    let at = 0;
    if (this.#remaining > 0) at = this.#continuePayload(chunk, at, end, words);
    while (at < end && !this.#stopped) {
      at = this.#spill === null ? this.#readHeader(chunk, at, end) : this.#readSpilledHeader(chunk, at, end);
      if (at < 0) return;
      const payloadEnd = at + this.#size;
      if (payloadEnd <= end) {
        // An unmasked frame has the key zero, which changes nothing. The call is still needed: it finds out which kinds of bytes
        // there are.
        const content = unmask(chunk, at, payloadEnd, this.#key, words);
        this.#handler.frame(this.#opcode, this.#fin, chunk, at, payloadEnd, content);
        at = payloadEnd;
      } else {
        this.#handler.frameStart(this.#opcode, this.#fin, this.#size);
        this.#remaining = this.#size;
        if (at < end && !this.#stopped) at = this.#continuePayload(chunk, at, end, words);
        else return;
      }
    }
  }

  /** Hands over what has come of a payload; the offset behind it. */
  #continuePayload(chunk: Uint8Array, start: number, end: number, words: Int32Array | null): number {
    const partEnd = Math.min(end, start + this.#remaining);
    const content = unmask(chunk, start, partEnd, this.#key, words);
    this.#key = rotateKey(this.#key, partEnd - start);
    this.#remaining -= partEnd - start;
    this.#handler.framePart(chunk, start, partEnd, content);
    if (this.#remaining === 0 && !this.#stopped) this.#handler.frameEnd();
    return partEnd;
  }

  /** Reads a header at `at`; the offset of the payload, or -1 when the chunk ends before: then what there is of it is kept. */
  #readHeader(bytes: Uint8Array, at: number, end: number): number {
    const payloadStart = this.#parseHeader(bytes, at, end);
    if (payloadStart < 0) {
      this.#spill = new Uint8Array(MAX_HEADER_SIZE);
      this.#spill.set(bytes.subarray(at, end));
      this.#spillSize = end - at;
    }
    return payloadStart;
  }

  /** Goes on with a header that an earlier chunk cut. */
  #readSpilledHeader(chunk: Uint8Array, at: number, end: number): number {
    const spill = this.#spill as Uint8Array;
    const kept = this.#spillSize;
    const taken = Math.min(end - at, MAX_HEADER_SIZE - kept);
    spill.set(chunk.subarray(at, at + taken), kept);
    const headerSize = this.#parseHeader(spill, 0, kept + taken);
    if (headerSize < 0) {
      this.#spillSize = kept + taken;
      return -1;
    }
    this.#spill = null;
    return at + headerSize - kept;
  }

  /**
   * Reads the header that begins at `at` into the fields; the offset behind it, or -1 when it is not whole. Refuses as early as
   * it can.
   */
  #parseHeader(bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at] as number;
    const opcode = first & 0x0f;
    // 5.2: RSV1, RSV2, RSV3 "MUST be 0 unless an extension is negotiated", and "If an unknown opcode is received, the receiving
    // endpoint MUST _Fail the WebSocket Connection_". InspIRCd has one sentence for both.
    if ((first & RSV) !== 0 || (opcode & 0x7) > 2) throw new ProtocolError(CloseCode.PROTOCOL_ERROR, 'WebSocket: Invalid opcode');
    const isControl = opcode >= Opcode.CLOSE;
    // 5.5: control frames "MUST NOT be fragmented".
    if (isControl && (first & FIN) === 0) {
      throw new ProtocolError(CloseCode.PROTOCOL_ERROR, 'WebSocket protocol violation: fragmented control frame');
    }
    if (end - at < 2) return -1;
    const second = bytes[at + 1] as number;
    // 5.1: "The server MUST close the connection upon receiving a frame that is not masked." And the reverse for clients.
    if ((second & MASKED) !== this.#maskBit) {
      throw new ProtocolError(
        CloseCode.PROTOCOL_ERROR,
        `WebSocket protocol violation: ${this.#maskBit === 0 ? 'masked server' : 'unmasked client'} frame`,
      );
    }
    let size = second & 0x7f;
    // 5.5: control frames "MUST have a payload length of 125 bytes or less".
    if (isControl && size > MAX_CONTROL_SIZE) {
      throw new ProtocolError(CloseCode.PROTOCOL_ERROR, 'WebSocket protocol violation: large control frame');
    }
    let next = at + 2;
    if (size === 126) {
      if (end - next < 2) return -1;
      size = ((bytes[next] as number) << 8) | (bytes[next + 1] as number);
      next += 2;
      if (size < 126) throw nonMinimalLength();
    } else if (size === 127) {
      if (end - next < 8) return -1;
      const high = readUint32(bytes, next);
      // 5.2: "the most significant bit MUST be 0".
      if (high > 0x7fffffff)
        throw new ProtocolError(CloseCode.PROTOCOL_ERROR, 'WebSocket protocol violation: length out of range');
      // Above 2^53 the sum is rounded. That does not matter: such a length is over every limit.
      size = high * 2 ** 32 + readUint32(bytes, next + 4);
      next += 8;
      if (size <= 0xffff) throw nonMinimalLength();
    }
    if (this.#maskBit !== 0) {
      if (end - next < 4) return -1;
      this.#key = readKey(bytes, next);
      next += 4;
    }
    this.#opcode = opcode as Opcode;
    this.#fin = (first & FIN) !== 0;
    this.#size = size;
    return next;
  }
}

/** Reads the four bytes of a masking key, the first into the low byte. */
function readKey(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length". */
function nonMinimalLength(): ProtocolError {
  return new ProtocolError(CloseCode.PROTOCOL_ERROR, 'WebSocket protocol violation: non-minimal length encoding used');
}
