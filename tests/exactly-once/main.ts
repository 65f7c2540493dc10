/**
 * `npm run exactly-once -- [--runs N] [--seed S] [--server real|model] [--law every-line|one-end]`: conversations of both ends
 * over a channel that loses its tail at any byte, until all have been played or a law is broken (exit status 1). The seed is
 * printed; with it the same conversations are played again.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { everyLineOnce, oneEnd, Tally } from './laws.ts';
import { ModelEnd } from './model-end.ts';
import { RealServer } from './real-server.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    server: { type: 'string', default: 'real' },
    law: { type: 'string', default: 'every-line' },
  },
});
const LAWS = { 'every-line': everyLineOnce, 'one-end': oneEnd } as const;
const SERVERS = { real: RealServer, model: ModelEnd } as const;

const law = LAWS[values.law as keyof typeof LAWS];
const Server = SERVERS[values.server as keyof typeof SERVERS];
const numRuns = Number(values.runs);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
if (law === undefined || Server === undefined || !(numRuns > 0) || !Number.isSafeInteger(seed))
  throw new Error('--law is every-line or one-end, --server is real or model, --runs and --seed are numbers');

console.log(`${values.law}, ${values.server} server, seed ${seed}`);
const beganAt = performance.now();
const tally = new Tally();
const result = await fc.check(
  law((window) => new Server(window), tally),
  { seed, numRuns },
);
console.log(`${((performance.now() - beganAt) / 1_000).toFixed(1)} s: ${tally}`);
if (result.failed) {
  console.error(fc.defaultReportMessage(result));
  process.exit(1);
}
