/**
 * What a hook counts since it was made.
 *
 * In: one call or one addition for each event. Out: numbers. It does not know what they are shown as.
 *
 * The fields are public and plain: a line in and a line out each touch two of them, and a call for each would cost as much as the
 * line's own work.
 */
import { Histogram } from './histogram.ts';

/** Counts of one hook; all of its connections share it. */
export class Counters {
  linesIn = 0;
  linesOut = 0;
  /** Bytes of WebSocket frames, without TLS and TCP. */
  bytesIn = 0;
  bytesOut = 0;
  accepted = 0;
  /** Clients that came back after their connection was lost. */
  resumed = 0;
  /** Clients that did not come back in time. */
  expired = 0;
  /** Clients that have no connection now. */
  suspended = 0;
  /** Refused requests, by HTTP status. */
  readonly rejected: Map<number, number> = new Map();
  /** Clients that are gone, by close code. */
  readonly closed: Map<number, number> = new Map();
  /** From a native ping to its pong. */
  readonly roundTrips: Histogram = new Histogram();
  /** From the upgrade request to the 101, `authorize` included. */
  readonly handshakes: Histogram = new Histogram();
}

/** Adds one to the count of `key`. */
export function count(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
