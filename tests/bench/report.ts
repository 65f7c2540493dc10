/** The benchmark's figures as a table of Markdown. */
import type { Result } from './main.ts';
import type { Measured } from './measure.ts';

/** Lays out one scenario: a row for each peer, with its ratio to the first one, which is the yardstick of the run. */
export function table({ scenario, rounds }: Result): string {
  const [yardstick] = rounds.values();
  const isMemory = scenario.load === 'idle';
  const rows = [...rounds].map(([peer, measured]) => {
    const ratios = measured.map(({ value }, round) => value / ((yardstick as readonly Measured[])[round] as Measured).value);
    const cells = [
      peer,
      isMemory ? median(measured.map(({ value }) => value)).toFixed(0) : median(measured.map(({ value }) => value)).toFixed(3),
      median(ratios).toFixed(2),
      Math.min(...ratios).toFixed(2),
      Math.max(...ratios).toFixed(2),
      ...(isMemory ? [median(measured.map(({ rss = 0 }) => rss)).toFixed(0)] : []),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const heads = [
    'peer',
    isMemory ? 'bytes' : `µs a ${scenario.unit}`,
    'ratio',
    'lowest',
    'highest',
    ...(isMemory ? ['RSS, bytes'] : []),
  ];
  return [
    `### ${scenario.title} (\`${scenario.name}\`)`,
    '',
    `| ${heads.join(' | ')} |`,
    `|${' --- |'.repeat(heads.length)}`,
    ...rows,
  ].join('\n');
}

/** Returns the middle one, or the mean of both. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
