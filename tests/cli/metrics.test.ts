import { expect, test } from 'vitest';
import { NO_COUNTS } from '../../src/cli/counters.ts';
import { formatMetrics } from '../../src/cli/metrics.ts';

const PREFIX = 'ircd_websocket_gateway_';
const FACTS = { workers: 2, restarts: 3, isDraining: true, reloads: { done: 4, failed: 5 }, uptimeSeconds: 6 };

test('Prometheus’ text: HELP and TYPE once a metric, a sample a line', () => {
  const text = formatMetrics(
    {
      gateway: {
        clients: 1,
        accepted: 5,
        refused: 2,
        unreachable: 3,
        webircRefused: 4,
        flooded: 1,
        upstreams: [
          {
            name: 'h"u\\b',
            up: true,
            connected: 5,
            failed: 1,
            connects: {
              count: 6,
              sum: 9000,
              buckets: [
                { le: 100, count: 3 },
                { le: 1_000, count: 5 },
                { le: Number.POSITIVE_INFINITY, count: 6 },
              ],
            },
          },
        ],
      },
      hook: { ...NO_COUNTS.hook, clients: 1, accepted: 5, rejected: { 400: 1, 403: 1 }, closed: { 1000: 4 } },
      processes: [
        {
          process: 'worker 1',
          residentBytes: 1,
          heapBytes: 2,
          externalBytes: 3,
          eventLoopDelay: { p50: 0.001, p99: 0.01, max: 0.1 },
        },
      ],
    },
    FACTS,
    [
      { name: 'hub', isUp: true, seconds: 0.002, problem: null },
      { name: 'leaf', isUp: false, seconds: null, problem: 'connect ECONNREFUSED' },
    ],
  );
  const lines = text.trimEnd().split('\n');
  const names = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]);
  expect(new Set(names).size).toBe(names.length);
  for (const line of lines) {
    expect(line).toMatch(
      /^(# HELP [a-z_0-9]+ \S.*|# TYPE [a-z_0-9]+ (counter|gauge|histogram)|[a-z_0-9]+(\{[a-z]+="[^{}]*"\})? \S+)$/,
    );
  }
  const samples = lines.filter((line) => !line.startsWith('#')).map((line) => line.slice(PREFIX.length));
  // The hook's own metrics have a test of their own.
  expect(samples).toContain('clients 1');
  expect(samples).toContain('handshake_seconds_count 0');
  expect(samples.slice(samples.indexOf('unreachable_total 3'))).toEqual([
    'unreachable_total 3',
    'webirc_refused_total 4',
    'flooded_total 1',
    'upstream_up{upstream="hub"} 1',
    'upstream_up{upstream="leaf"} 0',
    'upstream_latency_seconds{upstream="hub"} 0.002',
    'upstream_connects_total{upstream="h\\"u\\\\b"} 5',
    'upstream_failures_total{upstream="h\\"u\\\\b"} 1',
    'upstream_connect_seconds_bucket{upstream="h\\"u\\\\b",le="0.1"} 3',
    'upstream_connect_seconds_bucket{upstream="h\\"u\\\\b",le="1"} 5',
    'upstream_connect_seconds_bucket{upstream="h\\"u\\\\b",le="+Inf"} 6',
    'upstream_connect_seconds_sum{upstream="h\\"u\\\\b"} 9',
    'upstream_connect_seconds_count{upstream="h\\"u\\\\b"} 6',
    'process_resident_bytes{process="worker 1"} 1',
    'process_heap_bytes{process="worker 1"} 2',
    'process_external_bytes{process="worker 1"} 3',
    'event_loop_delay_p50_seconds{process="worker 1"} 0.001',
    'event_loop_delay_p99_seconds{process="worker 1"} 0.01',
    'event_loop_delay_max_seconds{process="worker 1"} 0.1',
    'workers 2',
    'worker_restarts_total 3',
    'draining 1',
    'reloads_total{result="done"} 4',
    'reloads_total{result="failed"} 5',
    'uptime_seconds 6',
  ]);
});

test('nothing counted yet: no metric without a sample', () => {
  const text = formatMetrics(NO_COUNTS, FACTS, []);
  expect(text).not.toContain('upstream_');
});
