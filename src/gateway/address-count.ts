/**
 * How many clients each network has, and how many came within the last minute.
 *
 * In: networks that come and go. Out: whether one more client is within the limits. It does not know what a client or an address
 * is.
 */

/** What one network may have. */
export interface PlaceLimits {
  /** Clients at once. */
  readonly connections: number;
  /** New clients a minute; as many may come at once. */
  readonly perMinute: number;
}

/** A place that was taken: a function that returns it, once however often it is called. Otherwise the limit that was reached. */
export type Place = (() => void) | 'connections' | 'perMinute';

/** Where places are counted; several gateways that share one keep one limit. */
export interface AddressPlaces {
  /** Takes a place for a network: an IPv4 address, or the prefix of an IPv6 address. */
  take(network: string, limits: PlaceLimits): Place | Promise<Place>;
}

/** What is known of one network. */
interface Entry {
  taken: number;
  /** How many more may come now. */
  tokens: number;
  filledAt: number;
}

/** Networks that have nobody and may send as many as any other are forgotten, at most this often, in milliseconds. */
const SWEEP_INTERVAL = 60_000;

const MINUTE = 60_000;

/** Counts places by network, within this process. */
export class AddressCount implements AddressPlaces {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  #sweptAt: number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#sweptAt = now();
  }

  take(network: string, { connections, perMinute }: PlaceLimits): Place {
    const now = this.#now();
    this.#sweep(now);
    const entry = this.#entries.get(network) ?? { taken: 0, tokens: perMinute, filledAt: now };
    if (entry.taken >= connections) return 'connections';
    entry.tokens = Math.min(perMinute, entry.tokens + ((now - entry.filledAt) / MINUTE) * perMinute);
    entry.filledAt = now;
    if (entry.tokens < 1) return 'perMinute';
    entry.tokens--;
    entry.taken++;
    this.#entries.set(network, entry);
    let isHeld = true;
    return () => {
      if (isHeld) entry.taken--;
      isHeld = false;
    };
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_INTERVAL) return;
    this.#sweptAt = now;
    // After a minute every bucket is full again.
    for (const [network, { taken, filledAt }] of this.#entries) {
      if (taken === 0 && now - filledAt >= MINUTE) this.#entries.delete(network);
    }
  }
}
