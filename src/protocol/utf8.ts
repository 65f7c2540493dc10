/**
 * UTF-8 checked while it arrives, RFC 6455 section 8.1 over RFC 3629.
 *
 * In: the bytes of one text message, in parts of any size. Out: at the first byte that cannot be, `false`. It does not know
 * frames. Most of a part goes to Node's native check; only a sequence that the end of a part cuts is walked here, byte by byte.
 */
import { isUtf8 } from 'node:buffer';

/** Below this many bytes the walk is cheaper than a view and a native call. */
const NATIVE_FROM = 24;

/** Checks one text message; make a new one, or {@link Utf8Checker.reset}, for the next. */
export class Utf8Checker {
  /** Continuation bytes that the sequence at hand still needs. */
  #missing = 0;
  /** What the next continuation byte may be: narrower than 0x80–0xBF right after E0, ED, F0 and F4 (RFC 3629 section 4). */
  #lowest = 0x80;
  #highest = 0xbf;

  /** Whether what was pushed ends at the end of a character. */
  get complete(): boolean {
    return this.#missing === 0;
  }

  /** Forgets what was pushed. */
  reset(): void {
    this.#missing = 0;
    this.#lowest = 0x80;
    this.#highest = 0xbf;
  }

  /** Takes the next part, `bytes[start, end)`; `false` once it cannot become UTF-8 any more, whatever follows. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    let i = start;
    while (this.#missing > 0 && i < end) {
      if (!this.#step(bytes[i++] as number)) return false;
    }
    if (end - i >= NATIVE_FROM) {
      const whole = end - cutSize(bytes, end);
      if (!isUtf8(bytes.subarray(i, whole))) return false;
      i = whole;
    }
    while (i < end) {
      if (!this.#step(bytes[i++] as number)) return false;
    }
    return true;
  }

  #step(byte: number): boolean {
    if (this.#missing > 0) {
      if (byte < this.#lowest || byte > this.#highest) return false;
      this.#missing--;
      this.#lowest = 0x80;
      this.#highest = 0xbf;
      return true;
    }
    if (byte < 0x80) return true;
    // C0, C1: overlong. F5–FF: beyond U+10FFFF, or no lead byte at all.
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#lowest = 0xa0;
    else if (byte === 0xed) this.#highest = 0x9f;
    else if (byte === 0xf0) this.#lowest = 0x90;
    else if (byte === 0xf4) this.#highest = 0x8f;
    return true;
  }
}

/** Counts the bytes, 0 to 3, at the end of a part that begin a character and do not finish it. */
function cutSize(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= 3; back++) {
    const byte = bytes[end - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const size = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      return size > back ? back : 0;
    }
  }
  return 0;
}

/** Cuts `text` to at most `size` bytes of UTF-8, never within a character. */
export function truncateUtf8(text: string, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  return bytes.subarray(0, encoder.encodeInto(text, bytes).written);
}

const encoder = new TextEncoder();
