/** The benchmark's figures as tables of Markdown: one for the terminal, with all that was measured, and a row for the page. */
import type { Result } from './main.ts';
import type { Measured } from './measure.ts';
import { markdown, type Table } from './page.ts';
import type { PeerName } from './peers/peer.ts';
import { isOfMemory } from './scenarios.ts';

interface Figures {
  readonly peer: PeerName;
  /** The median, in microseconds or bytes. */
  readonly value: number;
  /** Ratios to the first peer, which is the yardstick of the run, round by round. */
  readonly ratios: readonly number[];
  readonly rss: number;
}

/** Lays out one scenario: a row for each peer. */
export function table({ scenario, rounds }: Result): string {
  const isMemory = isOfMemory(scenario);
  const rows = figures({ scenario, rounds }).map(({ peer, value, ratios, rss }) => [
    peer,
    isMemory ? value.toFixed(0) : value.toFixed(3),
    median(ratios).toFixed(2),
    Math.min(...ratios).toFixed(2),
    Math.max(...ratios).toFixed(2),
    ...(isMemory ? [rss.toFixed(0)] : []),
  ]);
  const heads = [
    'peer',
    isMemory ? 'bytes' : `µs a ${scenario.unit}`,
    'ratio',
    'lowest',
    'highest',
    ...(isMemory ? ['RSS, bytes'] : []),
  ];
  return `### ${scenario.title} (\`${scenario.name}\`)\n\n${markdown({ heads, rows })}`;
}

/** Lays out scenarios for the page: a row for each, a column for each peer, the yardstick first. Memory has two rows. */
export function pageTable(results: readonly Result[]): Table {
  const [first] = results as [Result];
  return {
    heads: ['scenario', 'rounds', ...first.rounds.keys()],
    rows: results.flatMap(({ scenario, rounds }) => {
      if (!isOfMemory(scenario)) return [row(scenario.title, 'µs', rounds)];
      const resident = [...rounds].map(([peer, all]) => [peer, all.map(({ rss = 0 }) => ({ value: rss }))] as const);
      const title = scenario.name === 'idle' ? 'idle, resident memory' : `${scenario.title}, resident`;
      return [row(scenario.title, 'B', rounds), row(title, 'B', new Map(resident))];
    }),
  };
}

function row(title: string, unit: 'µs' | 'B', rounds: ReadonlyMap<PeerName, readonly Pick<Measured, 'value'>[]>): string[] {
  const [yardstick = [], ...others] = rounds.values();
  const value = median(yardstick.map((measured) => measured.value)).toFixed(unit === 'B' ? 0 : 2);
  const cells = others.map((measured) => {
    const ratios = ratiosTo(yardstick, measured);
    return `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  });
  return [title, String(yardstick.length), `1 (${value} ${unit})`, ...cells];
}

/** Round by round. */
function ratiosTo(yardstick: readonly Pick<Measured, 'value'>[], measured: readonly Pick<Measured, 'value'>[]): number[] {
  return measured.map(({ value }, round) => value / (yardstick[round] as Measured).value);
}

function figures({ rounds }: Result): Figures[] {
  const [yardstick = []] = rounds.values();
  return [...rounds].map(([peer, measured]) => ({
    peer,
    value: median(measured.map(({ value }) => value)),
    ratios: ratiosTo(yardstick, measured),
    rss: median(measured.map(({ rss = 0 }) => rss)),
  }));
}

/** Returns the middle one, or the mean of both. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
