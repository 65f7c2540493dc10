/**
 * Whether a peer is there, and whether it is too much there: silence, pings, floods, and the time that the closing handshake may
 * take.
 *
 * In: that something came; frames that say nothing; the ticks of the sweeper. Out: a ping, a failure, or the end of the
 * transport. It does not know frames.
 *
 * Pings: RFC 6455 sections 5.5.2 and 5.5.3. A server pings a client that is silent, and ends one that stays silent.
 */
import type { Counters } from '../metrics/counters.ts';
import { clock, NOWHERE, type Sweeper, type Ticking } from './sweeper.ts';
import { TokenBucket } from './token-bucket.ts';

/** What all connections of one configuration share. */
export interface LivenessSettings {
  /** Milliseconds of silence before a native ping; 0: none. */
  readonly pingInterval: number;
  /** Milliseconds in which anything must come back. */
  readonly pingTimeout: number;
  /** Milliseconds that the closing handshake may take. */
  readonly closeTimeout: number;
  readonly sweeper: Sweeper;
  readonly counters: Counters;
}

/** The connection that is watched. */
export interface Watched {
  /** Whether anything would be read if it came. One that does not read cannot know whether its peer lives. */
  readonly isReading: boolean;
  /** Sends a ping. Returns `false` where the connection is not open. */
  sendPing(): boolean;
  /** Called when nothing came within the time limits. */
  timedOut(reason: string): void;
  /** Called when the closing handshake took too long. */
  expired(): void;
}

/** Watches one connection. */
export class Liveness implements Ticking {
  place: number = NOWHERE;
  readonly #watched: Watched;
  readonly #settings: LivenessSettings;
  /**
   * Since when nothing came, as far as ticks tell; 0: something came since the last tick. Cheaper than a clock for each chunk.
   */
  #silentSince = 0;
  /** When the ping was sent that is not answered; 0: there is none. */
  #pingedAt = 0;
  /** When the transport is destroyed, whatever it waits for; 0: not set. */
  #deadline = 0;
  #bucket: TokenBucket | null = null;
  #waiters: PingWaiter[] | null = null;

  constructor(watched: Watched, settings: LivenessSettings) {
    this.#watched = watched;
    this.#settings = settings;
    settings.sweeper.add(this);
  }

  /** Call this for everything that comes. */
  heard(): void {
    this.#silentSince = 0;
  }

  /** Call this when a ping was sent. `onPong` gets the milliseconds until any pong came. */
  pinged(onPong?: (roundTrip: number) => void): void {
    if (onPong === undefined) return;
    this.#waiters ??= [];
    this.#waiters.push({ sentAt: performance.now(), onPong });
  }

  /** Call this for a pong. Returns what to call for it, each with its round trip in milliseconds. */
  ponged(): readonly { readonly onPong: (roundTrip: number) => void; readonly roundTrip: number }[] {
    if (this.#pingedAt !== 0) this.#settings.counters.roundTrips.observe(clock() - this.#pingedAt);
    this.#pingedAt = 0;
    const waiters = this.#waiters;
    if (waiters === null) return NOBODY;
    this.#waiters = null;
    const now = performance.now();
    return waiters.map(({ sentAt, onPong }) => {
      this.#settings.counters.roundTrips.observe(now - sentAt);
      return { onPong, roundTrip: now - sentAt };
    });
  }

  /** Takes a token for a frame that says nothing (a ping, a pong, an empty message). Returns `false` once there were too many. */
  countIdleFrame(): boolean {
    this.#bucket ??= new TokenBucket();
    return this.#bucket.take();
  }

  /** Begins the time after which the transport is destroyed: `closeTimeout` from the first call on. */
  limitTime(): void {
    if (this.#deadline === 0) this.#deadline = clock() + this.#settings.closeTimeout;
  }

  /** Ends the watch. */
  stop(): void {
    this.#settings.sweeper.remove(this);
    this.#waiters = null;
  }

  tick(now: number): void {
    if (this.#deadline > 0) {
      if (now >= this.#deadline) this.#watched.expired();
      return;
    }
    // A bucket that is full again is dropped: the next pong makes a new one.
    if (this.#bucket?.isFull(now) === true) this.#bucket = null;
    if (this.#silentSince === 0 || !this.#watched.isReading) {
      this.#silentSince = now;
      this.#pingedAt = 0;
      return;
    }
    const { pingInterval, pingTimeout } = this.#settings;
    if (pingInterval === 0) return;
    if (this.#pingedAt === 0) {
      if (now - this.#silentSince >= pingInterval && this.#watched.sendPing()) this.#pingedAt = now;
    } else if (now - this.#pingedAt >= pingTimeout) {
      this.#watched.timedOut(`Ping timeout: ${Math.round((pingInterval + pingTimeout) / 1_000)} seconds`);
    }
  }
}

interface PingWaiter {
  readonly sentAt: number;
  readonly onPong: (roundTrip: number) => void;
}

const NOBODY: readonly never[] = [];
