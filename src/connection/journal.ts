/**
 * What a client that can come back has not acknowledged yet (docs/resume.md).
 *
 * In: byte strings of frames as they are written to the transport; how many text messages the client says it has. Out: the text
 * frames that it does not have. It does not know transports, tokens or time.
 *
 * Laws of this file:
 * 1. Only text messages count, and only text frames are sent again: pongs and control messages belong to the transport they were
 *    sent on.
 * 2. What is over the limit is dropped, the oldest first. A client that would need what was dropped cannot come back; one that is
 *    connected is not closed for it.
 */
import { Opcode } from '../protocol/frame.ts';

/** Frames that were written together. */
interface Entry {
  readonly frames: string;
  /** The count of the last text message in `frames`. */
  readonly last: number;
}

/** Keeps frames until they are acknowledged. */
export class Journal {
  readonly #limit: number;
  #entries: Entry[] = [];
  #size = 0;
  #sent = 0;
  #acknowledged = 0;
  /** The count of the newest message that was dropped for the limit; a client must have it. */
  #dropped = 0;

  /** @param limit bytes that are kept at most */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that are kept. */
  get size(): number {
    return this.#size;
  }

  /** How many text messages were written, all told. */
  get sent(): number {
    return this.#sent;
  }

  /** How many of them the client has, as far as it said. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Keeps frames that leave now. */
  add(frames: string): void {
    const messages = countTexts(frames);
    if (messages === 0) return;
    this.#sent += messages;
    this.#entries.push({ frames, last: this.#sent });
    this.#size += frames.length;
    while (this.#size > this.#limit) this.#dropped = this.#shift();
  }

  /** Forgets what the client has. Returns `false` for a count that goes backwards, or beyond what was sent. */
  acknowledge(count: number): boolean {
    if (count < this.#acknowledged || count > this.#sent) return false;
    this.#acknowledged = count;
    while (this.#entries.length > 0 && (this.#entries[0] as Entry).last <= count) this.#shift();
    return true;
  }

  /** Whether a client that has `count` messages can be given all that it lacks. */
  canResumeFrom(count: number): boolean {
    return count >= this.#acknowledged && count >= this.#dropped && count <= this.#sent;
  }

  /** Returns the text frames behind message number `count`, as one byte string. */
  framesAfter(count: number): string {
    let frames = '';
    let first = this.#acknowledgedEntryStart();
    for (const entry of this.#entries) {
      frames += textsBehind(entry.frames, count - first);
      first = entry.last;
    }
    return frames;
  }

  /** The count of the last message before the first entry. */
  #acknowledgedEntryStart(): number {
    const [entry] = this.#entries;
    return entry === undefined ? this.#sent : entry.last - countTexts(entry.frames);
  }

  #shift(): number {
    const entry = this.#entries.shift() as Entry;
    this.#size -= entry.frames.length;
    return entry.last;
  }
}

/**
 * Returns the text frames in a byte string of frames: all that may leave on another transport than the one they were queued for.
 */
export function textFrames(frames: string): string {
  return frames === '' ? '' : textsBehind(frames, 0);
}

/** Counts the text frames in a byte string of whole, unmasked, final frames. */
function countTexts(frames: string): number {
  let count = 0;
  for (let at = 0; at < frames.length; at = nextFrame(frames, at)) if ((frames.charCodeAt(at) & 0x0f) === Opcode.TEXT) count++;
  return count;
}

/** Returns the text frames in a byte string without the first `skip` of them. */
function textsBehind(frames: string, skip: number): string {
  let texts = '';
  let seen = 0;
  for (let at = 0; at < frames.length; ) {
    const next = nextFrame(frames, at);
    if ((frames.charCodeAt(at) & 0x0f) === Opcode.TEXT && ++seen > skip) texts += frames.slice(at, next);
    at = next;
  }
  return texts;
}

/** Returns the offset behind the frame at `at`; section 5.2 of RFC 6455, without a mask. */
function nextFrame(frames: string, at: number): number {
  const short = frames.charCodeAt(at + 1) & 0x7f;
  if (short < 126) return at + 2 + short;
  const digits = short === 126 ? 2 : 8;
  let size = 0;
  for (let i = 0; i < digits; i++) size = size * 256 + frames.charCodeAt(at + 2 + i);
  return at + 2 + digits + size;
}
