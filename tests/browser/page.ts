/** A page for the page's half under Node: the global object's events, a seeded `Math.random`, faked timers. */

const globals = globalThis as unknown as Record<string, unknown>;

/** Faked time: `begin` replaces the global timers, `end` brings them back. */
export interface PageClock {
  begin(): void;
  end(): void;
}

/** What a page gets beside its network. */
export class FakePage {
  readonly #events = new EventTarget();
  readonly #before = {
    WebSocket: globals['WebSocket'],
    addEventListener: globals['addEventListener'],
    document: globals['document'],
  };
  readonly #random = Math.random;
  readonly #clock: PageClock;
  readonly document = { hidden: false };

  constructor(clock: PageClock, seed = 1) {
    this.#clock = clock;
    clock.begin();
    let state = seed;
    // mulberry32
    Math.random = () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
    globals['addEventListener'] = this.#events.addEventListener.bind(this.#events);
    globals['document'] = this.document;
  }

  use(WebSocket: unknown): void {
    globals['WebSocket'] = WebSocket;
  }

  /** `online`, `pageshow`, `visibilitychange`, `pagehide`. */
  dispatch(type: string, fields: object = {}): void {
    this.#events.dispatchEvent(Object.assign(new Event(type), fields));
  }

  close(): void {
    Object.assign(globals, this.#before);
    Math.random = this.#random;
    this.#clock.end();
  }
}
