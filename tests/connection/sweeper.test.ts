import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NOWHERE, Sweeper, sweepInterval, type Ticking } from '../../src/connection/sweeper.ts';

const INTERVAL = 100;

class Member implements Ticking {
  place = NOWHERE;
  ticks = 0;
  onTick: () => void = () => {};

  tick(): void {
    this.ticks++;
    this.onTick();
  }
}

describe('a sweep', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('calls each member once an interval, whoever came and went', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('add', 'remove'), fc.nat(19)), { maxLength: 100 }), (steps) => {
        const sweeper = new Sweeper(INTERVAL);
        const all = Array.from({ length: 20 }, () => new Member());
        const present = new Set<Member>();
        for (const [step, i] of steps) {
          const member = all[i] as Member;
          if (step === 'remove') {
            sweeper.remove(member);
            present.delete(member);
          } else if (!present.has(member)) {
            sweeper.add(member);
            present.add(member);
          }
        }
        vi.advanceTimersByTime(2 * INTERVAL + 1);
        expect(all.map(({ ticks }) => ticks)).toEqual(all.map((member) => (present.has(member) ? 2 : 0)));
        for (const member of present) sweeper.remove(member);
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });

  test('passes nobody by, where members go within it: themselves, or others', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.nat(9), fc.nat(9)), { selector: ([at]) => at }), (departures) => {
        const sweeper = new Sweeper(INTERVAL);
        const all = Array.from({ length: 10 }, () => new Member());
        for (const member of all) sweeper.add(member);
        const gone = new Set<Member>();
        for (const [at, whom] of departures) {
          const leaves = all[whom] as Member;
          (all[at] as Member).onTick = () => {
            sweeper.remove(leaves);
            gone.add(leaves);
          };
        }
        vi.advanceTimersByTime(INTERVAL + 1);
        for (const member of all) if (!gone.has(member)) expect(member.ticks).toBeGreaterThan(0);
        for (const member of all) sweeper.remove(member);
      }),
    );
  });

  test('calls who came within it from the next one on', () => {
    const sweeper = new Sweeper(INTERVAL);
    const first = new Member();
    const second = new Member();
    first.onTick = () => {
      if (second.place === NOWHERE) sweeper.add(second);
    };
    sweeper.add(first);
    vi.advanceTimersByTime(INTERVAL + 1);
    expect(second.ticks).toBe(0);
    vi.advanceTimersByTime(INTERVAL + 1);
    expect(second.ticks).toBe(1);
    sweeper.remove(first);
    sweeper.remove(second);
  });
});

test('an interval is an eighth of the shortest limit, and never over a second', () => {
  expect(sweepInterval([30_000, 800, 0])).toBe(100);
  expect(sweepInterval([1])).toBe(5);
  expect(sweepInterval([60_000, 60_000])).toBe(1_000);
});
