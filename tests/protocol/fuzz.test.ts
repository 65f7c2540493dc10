import { expect, test } from 'vitest';
import { type Counts, compareStreams } from '../fuzz/differential.ts';

const none = (): Counts => ({ streams: 0, frames: 0, bytes: 0, ends: {} });

test('the streams of the first seeds have the same outcome here, in ws and in the reference', async () => {
  const counts = none();
  await compareStreams(1, 4_000, counts);
  expect(counts.streams).toBe(4_000);
  // The streams are of every kind: a generator that makes only broken ones would prove little.
  for (const end of [
    'open',
    'closed 1000',
    'failed 1002',
    'failed 1007',
    'failed 1009',
    'failed 1007, early UTF-8',
    'failed 1002, non-minimal length',
  ]) {
    expect(counts.ends[end] ?? 0, end).toBeGreaterThan(5);
  }
});

test('so have those of seeds that nobody chose', async () => {
  // A difference names its seed.
  await compareStreams(Math.floor(Math.random() * 2 ** 31), 2_000, none());
});
