/**
 * Counters in Prometheus' text format, version 0.0.4.
 *
 * In: counts. Out: text. It does not know where they come from.
 */
import { formatMetrics as formatHook } from '../metrics/format.ts';
import type { HistogramSnapshot } from '../metrics/histogram.ts';
import type { Counters } from './counters.ts';
import type { ProcessCounts } from './process-counts.ts';
import type { UpstreamState } from './upstream-check.ts';

/** What the health endpoint tells beside the counts. */
export interface ProcessFacts {
  readonly workers: number;
  /** Workers that were started to replace one that had died. */
  readonly restarts: number;
  readonly isDraining: boolean;
  /** Reloads that took effect, and that did not. */
  readonly reloads: { readonly done: number; readonly failed: number };
  readonly uptimeSeconds: number;
}

const PREFIX = 'ircd_websocket_gateway_';

type Labels = Readonly<Record<string, string | number>>;
type Samples = readonly (readonly [Labels, number])[];

/** Writes all metrics; `upstreams` is what the health check found last. */
export function formatMetrics(counters: Counters, facts: ProcessFacts, upstreams: readonly UpstreamState[]): string {
  const { gateway, hook, processes } = counters;
  return [
    formatHook(hook, PREFIX),
    counter('unreachable_total', 'Clients that were refused because no IRC server could be reached.', gateway.unreachable),
    counter('webirc_refused_total', 'Clients whose IRC server did not accept WEBIRC.', gateway.webircRefused),
    counter('flooded_total', 'Clients that sent too many lines for too long.', gateway.flooded),
    ...formatUpstreams(counters, upstreams),
    ...formatProcesses(processes),
    gauge('workers', 'Processes that accept clients.', facts.workers),
    counter('worker_restarts_total', 'Workers that were started to replace one that had died.', facts.restarts),
    gauge('draining', '1 while the gateway is shutting down, else 0.', facts.isDraining ? 1 : 0),
    counter('reloads_total', 'Reloads of the configuration, by result.', [
      [{ result: 'done' }, facts.reloads.done],
      [{ result: 'failed' }, facts.reloads.failed],
    ]),
    gauge('uptime_seconds', 'Seconds since the gateway started.', facts.uptimeSeconds),
  ].join('');
}

function formatUpstreams({ gateway: { upstreams } }: Counters, checked: readonly UpstreamState[]): string[] {
  const each = (value: (upstream: (typeof upstreams)[number]) => number): Samples =>
    upstreams.map((upstream) => [{ upstream: upstream.name }, value(upstream)]);
  return [
    gauge(
      'upstream_up',
      '1 if the IRC server answered the last check, else 0.',
      checked.map(({ name, isUp }) => [{ upstream: name }, isUp ? 1 : 0]),
    ),
    gauge(
      'upstream_latency_seconds',
      'Seconds until the IRC server answered the last check.',
      checked.flatMap(({ name, seconds }) => (seconds === null ? [] : [[{ upstream: name }, seconds] as const])),
    ),
    counter(
      'upstream_connects_total',
      'Connections to the IRC server that were made for clients.',
      each(({ connected }) => connected),
    ),
    counter(
      'upstream_failures_total',
      'Connections to the IRC server that could not be made.',
      each(({ failed }) => failed),
    ),
    histogram(
      'upstream_connect_seconds',
      'Seconds until the IRC server answered a client.',
      upstreams.map(({ name, connects }) => [{ upstream: name }, connects]),
    ),
  ];
}

function formatProcesses(processes: readonly ProcessCounts[]): string[] {
  const each = (value: (counts: ProcessCounts) => number): Samples =>
    processes.map((counts) => [{ process: counts.process }, value(counts)]);
  return [
    gauge(
      'process_resident_bytes',
      'Resident memory of a process.',
      each(({ residentBytes }) => residentBytes),
    ),
    gauge(
      'process_heap_bytes',
      'Heap memory that a process uses.',
      each(({ heapBytes }) => heapBytes),
    ),
    gauge(
      'process_external_bytes',
      'Memory of a process outside the heap, for buffers.',
      each(({ externalBytes }) => externalBytes),
    ),
    gauge(
      'event_loop_delay_p50_seconds',
      'Median delay of the event loop since the last scrape.',
      each(({ eventLoopDelay: { p50 } }) => p50),
    ),
    gauge(
      'event_loop_delay_p99_seconds',
      '99th percentile of the delays of the event loop since the last scrape.',
      each(({ eventLoopDelay: { p99 } }) => p99),
    ),
    gauge(
      'event_loop_delay_max_seconds',
      'The longest delay of the event loop since the last scrape.',
      each(({ eventLoopDelay: { max } }) => max),
    ),
  ];
}

function gauge(name: string, help: string, value: number | Samples): string {
  return metric(name, 'gauge', help, typeof value === 'number' ? [['', {}, value]] : named(value));
}

function counter(name: string, help: string, value: number | Samples): string {
  return metric(name, 'counter', help, typeof value === 'number' ? [['', {}, value]] : named(value));
}

function histogram(name: string, help: string, all: readonly (readonly [Labels, HistogramSnapshot])[]): string {
  const samples = all.flatMap(([labels, { buckets, count, sum }]) => [
    ...buckets.map(({ le, count: below }): [string, Labels, number] => [
      '_bucket',
      { ...labels, le: Number.isFinite(le) ? le / 1_000 : '+Inf' },
      below,
    ]),
    ['_sum', labels, sum / 1_000] as const,
    ['_count', labels, count] as const,
  ]);
  return metric(name, 'histogram', help, samples);
}

function metric(
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  help: string,
  samples: readonly (readonly [suffix: string, labels: Labels, value: number])[],
): string {
  if (samples.length === 0) return '';
  const full = `${PREFIX}${name}`;
  const lines = samples.map(([suffix, labels, value]) => `${full}${suffix}${formatLabels(labels)} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

/** An operator names upstreams: the format escapes these three. */
function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const text = String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
    return `${name}="${text}"`;
  });
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function named(samples: Samples): [string, Labels, number][] {
  return samples.map(([labels, value]) => ['', labels, value]);
}
