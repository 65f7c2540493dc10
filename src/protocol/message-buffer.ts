/**
 * One message that arrives in parts.
 *
 * In: parts of payload. Out: the whole payload in one run of bytes. It does not know frames.
 *
 * Laws of this file:
 * 1. Memory follows the bytes that came, never the length that was announced nor the number of parts (CVE-2026-48779).
 * 2. Parts are copied: no slice of a read buffer is kept.
 */

/** The smallest allocation: an IRC line fits. */
const FIRST_SIZE = 512;

/** Gathers the parts of one message. */
export class MessageBuffer {
  #bytes: Buffer = EMPTY;
  #size = 0;

  /** The bytes gathered so far; valid until the next {@link MessageBuffer.append}. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  /** How many bytes are gathered. */
  get size(): number {
    return this.#size;
  }

  /** Copies `part[start, end)` behind what there is. */
  append(part: Uint8Array, start: number, end: number): void {
    const size = this.#size + end - start;
    if (size > this.#bytes.length) {
      // The buffer doubles each time. So a message that comes byte by byte is not copied for each byte.
      const grown = Buffer.allocUnsafeSlow(Math.max(size, this.#bytes.length * 2, FIRST_SIZE));
      this.#bytes.copy(grown, 0, 0, this.#size);
      this.#bytes = grown;
    }
    this.#bytes.set(part.subarray(start, end), this.#size);
    this.#size = size;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
