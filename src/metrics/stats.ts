/**
 * The counts of a hook, as a program reads them and as Prometheus text is made of them.
 *
 * Only a type: `client/stats.ts` makes such an object, `format.ts` formats it.
 */
import type { HistogramSnapshot } from './histogram.ts';

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
