/**
 * How many frames that say nothing (pings, pongs, empty messages) a client may send.
 *
 * In: one call a frame. Out: whether it is still within bounds. A bucket rather than InspIRCd's stopwatch, which kills a client
 * for a ping in two segments, or for pinging at the moment when the server does.
 */

/** What may come at once: far over what any client sends, far under what hurts. */
const CAPACITY = 60;
/** What may come in the long run, in frames a second. */
const PER_SECOND = 2;

/** Counts one client's frames that say nothing. */
export class TokenBucket {
  #tokens = CAPACITY;
  #filledAt = performance.now();

  /** Whether it would hold as much as a new one by `now`, of `performance.now()`: then it need not be kept. */
  isFull(now: number): boolean {
    return CAPACITY - this.#tokens <= ((now - this.#filledAt) / 1_000) * PER_SECOND;
  }

  /** Takes a token; `false` when there is none left. */
  take(): boolean {
    if (this.#tokens < 1) this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Fills the bucket only when it has run dry: a clock costs more than a count. */
  #fill(): void {
    const now = performance.now();
    this.#tokens = Math.min(CAPACITY, this.#tokens + ((now - this.#filledAt) / 1_000) * PER_SECOND);
    this.#filledAt = now;
  }
}
