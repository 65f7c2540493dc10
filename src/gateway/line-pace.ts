/**
 * A client's lines, let through no faster than its limit allows.
 *
 * In: lines, and when they come. Out: lines, at the latest when their turn has come; that the client must not be read meanwhile;
 * that it has gone on for too long. It does not know sockets.
 *
 * A burst is let through at once: it is what a client sends when it joins its channels again. What comes beyond waits here, and
 * the client is not read. A client that keeps on is ended only after `floodTimeout`: whoever pastes a page is slow, not gone.
 */
import { LINE_BURST } from './limits.ts';

/** What a {@link LinePace} does. */
export interface PaceHandlers {
  /** Takes a line whose turn has come. */
  readonly pass: (line: string) => void;
  /** Called when lines begin to wait. */
  readonly hold: () => void;
  /** Called when none waits any more. */
  readonly release: () => void;
  /** Called when a client has sent too much for too long; no line follows. */
  readonly flood: () => void;
}

/** Milliseconds between two looks at lines that wait, at the least. */
const MIN_WAIT = 25;

/** Lets lines through at a rate. */
export class LinePace {
  readonly #rate: number;
  readonly #floodTimeout: number;
  readonly #handlers: PaceHandlers;
  #tokens = LINE_BURST;
  #filledAt = performance.now();
  #held: string[] | null = null;
  /** Since when the client has been too fast; 0 while it is not. */
  #slowedSince = 0;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;

  /** @param rate lines a second */
  constructor(rate: number, floodTimeout: number, handlers: PaceHandlers) {
    this.#rate = rate;
    this.#floodTimeout = floodTimeout;
    this.#handlers = handlers;
  }

  /** Takes a line of the client. */
  take(line: string): void {
    if (this.#isOver) return;
    if (this.#held !== null) {
      this.#held.push(line);
      return;
    }
    // The clock is asked only where it matters: nearly every client is far from its limit.
    if (this.#tokens < LINE_BURST / 2) this.#fill();
    if (this.#tokens >= 1) {
      this.#tokens--;
      this.#handlers.pass(line);
      return;
    }
    this.#held = [line];
    if (this.#slowedSince === 0) this.#slowedSince = performance.now();
    this.#handlers.hold();
    this.#wait();
  }

  /** Lets no further line through. */
  stop(): void {
    this.#isOver = true;
    this.#held = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #fill(): void {
    const now = performance.now();
    this.#tokens = Math.min(LINE_BURST, this.#tokens + ((now - this.#filledAt) / 1_000) * this.#rate);
    this.#filledAt = now;
    if (this.#tokens >= LINE_BURST / 2) this.#slowedSince = 0;
  }

  #wait(): void {
    const wait = Math.max(MIN_WAIT, ((1 - this.#tokens) / this.#rate) * 1_000);
    this.#timer = setTimeout(() => this.#letThrough(), Math.min(wait, this.#floodTimeout));
  }

  #letThrough(): void {
    this.#fill();
    const held = this.#held as string[];
    let count = 0;
    for (; count < held.length && this.#tokens >= 1 && !this.#isOver; count++) {
      this.#tokens--;
      this.#handlers.pass(held[count] as string);
    }
    if (this.#isOver) return;
    if (this.#slowedSince !== 0 && performance.now() - this.#slowedSince >= this.#floodTimeout) {
      this.stop();
      this.#handlers.flood();
    } else if (count === held.length) {
      this.#held = null;
      this.#handlers.release();
    } else {
      held.splice(0, count);
      this.#wait();
    }
  }
}
