/**
 * Counters of gateways, added up.
 *
 * In: the counts of one process each. Out: their sum. It does not know where they come from, nor how they are shown
 * (`metrics.ts`).
 */

import type { GatewayStats, UpstreamStats } from '../gateway/index.ts';
import { Histogram, type HistogramSnapshot } from '../metrics/histogram.ts';
import type { HookStats } from '../metrics/stats.ts';
import type { ProcessCounts } from './process-counts.ts';

/** The counts of one process, or of several together. */
export interface Counters {
  readonly gateway: GatewayStats;
  readonly hook: HookStats;
  readonly processes: readonly ProcessCounts[];
}

/** What {@link sum} begins with. */
export const NO_COUNTS: Counters = {
  gateway: { clients: 0, accepted: 0, refused: 0, unreachable: 0, webircRefused: 0, flooded: 0, upstreams: [] },
  hook: {
    clients: 0,
    accepted: 0,
    rejected: {},
    closed: {},
    suspended: 0,
    resumed: 0,
    expired: 0,
    lines: { received: 0, sent: 0 },
    bytes: { received: 0, sent: 0 },
    queuedBytes: 0,
    roundTrips: new Histogram().snapshot(),
    handshakes: new Histogram().snapshot(),
  },
  processes: [],
};

/** Adds counts up. */
export function sum(all: Iterable<Counters>): Counters {
  let total = NO_COUNTS;
  for (const { gateway, hook, processes } of all) {
    total = {
      gateway: {
        ...add(omit(total.gateway), omit(gateway)),
        upstreams: addUpstreams(total.gateway.upstreams, gateway.upstreams),
      },
      hook: add(total.hook, hook),
      processes: [...total.processes, ...processes],
    };
  }
  return total;
}

/** Returns the counts of a process that has ended: nobody is in it any more, what it has counted stays counted. */
export function withoutClients({ gateway, hook }: Counters): Counters {
  return { gateway: { ...gateway, clients: 0 }, hook: withoutGauges(hook), processes: [] };
}

/** What is there now, and not since the start. */
const GAUGES: readonly string[] = ['clients', 'suspended', 'queuedBytes'];

function withoutGauges(hook: HookStats): HookStats {
  return Object.fromEntries(
    Object.entries(hook).map(([name, value]) => [name, GAUGES.includes(name) ? 0 : value]),
  ) as unknown as HookStats;
}

function omit({ upstreams: _, ...counts }: GatewayStats): Omit<GatewayStats, 'upstreams'> {
  return counts;
}

/** Adds numbers, and the numbers within objects, by their names. */
function add<T extends object>(a: T, b: T): T {
  if (isHistogram(a) && isHistogram(b)) return addHistograms(a, b) as T;
  const result = { ...a } as Record<string, unknown>;
  for (const [name, value] of Object.entries(b)) {
    const before = result[name];
    if (typeof value === 'number') result[name] = (typeof before === 'number' ? before : 0) + value;
    else if (typeof value === 'object' && value !== null) result[name] = before === undefined ? value : add(before, value);
    else result[name] = value;
  }
  return result as T;
}

function isHistogram(value: object): value is HistogramSnapshot {
  return 'buckets' in value;
}

function addHistograms(a: HistogramSnapshot, b: HistogramSnapshot): HistogramSnapshot {
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    // Between processes, Infinity becomes null: JSON has none.
    buckets: a.buckets.map(({ le, count }, i) => ({
      le: le ?? Number.POSITIVE_INFINITY,
      count: count + (b.buckets[i]?.count ?? 0),
    })),
  };
}

/** A server is up where one process has last reached it. */
function addUpstreams(a: readonly UpstreamStats[], b: readonly UpstreamStats[]): UpstreamStats[] {
  const byName = new Map(a.map((upstream) => [upstream.name, upstream]));
  for (const upstream of b) {
    const before = byName.get(upstream.name);
    byName.set(
      upstream.name,
      before === undefined ? upstream : { ...add(before, upstream), name: upstream.name, up: before.up || upstream.up },
    );
  }
  return [...byName.values()];
}
