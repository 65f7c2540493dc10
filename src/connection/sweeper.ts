/**
 * One timer for all connections of a hook.
 *
 * In: things that have time limits. Out: a call of `tick(now)` to each, again and again, while there are any. It does not know
 * the limits.
 *
 * Ten thousand calls cost a fraction of a millisecond; ten thousand timers would cost memory and a reset for each chunk that is
 * read. Time limits are kept to within one interval of the sweeper.
 *
 * Members are called behind the reads of the turn (`setImmediate`), never before: after a pause of the process (a long
 * computation, a stopped virtual machine), the server reads all pending input before it checks for silent clients.
 */

/** A member of a sweeper: something that has time limits. */
export interface Ticking {
  /** The index of this member in the sweeper's list. It begins as {@link NOWHERE}, and only the sweeper changes it. */
  place: number;
  /** @param now milliseconds, of {@link clock} */
  tick(now: number): void;
}

/**
 * Returns the time for limits: milliseconds of a clock that never goes back. They are whole numbers, because a field that keeps a
 * fraction takes 16 bytes more.
 */
export function clock(): number {
  return Math.round(performance.now());
}

/** The {@link Ticking.place} of everything that is not a member. */
export const NOWHERE = -1;

/** Calls each of its members at a steady interval. */
export class Sweeper {
  /**
   * The members, in no order. With its place a member takes 15 bytes; in a `Set` it takes 35, and four times as long to remove.
   */
  readonly #members: Ticking[] = [];
  #interval: number;
  #timer: NodeJS.Timeout | null = null;

  /** @param interval milliseconds between two calls */
  constructor(interval: number) {
    this.#interval = interval;
  }

  /** Changes the milliseconds between two calls. */
  setInterval(interval: number): void {
    if (interval === this.#interval) return;
    this.#interval = interval;
    this.#stop();
    if (this.#members.length > 0) this.#start();
  }

  add(member: Ticking): void {
    member.place = this.#members.push(member) - 1;
    if (this.#timer === null) this.#start();
  }

  /** Removes a member. Anything else is ignored. */
  remove(member: Ticking): void {
    const { place } = member;
    if (place === NOWHERE) return;
    member.place = NOWHERE;
    const last = this.#members.pop() as Ticking;
    if (last !== member) {
      this.#members[place] = last;
      last.place = place;
    }
    if (this.#members.length === 0) this.#stop();
  }

  #start(): void {
    // The sockets keep the process alive. The timer must not.
    this.#timer = setInterval(setImmediate, this.#interval, this.#sweep).unref();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  readonly #sweep = (): void => {
    const now = clock();
    // The loop runs from the end. When a member leaves, the last one takes its place, and that one has been called already.
    for (let i = this.#members.length - 1; i >= 0; i--) this.#members[i]?.tick(now);
  };
}

/** A sweeper is as exact as an eighth of the shortest limit, within these bounds. */
const SHORTEST_INTERVAL = 5;
const LONGEST_INTERVAL = 1_000;

/** Returns the interval that keeps all of these time limits (milliseconds; 0: none) closely enough. */
export function sweepInterval(limits: readonly number[]): number {
  const shortest = Math.min(...limits.filter((limit) => limit > 0), LONGEST_INTERVAL * 8);
  return Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, Math.floor(shortest / 8)));
}
