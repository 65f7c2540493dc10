/**
 * `npm run conformance -- [--port N] [--host H] [--case 6.4] [--full]`: plays the cases against a server that echoes messages, and prints what it does by section.
 *
 * `--case` takes the beginning of a number; `--full` adds the cases of up to 64 MiB. Exit status 1 where a case failed, 2 where there is no such server.
 */
import { parseArgs } from 'node:util';
import { CASES } from './cases.ts';
import { play, type Verdict } from './peer.ts';

const SECTIONS: Readonly<Record<string, string>> = {
  1: 'framing',
  2: 'pings and pongs',
  3: 'reserved bits',
  4: 'reserved opcodes',
  5: 'fragmentation',
  6: 'UTF-8',
  7: 'closing',
  9: 'limits',
  10: 'automatic fragments',
};

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9001' },
    host: { type: 'string', default: '127.0.0.1' },
    case: { type: 'string', default: '' },
    full: { type: 'boolean', default: false },
  },
});

const counts = new Map<string, Record<Verdict['outcome'], number>>();
for (const { id, title, isHeavy = false, script } of CASES) {
  if ((isHeavy && !values.full) || !`${id}.`.startsWith(values.case)) continue;
  const verdict = await play(script(), Number(values.port), values.host).catch((error: Error) => {
    console.error(error.message);
    process.exit(2);
  });
  const section = id.split('.')[0] as string;
  const sum = counts.get(section) ?? { passed: 0, 'non-strict': 0, failed: 0 };
  sum[verdict.outcome]++;
  counts.set(section, sum);
  if (verdict.outcome !== 'passed') console.log(`${id} ${verdict.outcome}: ${title}: ${verdict.detail}`);
}

const row = (...cells: readonly (string | number)[]): string =>
  cells.map((cell, i) => (i === 0 ? String(cell).padEnd(24) : String(cell).padStart(11))).join('');
console.log(row('section', 'passed', 'non-strict', 'failed'));
for (const [section, { passed, 'non-strict': nonStrict, failed }] of counts)
  console.log(row(`${section.padStart(2)} ${SECTIONS[section] ?? ''}`, passed, nonStrict, failed));
process.exitCode = [...counts.values()].some(({ failed }) => failed > 0) ? 1 : 0;
