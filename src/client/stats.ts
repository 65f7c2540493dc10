/**
 * The counts of a hook as the program reads them.
 *
 * In: the counters and the clients of one hook. Out: one object, made at each call.
 */
import type { Counters } from '../metrics/counters.ts';
import type { HistogramSnapshot } from '../metrics/histogram.ts';
import type { Clients } from './clients.ts';

/** Counts since a hook was made. */
export interface HookStats {
  /** Connected clients, suspended ones included. */
  readonly clients: number;
  /** Clients that were let in. */
  readonly accepted: number;
  /** Requests that were refused, by HTTP status. */
  readonly rejected: Readonly<Record<number, number>>;
  /** Clients that are gone, by close code (1006: without a Close frame). */
  readonly closed: Readonly<Record<number, number>>;
  /** Clients that have lost their connection and may come back, at this moment. */
  readonly suspended: number;
  /** How often a client came back. */
  readonly resumed: number;
  /** Clients that lost their connection and did not come back in time. */
  readonly expired: number;
  /** Lines from clients and to clients. */
  readonly lines: { readonly received: number; readonly sent: number };
  /** Bytes of WebSocket frames from clients and to clients. */
  readonly bytes: { readonly received: number; readonly sent: number };
  /** Bytes that wait for all clients together. */
  readonly queuedBytes: number;
  /** From a native ping to its pong, in milliseconds. */
  readonly roundTrips: HistogramSnapshot;
  /** From an upgrade request to its 101, in milliseconds, `authorize` included. */
  readonly handshakes: HistogramSnapshot;
}

/** Returns the counts of this moment. */
export function describeStats(counters: Counters, members: Clients): HookStats {
  const { accepted, suspended, resumed, expired, linesIn, linesOut, bytesIn, bytesOut } = counters;
  return {
    clients: members.faces.size,
    accepted,
    rejected: Object.fromEntries(counters.rejected),
    closed: Object.fromEntries(counters.closed),
    suspended,
    resumed,
    expired,
    lines: { received: linesIn, sent: linesOut },
    bytes: { received: bytesIn, sent: bytesOut },
    queuedBytes: members.queuedSize,
    roundTrips: counters.roundTrips.snapshot(),
    handshakes: counters.handshakes.snapshot(),
  };
}
