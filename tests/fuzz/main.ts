/**
 * `npm run fuzz -- [--seconds N] [--seed S] [--streams N]`: differential fuzzing against `ws`, until the time is up or something differs (exit status 1).
 *
 * The seed is printed; stream i has the seed S + i.
 */
import { parseArgs } from 'node:util';
import { compareStreams, Difference, newCounts } from './differential.ts';

/** Streams between two looks at the clock. */
const BATCH = 200;

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string' }, streams: { type: 'string' } },
});
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const most = values.streams === undefined ? Number.POSITIVE_INFINITY : Number(values.streams);
const deadline = Date.now() + Number(values.seconds) * 1_000;
const counts = newCounts();

console.log(`from seed ${first}`);
try {
  while (counts.streams < most && Date.now() < deadline)
    await compareStreams(first + counts.streams, Math.min(BATCH, most - counts.streams), counts);
} catch (error) {
  if (!(error instanceof Difference)) throw error;
  console.error(error.message);
  process.exit(1);
}
const { streams, frames, bytes, events } = counts;
console.log(
  `no difference in ${streams} streams of ${frames} frames, ${bytes} bytes; ${events} messages, pings and pongs came through`,
);
for (const [title, sums] of [
  ['how streams ended:', counts.ends],
  ['streams that ws ends otherwise, by the rule that makes it so (tests/fuzz/reference.ts):', counts.rules],
] as const) {
  console.log(title);
  for (const [name, sum] of Object.entries(sums).sort(([, a], [, b]) => b - a))
    console.log(`${String(sum).padStart(10)}  ${name}`);
}
