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
  /** Clients that were accepted. */
  readonly accepted: number;
  /** Requests that were refused, by HTTP status. */
  readonly rejected: Readonly<Record<number, number>>;
  /** Clients that have disconnected, by close code (1006: without a Close frame). */
  readonly closed: Readonly<Record<number, number>>;
  /** Suspended clients at this moment: they have lost their connection, and may come back. */
  readonly suspended: number;
  /** How often a client came back after it had lost its connection. */
  readonly resumed: number;
  /** Suspended clients that did not come back in time. */
  readonly expired: number;
  /** Lines received from clients, and sent to clients. */
  readonly lines: { readonly received: number; readonly sent: number };
  /** Bytes of WebSocket frames received from clients, and sent to clients. */
  readonly bytes: { readonly received: number; readonly sent: number };
  /** Bytes that are queued for all clients together. */
  readonly queuedBytes: number;
  /** Milliseconds from a WebSocket ping to its pong. */
  readonly roundTrips: HistogramSnapshot;
  /** Milliseconds from an upgrade request to its answer, the 101; `authorize` included. */
  readonly handshakes: HistogramSnapshot;
}
