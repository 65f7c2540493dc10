import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TokenBucket } from '../../src/connection/token-bucket.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('60 at once, 2 a second in the long run', () => {
  const bucket = new TokenBucket();
  for (let i = 0; i < 60; i++) expect(bucket.take()).toBe(true);
  expect(bucket.take()).toBe(false);
  vi.advanceTimersByTime(1_000);
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]);
});

test('it is full again once what was taken has come back', () => {
  const bucket = new TokenBucket();
  const begin = performance.now();
  expect(bucket.isFull(begin)).toBe(true);
  for (let i = 0; i < 10; i++) bucket.take();
  expect(bucket.isFull(begin + 4_999)).toBe(false);
  expect(bucket.isFull(begin + 5_000)).toBe(true);
  expect(bucket.take()).toBe(true);
  expect(bucket.isFull(begin + 5_000)).toBe(false);
});
