/**
 * Whole lines of what an IRC server sends.
 *
 * In: chunks, cut anywhere. Out: the same bytes up to the last line end. It does not know what the lines say.
 */

/** InspIRCd sends at most 8,191 bytes of tags and 512 of a line; nobody sends twice as much. */
const MAX_LINE_SIZE = 20_000;

/** Gathers chunks to whole lines. */
export class WholeLines {
  #rest: Buffer | null = null;

  /**
   * Takes a chunk; returns the lines that it completes, with their line ends, or `null` for none. A line that is too long throws
   * RangeError.
   */
  take(chunk: Buffer): Buffer | null {
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end === 0) {
      this.#keep(this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]));
      return null;
    }
    const head = chunk.subarray(0, end);
    const whole = this.#rest === null ? head : Buffer.concat([this.#rest, head]);
    this.#rest = null;
    if (end < chunk.length) this.#keep(chunk.subarray(end));
    return whole;
  }

  /** Returns what came behind the last line end, at the end of everything. */
  end(): Buffer | null {
    const rest = this.#rest;
    this.#rest = null;
    return rest;
  }

  #keep(rest: Buffer): void {
    if (rest.length > MAX_LINE_SIZE) throw new RangeError(`a line of more than ${MAX_LINE_SIZE} bytes`);
    // A copy: a view would keep the 64 KiB that the kernel was read into.
    this.#rest = Buffer.from(rest);
  }
}
