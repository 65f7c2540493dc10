/** `npm run fuzz -- --seconds N [--seed S] [--streams N]`: differential fuzzing against `ws`, until a difference or the time is up. */
import { parseArgs } from 'node:util';
import { type Counts, compareStreams } from './differential.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string' }, streams: { type: 'string' } },
});
const counts: Counts = { streams: 0, frames: 0, bytes: 0, ends: {} };
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const most = values.streams === undefined ? Number.POSITIVE_INFINITY : Number(values.streams);
const deadline = Date.now() + Number(values.seconds) * 1_000;

console.log(`from seed ${first}`);
while (counts.streams < most && Date.now() < deadline) {
  await compareStreams(first + counts.streams, Math.min(200, most - counts.streams), counts);
}
console.log(`no difference in ${counts.streams} streams, ${counts.frames} frames, ${counts.bytes} bytes; how they ended:`);
for (const [end, count] of Object.entries(counts.ends).sort(([, a], [, b]) => b - a))
  console.log(`${String(count).padStart(9)}  ${end}`);
