/**
 * The table "What it costs" of README.md.
 *
 * In: `docs/performance.md`, whose tables the benchmark writes. Out: the README with the few rows that it shows. No number of the
 * README is typed.
 */

const BEGIN = '<!-- costs: written by `npm run docs:api` from docs/performance.md -->';
const END = '<!-- /costs -->';

/** The columns of the README, by their heads in `docs/performance.md`. */
const COLUMNS: readonly (readonly [string, string])[] = [
  ['ws', '`ws`'],
  ['line', 'this library, lines'],
  ['stream', 'this library, `net.Socket`'],
];

/** The rows of the README, by their scenarios in `docs/performance.md`. */
const ROWS: readonly (readonly [string, string])[] = [
  ['inbound, pipelined', 'a line comes in, one of many in a read'],
  ['echo', 'a line in, a line out'],
  ['burst, ten lines back', 'a line in, ten lines out'],
  ['chat of a hundred', 'a channel of a hundred that chats'],
  ['idle, bytes a connection', 'memory of an idle client'],
];

/** Returns the README with the numbers of the performance page. @throws Error where a scenario or a column is missing there */
export function withCosts(readme: string, performance: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin === -1 || end === -1) throw new Error('README.md has no place for the costs');
  const table = tableOf(performance);
  const lines = [
    ['', ...COLUMNS.map(([, head]) => head)],
    ['---', ...COLUMNS.map(() => '---')],
    ...ROWS.map(([scenario, label]) => [label, ...COLUMNS.map(([column]) => ratio(table, scenario, column))]),
  ];
  const text = lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${readme.slice(end)}`;
}

/** Scenario → column → cell, of the first table that has all columns. */
function tableOf(page: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const rows = page.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('*', '').trim()),
  );
  const first = rows.findIndex((cells) => COLUMNS.every(([column]) => cells.includes(column)));
  const heads = rows[first];
  if (heads === undefined) throw new Error('docs/performance.md has no table with these columns');
  const rest = rows.slice(first + 2);
  const size = rest.findIndex((cells) => cells.length === 0);
  return new Map(
    rest
      .slice(0, size === -1 ? rest.length : size)
      .map((cells) => [cells[0] ?? '', new Map(heads.map((head, i) => [head, cells[i] ?? '']))]),
  );
}

/** The ratio to plain TCP, without the spread in parentheses. */
function ratio(table: ReturnType<typeof tableOf>, scenario: string, column: string): string {
  const [value] = /^[\d.]+/.exec(table.get(scenario)?.get(column) ?? '') ?? [];
  if (value === undefined) throw new Error(`docs/performance.md has no "${scenario}" for ${column}`);
  return value;
}
