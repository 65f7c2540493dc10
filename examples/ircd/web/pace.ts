/**
 * Lines in the order and at the pace that a server takes.
 *
 * In: lines to say, many at once where somebody pastes. Out: the same lines, a few at once and then two a second: IRC servers
 * disconnect clients that send faster ("Excess Flood"). Each conversation has its own row, and they take turns: a pasted poem
 * does not hold up an answer elsewhere.
 */

/** InspIRCd's `threshold` is 10 in its example configuration, and most servers allow more. */
const BURST = 8;
/** Milliseconds between two lines in the long run. */
export const LINE_INTERVAL = 500;

export interface Paced {
  readonly target: string;
  readonly text: string;
  /** Sends it. Returns false where there is no connection. */
  readonly send: () => boolean;
}

export class Pace {
  readonly #rows = new Map<string, Paced[]>();
  readonly #onChange: (waiting: number) => void;
  #tokens = BURST;
  #filledAt = Date.now();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onChange called when the number of waiting lines changes */
  constructor(onChange: (waiting: number) => void) {
    this.#onChange = onChange;
  }

  get waiting(): number {
    return [...this.#rows.values()].reduce((sum, { length }) => sum + length, 0);
  }

  add(lines: readonly Paced[]): void {
    for (const line of lines) {
      const row = this.#rows.get(line.target);
      if (row === undefined) this.#rows.set(line.target, [line]);
      else row.push(line);
    }
    this.run();
  }

  /** Counts a line that was sent without waiting: the server counts it too. */
  count(): void {
    this.#fill();
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  /** Drops the lines that wait. Returns them, in order. */
  clear(): Paced[] {
    const rest = [...this.#rows.values()].flat();
    this.#rows.clear();
    clearTimeout(this.#timer);
    this.#onChange(0);
    return rest;
  }

  /** Sends the lines that may be sent now. */
  run(): void {
    clearTimeout(this.#timer);
    this.#fill();
    while (this.#tokens >= 1) {
      const line = this.#next();
      if (line === undefined) break;
      // A line that could not be sent waits at the head of its row.
      if (!line.send()) {
        this.#rows.set(line.target, [line, ...(this.#rows.get(line.target) ?? [])]);
        break;
      }
      this.#tokens--;
    }
    const { waiting } = this;
    if (waiting > 0) this.#timer = setTimeout(() => this.run(), LINE_INTERVAL);
    this.#onChange(waiting);
  }

  /** The first line of the row whose turn it is. */
  #next(): Paced | undefined {
    const [entry] = this.#rows;
    if (entry === undefined) return undefined;
    const [target, row] = entry;
    const line = row.shift();
    this.#rows.delete(target);
    if (row.length > 0) this.#rows.set(target, row);
    return line;
  }

  #fill(): void {
    const now = Date.now();
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#filledAt) / LINE_INTERVAL);
    this.#filledAt = now;
  }
}
