/**
 * How often values fall into which range, as Prometheus counts them.
 *
 * In: one value at a time, in milliseconds. Out: counts by upper bound, the sum, and the number of values. It does not know what
 * is measured.
 */

/** A histogram at one moment; frozen. */
export interface HistogramSnapshot {
  /** How many values were observed. */
  readonly count: number;
  /** The sum of all values, in milliseconds. */
  readonly sum: number;
  /** How many values were at most `le` milliseconds; the last bound is `Infinity`. The counts are cumulative. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
}

/** Upper bounds in milliseconds: from a local network to a phone without reception. */
const BOUNDS = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, Number.POSITIVE_INFINITY] as const;

/** Counts values by range. */
export class Histogram {
  readonly #counts: number[] = BOUNDS.map(() => 0);
  #sum = 0;

  /** @param value milliseconds */
  observe(value: number): void {
    this.#sum += value;
    const index = BOUNDS.findIndex((bound) => value <= bound);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  snapshot(): HistogramSnapshot {
    let count = 0;
    const buckets = BOUNDS.map((le, index) => {
      count += this.#counts[index] as number;
      return Object.freeze({ le, count });
    });
    return Object.freeze({ count, sum: this.#sum, buckets: Object.freeze(buckets) });
  }
}
