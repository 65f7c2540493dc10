/**
 * Whether the IRC servers answer, for whoever asks for the gateway's health.
 *
 * In: IRC servers. Out: which of them answered, and how fast. A check connects and says nothing. It runs when somebody asks, and
 * its result serves everybody who asks within `MAX_AGE`: a gateway that nobody watches makes no connections.
 */
import { connectTo } from '../gateway/connect.ts';
import { prepareUpstreams, type ReadyUpstream, type Upstream } from '../gateway/upstream.ts';

/** What a check found of one IRC server. */
export interface UpstreamState {
  readonly name: string;
  readonly isUp: boolean;
  /** Seconds until it answered; `null` where it did not. */
  readonly seconds: number | null;
  /** Why it did not; `null` where it did. */
  readonly problem: string | null;
}

/** Milliseconds for which a result is good. */
const MAX_AGE = 5_000;
/** Milliseconds for a server to answer: whoever asks for health does not wait longer. */
const TIMEOUT = 2_000;

/** Checks IRC servers. */
export class UpstreamCheck {
  readonly #upstreams: readonly ReadyUpstream[];
  #result: Promise<readonly UpstreamState[]> | null = null;
  #startedAt = 0;

  /** @throws ConfigError */
  constructor(upstreams: readonly Upstream[]) {
    this.#upstreams = prepareUpstreams(upstreams);
  }

  states(): Promise<readonly UpstreamState[]> {
    const now = performance.now();
    if (this.#result === null || now - this.#startedAt > MAX_AGE) {
      this.#startedAt = now;
      this.#result = Promise.all(this.#upstreams.map(check));
    }
    return this.#result;
  }
}

async function check(upstream: ReadyUpstream): Promise<UpstreamState> {
  const startedAt = performance.now();
  try {
    const socket = await connectTo(upstream, TIMEOUT, new AbortController().signal);
    socket.destroy();
    return { name: upstream.name, isUp: true, seconds: (performance.now() - startedAt) / 1_000, problem: null };
  } catch (error) {
    return { name: upstream.name, isUp: false, seconds: null, problem: (error as Error).message };
  }
}
