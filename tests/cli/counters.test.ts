import { expect, test } from 'vitest';
import { type Counters, formatMetrics, NO_COUNTS, sum, withoutClients } from '../../src/cli/counters.ts';

const one: Counters = {
  gateway: { clients: 1, accepted: 5, refused: 2, unreachable: 3, webircRefused: 4, flooded: 1 },
  hook: { clients: 1, accepted: 5, rejected: { 400: 1, 403: 1 }, closed: { 1000: 4 } },
};
const two: Counters = {
  gateway: { clients: 10, accepted: 50, refused: 20, unreachable: 30, webircRefused: 40, flooded: 10 },
  hook: { clients: 10, accepted: 50, rejected: { 403: 10, 429: 10 }, closed: { 1000: 40, 1006: 10 } },
};

test('sum adds every count, those by code too, and changes nothing', () => {
  const before = JSON.stringify([one, two]);
  expect(sum([one, two])).toEqual({
    gateway: { clients: 11, accepted: 55, refused: 22, unreachable: 33, webircRefused: 44, flooded: 11 },
    hook: { clients: 11, accepted: 55, rejected: { 400: 1, 403: 11, 429: 10 }, closed: { 1000: 44, 1006: 10 } },
  });
  expect(JSON.stringify([one, two])).toBe(before);
  expect(sum([])).toEqual(NO_COUNTS);
});

test('of a process that is gone everything stays but its clients', () => {
  expect(sum([withoutClients(one), two])).toEqual(
    sum([{ gateway: { ...one.gateway, clients: 0 }, hook: { ...one.hook, clients: 0 } }, two]),
  );
});

test('Prometheus’ text: HELP and TYPE once a metric, a sample a line', () => {
  const text = formatMetrics(one, {
    workers: 2,
    restarts: 3,
    isDraining: true,
    reloads: { done: 4, failed: 5 },
    uptimeSeconds: 6,
  });
  const lines = text.trimEnd().split('\n');
  const names = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]);
  expect(new Set(names).size).toBe(names.length);
  for (const line of lines) {
    expect(line).toMatch(/^(# HELP [a-z_]+ \S.*|# TYPE [a-z_]+ (counter|gauge)|[a-z_]+(\{[a-z]+="\w+"\})? \d+)$/);
  }
  const prefix = 'ircd_websocket_gateway_';
  expect(lines.filter((line) => !line.startsWith('#')).map((line) => line.slice(prefix.length))).toEqual([
    'clients 1',
    'accepted_total 5',
    'rejected_total{status="400"} 1',
    'rejected_total{status="403"} 1',
    'closed_total{code="1000"} 4',
    'unreachable_total 3',
    'webirc_refused_total 4',
    'flooded_total 1',
    'workers 2',
    'worker_restarts_total 3',
    'draining 1',
    'reloads_total{result="done"} 4',
    'reloads_total{result="failed"} 5',
    'uptime_seconds 6',
  ]);
});
