/**
 * The tables of `docs/performance.md`: a benchmark that is run with `--write` replaces its own block there.
 *
 * In: a block's name, and the rows that were measured. Out: the page. Rows of the same machine and day that were not measured again stay as they are, so that a table
 * may come from several runs; rows of another machine, another day or other columns go.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';

/** From `.build/bench/tests/bench/`. */
const PAGE = new URL('../../../../docs/performance.md', import.meta.url);

const { version: wsVersion } = createRequire(import.meta.url)('ws/package.json') as { version: string };

/** What one run measured, as a table. */
export interface Table {
  readonly heads: readonly string[];
  /** The first cell names the row. */
  readonly rows: readonly (readonly string[])[];
}

/** The machine and the versions that a figure belongs to. */
export function machine(): string {
  return `Node ${process.version}, ws ${wsVersion}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`;
}

/** Lays out a table in Markdown. */
export function markdown({ heads, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Writes the rows into a block of the page. @throws Error where the page has no such block */
export function writeBlock(name: string, table: Table): void {
  writeFileSync(
    PAGE,
    withBlock(readFileSync(PAGE, 'utf8'), name, table, `${machine()}; ${new Date().toISOString().slice(0, 10)}.`),
  );
}

/** Returns the page with one block replaced. @throws Error where the page has no such block */
export function withBlock(page: string, name: string, table: Table, caption: string): string {
  const begin = `<!-- bench: ${name} -->`;
  const [from, to] = [page.indexOf(begin), page.indexOf(`<!-- /bench: ${name} -->`)];
  if (from === -1 || to === -1) throw new Error(`docs/performance.md has no block ${name}`);
  const old = page.slice(from + begin.length, to).split('\n');
  const head = markdown({ heads: table.heads, rows: [] });
  const isSame = old.includes(caption) && old.join('\n').includes(head);
  const kept = isSame ? old.filter((line) => line.startsWith('| ')).slice(2) : [];
  const rows = new Map(
    kept
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
      .map((cells) => [cells[0], cells]),
  );
  for (const cells of table.rows) rows.set(cells[0], [...cells]);
  const text = markdown({ heads: table.heads, rows: [...rows.values()] });
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${caption}\n\n${page.slice(to)}`;
}
