/**
 * Closes many clients over a span of time, in no order that anybody could name.
 *
 * In: what is to be closed, and how long it may take. Out: one call for each, by then at the latest. It does not know clients.
 *
 * Clients that lose their connection in the same second come back in the same second: ten thousand TLS handshakes and
 * registrations at once are the load under which a server that was just restarted falls over.
 */

/** Calls `depart` for each member within a span of time. */
export class Departures<Member> {
  /** The members that are still to go, in random order: the last goes next. */
  readonly #remaining: Member[];
  readonly #depart: (member: Member) => void;
  readonly #count: number;
  readonly #spread: number;
  readonly #beganAt = performance.now();
  #timer: NodeJS.Timeout | null = null;

  /** @param spread milliseconds until the last one is called; 0: all are called before the constructor returns */
  constructor(members: Iterable<Member>, spread: number, depart: (member: Member) => void) {
    this.#remaining = shuffled(members);
    this.#count = this.#remaining.length;
    this.#spread = spread;
    this.#depart = depart;
    if (spread === 0) this.hurry();
    // One timer serves all clients. A client may leave up to one tick later than its own moment.
    else if (this.#count > 0) this.#timer = setInterval(() => this.#tick(), Math.min(TICK, spread));
  }

  /** Calls for all that remain, at once. */
  hurry(): void {
    this.#stop();
    for (const member of this.#remaining.splice(0)) this.#depart(member);
  }

  #tick(): void {
    const share = Math.min(1, (performance.now() - this.#beganAt) / this.#spread);
    const due = Math.floor(this.#count * share);
    while (this.#count - this.#remaining.length < due) this.#depart(this.#remaining.pop() as Member);
    if (this.#remaining.length === 0) this.#stop();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Milliseconds. */
const TICK = 20;

/** Fisher and Yates: every order is as likely as any other. */
function shuffled<T>(values: Iterable<T>): T[] {
  const list = [...values];
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}
