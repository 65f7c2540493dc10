/**
 * The base framing protocol, RFC 6455 section 5.2, inwards.
 *
 * In: chunks of any size, as a socket gives them. Out: frames, unmasked, to a {@link FrameHandler}: a frame that lies whole in a chunk as one
 * call, any other as its start, its parts as they arrive, and its end; where the handler wants it, plain messages that follow one another as one run. It does not know
 * fragments, UTF-8 or limits.
 *
 * Laws of this file:
 * 1. Nothing is allocated for a length that was only announced; of a frame that is not whole, only its header (13 bytes at most) is kept.
 * 2. Payload is unmasked within the chunk; handlers get the chunk and offsets, valid during the call.
 * 3. One loop, no recursion: ten thousand frames in a chunk are ten thousand turns of it.
 */
import { CloseCode, ProtocolError } from '../errors.ts';
import { MAX_CONTROL_SIZE, Opcode } from './frame.ts';
import { Content, contentOf, rotateKey, unmask, unmaskTo, wordsOf } from './mask.ts';

/** Takes the frames that a {@link FrameParser} finds. A method may throw a `ProtocolError` to fail the connection. */
export interface FrameHandler {
  /**
   * Takes a frame whose payload lies whole in `bytes[start, end)`.
   *
   * @param content what kinds of bytes it has: 0, none below 0x0E or above 0x7F; 1, one below 0x0E; 2, one above 0x7F; 3, both
   */
  frame(opcode: Opcode, fin: boolean, bytes: Uint8Array, start: number, end: number, content: number): void;
  /**
   * Takes, where present and wanted ({@link FrameHandler.maxRunFrame}), final frames of one opcode that follow one another, at least two, each of 1 byte or more, all
   * of `content` 0, within 4 KiB: payload `n` of `count` is `bytes[bounds[2 * n], bounds[2 * n + 1])`. Both are valid during the call.
   */
  run?(opcode: Opcode, bytes: Uint8Array, bounds: Int32Array, count: number): void;
  /** Takes such frames joined, as many as there are, where {@link FrameHandler.joinsRuns}: `bytes[start, end)` is their payloads, CR LF behind each. */
  joinedRun?(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void;
  /** Bytes of payload up to which a frame that comes now may become part of a run; 0 or absent: none may. */
  readonly maxRunFrame?: number;
  /** Whether a run that comes now is for `joinedRun`, which must be there then, rather than `run`; asked in chunks of 128 bytes or more. */
  readonly joinsRuns?: boolean;
  /** Learns of a frame whose payload of `size` bytes is still to come, before any of it: the place to refuse it by its size. */
  frameStart(opcode: Opcode, fin: boolean, size: number): void;
  /** Takes the next bytes of that payload, at least one; `content` as for {@link FrameHandler.frame}. */
  framePart(bytes: Uint8Array, start: number, end: number, content: number): void;
  /** Learns that the payload is complete. */
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

/** Where runs are joined, by a `DataView`, words are for single payloads from {@link MOVE_FROM} on: a second view, in chunks of this size. */
const BOTH_VIEWS_FROM = 512;

/** From this size on it is cheaper to unmask a payload in place, by words, and to have it moved as a whole: a frame of 500 bytes costs 199 ns in place of 228. */
const MOVE_FROM = 256;

/** Bytes from the first payload of a run to the end of its last: who makes one string of them, and slices it, keeps this much alive with a line. */
const RUN_SIZE = 4_096;

/** Two for each frame of a run. */
const MAX_BOUNDS = 2 * Math.ceil(RUN_SIZE / 7);

const FIN = 0x80;
const RSV = 0x70;
const MASKED = 0x80;
const TEXT_MESSAGE = FIN | Opcode.TEXT;
const BINARY_MESSAGE = FIN | Opcode.BINARY;
const CR = 0x0d;
const LF = 0x0a;

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
    // Words lie at multiples of four, and so do the chunks of a socket. To copy any other (8 ns a line) costs less than to do without words (60).
    if (chunk.length >= VIEW_FROM && (chunk.byteOffset & 3) !== 0) this.#parse(Uint8Array.prototype.slice.call(chunk));
    else this.#parse(chunk);
  }

