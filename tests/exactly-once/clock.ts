/**
 * Faked time for conversations by the hundred thousand: the global timers, `setImmediate`, `Date.now` and `performance.now`.
 *
 * In: timers that anybody sets; a test that lets time pass. Out: their callbacks, in order. It needs no test runner. A turn of
 * the event loop without its system call costs a tenth. `process.nextTick`, on which streams run, stays real.
 */

class FakeTimer {
  at: number;
  readonly callback: () => void;
  /** 0: it fires once. */
  readonly interval: number;

  constructor(at: number, callback: () => void, interval: number) {
    this.at = at;
    this.callback = callback;
    this.interval = interval;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** Where faked time begins. No code of ours may take it for "never", which is 0. */
const BEGINNING = 1_000_000;

export class FakeClock {
  #now = BEGINNING;
  /** The next one comes first; of two at the same time the one that was set first. */
  readonly #timers: FakeTimer[] = [];
  #immediates: (() => void)[] = [];
  #restore: () => void = () => {};

  get now(): number {
    return this.#now;
  }

  /** Replaces the global functions. */
  begin(): void {
    const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = globalThis;
    const { now } = Date;
    const clear = (timer?: unknown): void => {
      const place = this.#timers.indexOf(timer as FakeTimer);
      if (place >= 0) this.#timers.splice(place, 1);
    };
    const set = (delay: number, interval: number, callback: () => void): FakeTimer =>
      this.#add(new FakeTimer(this.#now + delay, callback, interval));
    type Callback = (...args: unknown[]) => void;
    Object.assign(globalThis, {
      setTimeout: (callback: Callback, delay = 0, ...args: unknown[]) => set(delay, 0, () => callback(...args)),
      setInterval: (callback: Callback, delay: number, ...args: unknown[]) => set(delay, delay, () => callback(...args)),
      setImmediate: (callback: Callback, ...args: unknown[]) => this.#immediates.push(() => callback(...args)),
      clearTimeout: clear,
      clearInterval: clear,
    });
    Date.now = performance.now = () => this.#now;
    this.#restore = () => {
      Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate });
      Date.now = now;
      // It is the prototype's again.
      Reflect.deleteProperty(performance, 'now');
    };
  }

  end(): void {
    this.#restore();
  }

  /** Goes on to the next timer, at `until` at the latest, and calls it. Returns `false` where there is none. */
  step(until: number): boolean {
    const timer = this.#timers[0];
    if (timer === undefined || timer.at > until) {
      this.#now = until;
      return false;
    }
    this.#timers.shift();
    this.#now = timer.at;
    if (timer.interval > 0) {
      timer.at += timer.interval;
      this.#add(timer);
    }
    timer.callback();
    return true;
  }

  /** Ends a turn of the event loop, and those that follow from it. No time passes. */
  async turn(): Promise<void> {
    await ticks();
    while (this.#immediates.length > 0) {
      const immediates = this.#immediates;
      this.#immediates = [];
      for (const callback of immediates) {
        callback();
        await ticks();
      }
    }
  }

  #add(timer: FakeTimer): FakeTimer {
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1] as FakeTimer).at > timer.at) place--;
    this.#timers.splice(place, 0, timer);
    return timer;
  }
}

/** Has done everything that waits in `process.nextTick` or in promises, and what that adds to them. */
async function ticks(): Promise<void> {
  // Node calls all of the one, then all of the other, until both are empty: the second time is for what a promise adds.
  for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => process.nextTick(resolve));
}
