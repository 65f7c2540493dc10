import { expect, test } from 'vitest';
import { type Counters, NO_COUNTS, sum, withoutClients } from '../../src/cli/counters.ts';
import { Histogram } from '../../src/metrics/histogram.ts';

const histogram = (a: number, b: number, all: number) => ({
  count: all,
  sum: all * 10,
  buckets: [
    { le: 1, count: a },
    { le: 5, count: b },
    { le: Number.POSITIVE_INFINITY, count: all },
  ],
});
const UP = { name: 'hub', up: true, connected: 5, failed: 1, connects: histogram(3, 5, 5) };
const DOWN = { name: 'hub', up: false, connected: 1, failed: 2, connects: histogram(0, 0, 1) };
const PROCESS = {
  process: 'worker 1',
  residentBytes: 1,
  heapBytes: 2,
  externalBytes: 3,
  eventLoopDelay: { p50: 0, p99: 0, max: 0 },
};
const one: Counters = {
  gateway: { clients: 1, accepted: 5, refused: 2, unreachable: 3, webircRefused: 4, flooded: 1, upstreams: [UP] },

  hook: {
    ...NO_COUNTS.hook,
    lines: { received: 1, sent: 2 },
    roundTrips: new Histogram().snapshot(),
    clients: 1,
    accepted: 5,
    rejected: { 400: 1, 403: 1 },
    closed: { 1000: 4 },
  },
  processes: [PROCESS],
};
const two: Counters = {
  gateway: {
    clients: 10,
    accepted: 50,
    refused: 20,
    unreachable: 30,
    webircRefused: 40,
    flooded: 10,
    upstreams: [DOWN, { ...DOWN, name: 'leaf' }],
  },

  hook: {
    ...NO_COUNTS.hook,
    lines: { received: 10, sent: 20 },
    clients: 10,
    accepted: 50,
    rejected: { 403: 10, 429: 10 },
    closed: { 1000: 40, 1006: 10 },
  },
  processes: [PROCESS],
};

test('sum adds every count, those by code too, and changes nothing', () => {
  const before = JSON.stringify([one, two]);
  expect(sum([one, two])).toEqual({
    gateway: {
      clients: 11,
      accepted: 55,
      refused: 22,
      unreachable: 33,
      webircRefused: 44,
      flooded: 11,
      upstreams: [
        { name: 'hub', up: true, connected: 6, failed: 3, connects: histogram(3, 5, 6) },
        { ...DOWN, name: 'leaf' },
      ],
    },
    hook: {
      ...NO_COUNTS.hook,
      lines: { received: 11, sent: 22 },
      clients: 11,
      accepted: 55,
      rejected: { 400: 1, 403: 11, 429: 10 },
      closed: { 1000: 44, 1006: 10 },
    },
    processes: [PROCESS, PROCESS],
  });
  expect(JSON.stringify([one, two])).toBe(before);
  expect(sum([])).toEqual(NO_COUNTS);
});

test('of a process that is gone everything stays but its clients', () => {
  expect(sum([withoutClients(one), two])).toEqual(
    sum([{ gateway: { ...one.gateway, clients: 0 }, hook: { ...one.hook, clients: 0 }, processes: [] }, two]),
  );
});