  #parse(chunk: Uint8Array): void {
    const end = chunk.length;
    const view = end >= VIEW_FROM && this.#handler.joinsRuns === true ? new DataView(chunk.buffer, chunk.byteOffset, end) : null;
    const words = end >= (view === null ? VIEW_FROM : BOTH_VIEWS_FROM) ? wordsOf(chunk) : null;
    let at = 0;
    if (this.#remaining > 0) at = this.#continuePayload(chunk, at, end, words);
    while (at < end && !this.#stopped) {
      if (end >= VIEW_FROM && this.#spill === null && (this.#handler.maxRunFrame ?? 0) > 0) {
        const runEnd =
          view !== null && this.#handler.joinsRuns === true
            ? this.#takeJoinedRun(chunk, at, end, words, view)
            : this.#takeRun(chunk, at, end, words);
        if (runEnd > at) {
          at = runEnd;
          continue;
        }
      }
      at = this.#spill === null ? this.#readHeader(chunk, at, end) : this.#readSpilledHeader(chunk, at, end);
      if (at < 0) return;
      const payloadEnd = at + this.#size;
      if (payloadEnd <= end) {
        // A key of zero changes nothing, and an unmasked frame has none; what bytes there are has to be found out all the same.
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

  /**
   * Takes plain messages of one frame, as long as they follow one another within {@link RUN_SIZE}, and hands them over as a run; the offset behind what was taken.
   *
   * The consumer then makes one string of many lines, the headers between them included, and slices it: a line costs 57 ns in place of 110. What is anything else (a line
   * end within, text that is not ASCII, a fragment, a fault) is left to the way of a single frame.
   */
  #takeRun(chunk: Uint8Array, from: number, end: number, words: Int32Array | null): number {
    const first = chunk[from] as number;
    if ((first !== TEXT_MESSAGE && first !== BINARY_MESSAGE) || this.#maskBit === 0) return from;
    const opcode = (first & 0x0f) as Opcode;
    const handler = this.#handler as Required<FrameHandler>;
    const maxSize = handler.maxRunFrame;
    // A listener may feed another connection: its run has bounds of its own.
    const bounds = spareBounds ?? new Int32Array(MAX_BOUNDS);
    spareBounds = null;
    let at = from;
    let count = 0;
    let runStart = 0;
    let content: number = Content.PLAIN;
    while (at < end && chunk[at] === first) {
      const size = runPayloadSize(chunk, at, end, maxSize);
      if (size < 0) break;
      const start = at + runHeaderSize(size);
      const next = start + size;
      if (count === 0) runStart = start;
      else if (next - runStart > RUN_SIZE) break;
      content = unmask(chunk, start, next, readKey(chunk, start - 4), words);
      bounds[2 * count] = start;
      bounds[2 * count + 1] = next;
      at = next;
      if (content !== Content.PLAIN) break;
      count++;
    }
    if (count === 1) handler.frame(opcode, true, chunk, runStart, bounds[1] as number, Content.PLAIN);
    else if (count > 1) handler.run(opcode, chunk, bounds, count);
    // The last was none of the run, but unmasked is unmasked.
    if (content !== Content.PLAIN && !this.#stopped)
      handler.frame(opcode, true, chunk, bounds[2 * count] as number, bounds[2 * count + 1] as number, content);
    spareBounds = bounds;
    return at;
  }

  /** Does the same, over the whole chunk, for who wants one buffer of many lines: their payloads move together, over the headers between them. */
  #takeJoinedRun(chunk: Uint8Array, from: number, end: number, words: Int32Array | null, view: DataView): number {
    const first = chunk[from] as number;
    if ((first !== TEXT_MESSAGE && first !== BINARY_MESSAGE) || this.#maskBit === 0) return from;
    const opcode = (first & 0x0f) as Opcode;
    const handler = this.#handler as Required<FrameHandler>;
    const maxSize = handler.maxRunFrame;
    let at = from;
    let runEnd = from;
    let count = 0;
    while (at < end && chunk[at] === first) {
      const size = runPayloadSize(chunk, at, end, maxSize);
      if (size < 0) break;
      const start = at + runHeaderSize(size);
      const next = start + size;
      const key = view.getInt32(start - 4, true);
      let isPlain: boolean;
      if (size < MOVE_FROM || words === null) {
        isPlain = unmaskTo(view, start, next, runEnd, key);
      } else {
        isPlain = unmask(chunk, start, next, key, words) === Content.PLAIN;
        chunk.copyWithin(runEnd, start, next);
      }
      at = next;
      if (!isPlain) {
        this.#handJoinedRun(opcode, chunk, from, runEnd, count);
        const payloadEnd = runEnd + size;
        if (!this.#stopped) handler.frame(opcode, true, chunk, runEnd, payloadEnd, contentOf(chunk, runEnd, payloadEnd, words));
        return at;
      }
      count++;
      // There is room for it: the header was longer.
      chunk[runEnd + size] = CR;
      chunk[runEnd + size + 1] = LF;
      runEnd += size + 2;
    }
    this.#handJoinedRun(opcode, chunk, from, runEnd, count);
    return at;
  }

  #handJoinedRun(opcode: Opcode, chunk: Uint8Array, start: number, end: number, count: number): void {
    if (count === 1) this.#handler.frame(opcode, true, chunk, start, end - 2, Content.PLAIN);
    else if (count > 1) (this.#handler as Required<FrameHandler>).joinedRun(opcode, chunk, start, end);
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

  /** Reads the header that begins at `at` into the fields; the offset behind it, or -1 when it is not whole. Refuses as early as it can. */
  #parseHeader(bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at] as number;
    const opcode = first & 0x0f;
    // 5.2: RSV1, RSV2, RSV3 "MUST be 0 unless an extension is negotiated", and "If an unknown opcode is received, the receiving endpoint
    // MUST _Fail the WebSocket Connection_". InspIRCd has one sentence for both.
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
      // Above 2^53 the sum is rounded; every such length is over any limit.
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

/** Where the frames of a run lie: one for all parsers, since a run is handed over before the next begins. `null` while it is in use. */
let spareBounds: Int32Array | null = null;

/** Gives the size of the payload of the frame at `at`, where that can be part of a run; -1 where it is not masked, empty, longer than `maxSize`, or not whole. */
function runPayloadSize(chunk: Uint8Array, at: number, end: number, maxSize: number): number {
  // 6: the shortest header.
  if (end - at <= 6) return -1;
  let size = (chunk[at + 1] as number) - MASKED;
  if (size === 126) {
    size = ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
    // Not the minimal length: a fault, which is not for here.
    if (size < 126) return -1;
  } else if (size === 127) {
    return -1;
  }
  return size <= 0 || size > maxSize || at + runHeaderSize(size) + size > end ? -1 : size;
}

/** Bytes of a masked header before a payload of `size` bytes, up to 65,535. */
function runHeaderSize(size: number): number {
  return size < 126 ? 6 : 8;
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
