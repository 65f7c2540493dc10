/**
 * Random lives of clients, for a few seconds; `npm run chaos -- --minutes N` goes on for longer. The seed is printed, and `SEED=…` plays it again.
 */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { beginWatch, canOpen } from '../helpers/doors.ts';
import { leftOver, takeInventory } from '../helpers/left-over.ts';
import { DOORS } from '../helpers/world.ts';
import { play } from './life.ts';
import { scripts } from './steps.ts';

beforeAll(beginWatch);

const seed = process.env['SEED'] === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(process.env['SEED']);

test.each(DOORS.filter(canOpen))('C1, M1, M9, L1: whatever happens to clients over %s', { timeout: 600_000 }, async (door) => {
  const before = takeInventory();
  const count = { lives: 0, steps: 0, lines: 0, resumed: 0, expired: 0 };
  process.on('warning', ignore);
  await fc.assert(
    fc.asyncProperty(scripts([door]), async (script) => {
      expect(await play(script, count)).toEqual([]);
    }),
    { seed, numRuns: 10_000, interruptAfterTimeLimit: 3_000, markInterruptAsFailure: false },
  );
  process.off('warning', ignore);
  console.log(
    `chaos over ${door}, SEED=${seed}: ${count.lives} lives, ${count.steps} steps, ${count.lines} lines, ${count.resumed} resumed, ${count.expired} expired`,
  );
  expect(await leftOver(before)).toEqual([]);
});

function ignore(): void {}
