/**
 * `npm run chaos -- [--minutes N] [--seed S] [--doors tcp,tls,unix] [--go-on]`: random lives of clients until the time is up or a law is broken
 * (exit status 1). With `--go-on` each broken law is told, made as small as it gets, and the next is looked for;
 * `--without WORD,…` leaves out the steps that have one of these words in them, where their finding is known.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { leftOver, takeInventory, watchTimers } from '../helpers/left-over.ts';
import { DOORS, type Door } from '../helpers/world.ts';
import { play } from './life.ts';
import { type Script, scripts } from './steps.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    doors: { type: 'string', default: DOORS.join(',') },
    without: { type: 'string', default: '' },
    'go-on': { type: 'boolean', default: false },
  },
});
const first = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const doors = values.doors.split(',') as Door[];
const without = values.without.split(',').filter((word) => word !== '');
const count = { lives: 0, steps: 0, lines: 0, resumed: 0, expired: 0 };
const beganAt = performance.now();
const deadline = beganAt + Number(values.minutes) * 60_000;
const findings = new Map<string, number>();

watchTimers();
// The model's own faults are told one by one: not here.
process.removeAllListeners('warning').on('warning', () => {});
console.log(`from seed ${first}`);
// Node opens some descriptors of its own when it is first asked for a socket of a kind.
for (const door of doors)
  for (const [script] of fc.sample(fc.tuple(scripts([door], 1)), { seed: 1, numRuns: 1 })) await play(script, count);
const before = takeInventory();
for (let i = 0; performance.now() < deadline; i++) {
  let wrong: string[] = [];
  const result = await fc.check(
    fc.asyncProperty(scripts([doors[i % doors.length] as Door]).map(leaveOut), async (script) => {
      const problems = await play(script, count);
      // Of a script that fails now and then: what was wrong when it did.
      if (problems.length > 0) wrong = problems;
      return problems.length === 0;
    }),
    { seed: first + i, numRuns: 50, interruptAfterTimeLimit: 60_000 },
  );
  const left = await leftOver(before);
  if (left.length > 0) tell(`left over: ${left.join(', ')}`, null, first + i);
  if (!result.failed || result.counterexample === null) continue;
  const [script] = result.counterexample as [Script];
  tell(wrong.join('\n'), script, first + i);
}
const minutes = ((performance.now() - beganAt) / 60_000).toFixed(1);
console.log(
  `${minutes} minutes over ${doors.join(', ')}: ${count.lives} lives, ${count.steps} steps, ${count.lines} lines, ${count.resumed} resumed, ${count.expired} expired`,
);
console.log(findings.size === 0 ? 'no finding' : `${findings.size} findings`);
process.exit(findings.size === 0 ? 0 : 1);

function leaveOut(script: Script): Script {
  if (without.length === 0) return script;
  return { ...script, steps: script.steps.filter((step) => !without.some((word) => JSON.stringify(step).includes(word))) };
}

function tell(problem: string, script: Script | null, seed: number): void {
  // What differs by a place in the code or a number is one finding.
  const kind = problem.replace(/\n\s+at .*/g, '').replace(/\d+/g, 'N');
  const known = findings.get(kind) ?? 0;
  findings.set(kind, known + 1);
  if (known > 0) return;
  console.error(`seed ${seed}: ${problem}\n${JSON.stringify(script)}`);
  if (!values['go-on']) process.exit(1);
}
