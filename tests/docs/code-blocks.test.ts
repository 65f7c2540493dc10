/**
 * Every TypeScript and JavaScript block of the documentation compiles, under `strict`, against the library as it is.
 *
 * A block is a module. Of JavaScript only the syntax is checked. A name of the library that a block uses and does not import is
 * imported for it. A name of the reader's own program is declared in `reader.d.ts`. Blocks marked `typescript` are the
 * declarations of `docs/api.md`, and are not compiled.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runTool } from '../helpers/run.ts';
import { ENTRY_POINTS, exportedNames } from './api-reference.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, '.build/code-blocks');
interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```(ts|js)\n([\s\S]*?)^```$/gm)].map(({ 1: language = '', 2: code = '', index }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language,
    code,
  }));
}

/**
 * The imports that a reader of the page would have by then: of each name that stands for itself, from the first entry point that
 * exports it.
 */
function importsFor(code: string): string {
  const imported = new Set<string>();
  const lines = ENTRY_POINTS.flatMap(({ entry, title }) => {
    const names = exportedNames(entry)
      .map(({ name }) => name)
      .filter((name) => !imported.has(name) && new RegExp(`(?<![\\w'"/#-]|(?<!\\.\\.)\\.)${name}\\b(?!['"/-])`).test(code))
      .filter((name) => !new RegExp(`import[^;]*\\b${name}\\b[^;]*from|(?:const|let|function|class) ${name}\\b`).test(code));
    for (const name of names) imported.add(name);
    return names.length === 0 ? [] : [`import { ${names.join(', ')} } from '${title}';`];
  });
  return lines.join(' ');
}

test('every block of code in the documentation compiles', () => {
  const pages = [
    'README.md',
    ...readdirSync(join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  const blocks = pages.flatMap(blocksOf);
  expect(blocks.length).toBeGreaterThan(15);

  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const places = new Map<string, Block>();
  for (const [i, block] of blocks.entries()) {
    const name = `block-${i}.${block.language}`;
    places.set(name, block);
    writeFileSync(join(FOLDER, name), `${block.language === 'ts' ? importsFor(block.code) : ''}\n${block.code}\nexport {};\n`);
  }
  writeFileSync(
    join(FOLDER, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: {
        noUnusedLocals: false,
        noUnusedParameters: false,
        noImplicitReturns: false,
        // Types and values are imported alike.
        verbatimModuleSyntax: false,
        isolatedModules: false,
        allowJs: true,
        lib: ['ES2023', 'DOM'],
        paths: Object.fromEntries(ENTRY_POINTS.map(({ entry, title }) => [title, [`../../src/${entry}`]])),
      },
      include: ['*.ts', '*.js', '../../tests/docs/reader.d.ts'],
      exclude: [],
    }),
  );
  let output = '';
  try {
    runTool('typescript', ['-p', FOLDER, '--pretty', 'false']);
  } catch (error) {
    // Its first line names the command.
    output = (error as Error).message.replace(/^.*\n/, '');
  }
  const complaints = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      line.replace(/^.*?(block-\d+\.[jt]s)\((\d+),\d+\)/, (_all, name: string, row: string) => {
        const { page, line: start, code } = places.get(name) as Block;
        const own = importsFor(code).split('\n').length;
        return `${page}:${start + Number(row) - own}`;
      }),
    );
  expect(complaints).toEqual([]);
});
