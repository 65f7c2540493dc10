/**
 * The counts of a hook as the program reads them.
 *
 * In: the counters and the clients of one hook. Out: one object, made at each call.
 */
import type { Counters } from '../metrics/counters.ts';
import type { HookStats } from '../metrics/stats.ts';
import type { Clients } from './clients.ts';

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
