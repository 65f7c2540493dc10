import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Departures } from '../../src/client/departures.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const MEMBERS = Array.from({ length: 1_000 }, (_, i) => i);

test('each is called once, evenly over the time, and none after it', () => {
  const gone: number[] = [];
  new Departures(MEMBERS, 10_000, (member) => void gone.push(member));
  expect(gone.length).toBe(0);
  for (let second = 1; second <= 10; second++) {
    vi.advanceTimersByTime(1_000);
    expect(gone.length).toBeGreaterThanOrEqual(second * 100 - 2);
    expect(gone.length).toBeLessThanOrEqual(second * 100);
  }
  vi.advanceTimersByTime(20);
  expect(gone.toSorted((a, b) => a - b)).toEqual(MEMBERS);
  expect(gone).not.toEqual(MEMBERS);
  expect(vi.getTimerCount()).toBe(0);
});

test('without a spread all are called at once', () => {
  const gone: number[] = [];
  new Departures(MEMBERS, 0, (member) => void gone.push(member));
  expect(gone.length).toBe(1_000);
  expect(vi.getTimerCount()).toBe(0);
});

test('hurry calls for those that remain, and for nobody twice', () => {
  const gone: number[] = [];
  const departures = new Departures(MEMBERS, 10_000, (member) => void gone.push(member));
  vi.advanceTimersByTime(5_000);
  departures.hurry();
  departures.hurry();
  vi.advanceTimersByTime(10_000);
  expect(gone.toSorted((a, b) => a - b)).toEqual(MEMBERS);
  expect(vi.getTimerCount()).toBe(0);
});

test('nobody there: no timer', () => {
  new Departures([], 10_000, () => expect.unreachable());
  expect(vi.getTimerCount()).toBe(0);
});
