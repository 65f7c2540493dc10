/**
 * The IRC servers: which one a client begins with, and which one is left alone for a while.
 *
 * In: servers with their weights, and how attempts to connect end. Out: a connected socket, or why none of them answers. It does
 * not know WebSockets or WEBIRC.
 *
 * A server that fails is left alone for a while, so that clients do not wait for it. Where all of them are left alone, they are
 * tried nevertheless: a client that comes then would otherwise be refused although a server is back.
 */
import type { Socket } from 'node:net';
import { Histogram, type HistogramSnapshot } from '../metrics/histogram.ts';
import { connectTo, UntrustedError } from './connect.ts';
import { SharedReader } from './shared-reader.ts';
import type { ReadyUpstream } from './upstream.ts';

/** A server that answered. */
export interface Connected {
  readonly upstream: ReadyUpstream;
  readonly socket: Socket;
}

/** What is known of one IRC server. */
export interface UpstreamStats {
  readonly name: string;
  /** Whether the last attempt to connect was answered; a server that nobody tried yet counts as up. */
  readonly up: boolean;
  readonly connected: number;
  readonly failed: number;
  /** Milliseconds until it answered. */
  readonly connects: HistogramSnapshot;
}

/** Milliseconds that a failing server is left alone: 1 s, 2 s, 4 s … */
const FIRST_REST = 1_000;
const LONGEST_REST = 30_000;

class Member {
  readonly upstream: ReadyUpstream;
  readonly history: History;
  /** Its standing in the round: the one with the highest is next. */
  standing = 0;

  constructor(upstream: ReadyUpstream, history: History) {
    this.upstream = upstream;
    this.history = history;
  }
}

/** What has become of the attempts at one server; it goes on over reloads. */
class History {
  isUp = true;
  connected = 0;
  failed = 0;
  /** How many attempts in a row failed. */
  #failures = 0;
  #restsUntil = 0;
  readonly connects = new Histogram();

  isResting(now: number): boolean {
    return now < this.#restsUntil;
  }

  succeed(milliseconds: number): void {
    this.isUp = true;
    this.connected++;
    this.#failures = 0;
    this.#restsUntil = 0;
    this.connects.observe(milliseconds);
  }

  fail(now: number): void {
    this.isUp = false;
    this.failed++;
    this.#restsUntil = now + Math.min(LONGEST_REST, FIRST_REST * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
  }
}

/** Spreads clients over IRC servers. */
export class UpstreamPool {
  readonly #members: readonly Member[];

  /** @param before the pool that this one takes the place of: what is known of a server of the same name is kept */
  constructor(upstreams: readonly ReadyUpstream[], before?: UpstreamPool) {
    const former = before === undefined ? [] : before.#members;
    this.#members = upstreams.map((upstream) => {
      const known = former.find((member) => member.upstream.name === upstream.name);
      return new Member(upstream, known?.history ?? new History());
    });
  }

  /**
   * Connects to the server whose turn it is, or to the next one that answers.
   *
   * @param timeout milliseconds for each of them
   * @param onFailure called for each server that does not answer
   * @throws the error that somebody has to act on ({@link UntrustedError} before others), where none answers; the signal's
   *   reason, when it aborts
   */
  async connect(
    timeout: number,
    signal: AbortSignal,
    onFailure: (upstream: ReadyUpstream, error: Error) => void,
  ): Promise<Connected> {
    let failure: Error | undefined;
    for (const { upstream, history } of this.#order()) {
      const startedAt = performance.now();
      try {
        const socket = await connectTo(upstream, timeout, signal, new SharedReader());
        history.succeed(performance.now() - startedAt);
        return { upstream, socket };
      } catch (error) {
        // The client is gone: that says nothing about the server.
        signal.throwIfAborted();
        history.fail(performance.now());
        onFailure(upstream, error as Error);
        if (!(failure instanceof UntrustedError)) failure = error as Error;
      }
    }
    throw failure as Error;
  }

  stats(): UpstreamStats[] {
    return this.#members.map(({ upstream: { name }, history }) => ({
      name,
      up: history.isUp,
      connected: history.connected,
      failed: history.failed,
      connects: history.connects.snapshot(),
    }));
  }

  /** The member whose turn it is, then the others by their weight; those that are left alone last. */
  #order(): Member[] {
    const now = performance.now();
    const awake = this.#members.filter(({ history }) => !history.isResting(now));
    const resting = this.#members.filter(({ history }) => history.isResting(now));
    if (awake.length === 0) return resting;
    // Smooth weighted round robin: of weights 5, 1, 1 the turns are a a b a c a a.
    const total = awake.reduce((sum, { upstream }) => sum + upstream.weight, 0);
    for (const member of awake) member.standing += member.upstream.weight;
    awake.sort((a, b) => b.standing - a.standing);
    (awake[0] as Member).standing -= total;
    return [...awake, ...resting];
  }
}
