import { describe, expect, test } from 'vitest';
import { compareStreams, newCounts } from '../fuzz/differential.ts';
import { receiveHere, receiveInWs } from '../fuzz/receivers.ts';
import { decodeStream, OUR_RULES, type Outcome, type Rules, WS_RULES } from '../fuzz/reference.ts';

test('the streams of the first seeds have the outcome here, and in ws, that the reference gives them', async () => {
  const counts = newCounts();
  await compareStreams(1, 6_000, counts);
  expect(counts.streams).toBe(6_000);
  // Streams of every kind: a generator that makes only broken ones would prove little.
  for (const end of ['open', 'closed by the peer', 'failed 1002', 'failed 1007', 'failed 1008', 'failed 1009'])
    expect(counts.ends[end] ?? 0, end).toBeGreaterThan(100);
  expect(counts.events).toBeGreaterThan(10_000);
});

test('so have those of seeds that nobody chose', async () => {
  // A difference names its seed.
  await compareStreams(Math.floor(Math.random() * 2 ** 31), 3_000, newCounts());
});

describe('each rule by which ws and we differ on purpose', () => {
  const LIMITS = { maxMessageSize: 5, maxFragments: 2 };
  // Keys of zero: payloads can be read.
  test.each<[rule: keyof Rules, stream: string, here: number | null, inWs: number | null, events?: string[]]>([
    ['judgesFirstByte', '83', 1002, null],
    ['refusesLongLengths', '81fe0001 00000000 61', 1002, null, ['text:61']],
    ['refusesTopBit', '82ff8000000000000000 00000000', 1002, 1009],
    ['waitsForKey', '8286', null, 1009],
    ['waitsForClose', '8881 00000000', null, 1002],
    ['countsAtHeader', '0280 00000000 0080 00000000 0081 00000000', 1008, null],
    ['failsFast', '0181 00000000 ff', 1007, null],
  ])('%s: %s', async (rule, hex, here, inWs, eventsInWs = []) => {
    const stream = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const failed = (code: number | null): Outcome['end'] => (code === null ? null : { kind: 'failed', code });
    expect(receiveHere([Buffer.from(stream)], LIMITS, 'public').outcome).toEqual({ events: [], end: failed(here) });
    expect(await receiveInWs([Buffer.from(stream)], LIMITS)).toEqual({ events: eventsInWs, end: failed(inWs) });
    // The rule alone makes the difference.
    const byRule = decodeStream(stream, LIMITS, { ...WS_RULES, [rule]: OUR_RULES[rule] });
    expect(byRule).toEqual({ events: [], end: failed(here) });
  });
});
