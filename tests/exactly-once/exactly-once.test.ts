/**
 * Both ends over a channel that loses its tail at any byte, and delays and reorders attempts: every line once, in order, both
 * ways. The page's end is the real one; the server's is the real one, and a model that is stricter with the page.
 *
 * `npm run exactly-once -- --runs 100000` plays as many conversations as one likes.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WAIT_LIMIT } from '../helpers/wait.ts';
import { everyLineOnce, oneEnd, Tally } from './laws.ts';
import { ModelEnd } from './model-end.ts';
import { RealServer } from './real-server.ts';

describe.each([
  { name: 'the real server', make: (window: number) => new RealServer(window), numRuns: 300 },
  { name: 'the model', make: (window: number) => new ModelEnd(window), numRuns: 1_000 },
])('$numRuns conversations with $name', ({ make, numRuns }) => {
  test('every line once, in order, both ways', { timeout: 20 * WAIT_LIMIT }, async () => {
    const tally = new Tally();
    await fc.assert(everyLineOnce(make, tally), { numRuns });
    expect(tally.resumed).toBeGreaterThan(numRuns / 4);
  });

  test('a window that ends: a beginning of each side arrives, and each side hears one close', {
    timeout: 20 * WAIT_LIMIT,
  }, async () => {
    const tally = new Tally();
    await fc.assert(oneEnd(make, tally), { numRuns });
    expect(tally.expired).toBeGreaterThan(numRuns / 20);
  });
});
