/** Every page, and every doc comment, is written in plain English: see `prose.ts`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { type Finding, findingsInComments, findingsInMarkdown } from './prose.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const filesIn = (folder: string, end: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name));
const describeFindings = (path: string, findings: readonly Finding[]): string[] =>
  findings.map(({ line, text, reason }) => `${path}:${line}: "${text}" ${reason}`);

const PAGES = ['README.md', 'CHANGELOG.md', 'examples/README.md', ...filesIn('docs', '.md'), ...filesIn('.github', '.md')];

test.each(PAGES)('%s', (path) => {
  expect(describeFindings(path, findingsInMarkdown(read(path)))).toEqual([]);
});

test.each(['src', 'examples', 'tests'])('the doc comments of %s/', (folder) => {
  // This check quotes what it refuses.
  const files = filesIn(folder, '.ts').filter((path) => !path.includes('docs/prose'));
  expect(files.flatMap((path) => describeFindings(path, findingsInComments(read(path))))).toEqual([]);
});

describe('what is refused', () => {
  const reasons = (text: string): number => findingsInMarkdown(text).length;

  test.each([
    'Is a WebSocket on its transport.',
    'First this. Gives the pattern.',
    'Learns that the transport is gone.',
    'Who has sent Close gets nothing more.',
    'A sentence before it. **Who** comes is let in. Whoever is there stays.',
    '- Says what is wrong.',
    '| a | Tells the address. |',
    'a client that is broken, or is none',
    'Newcomers meet the new one; who is in stays in.',
    'A missing one is skipped with a word.',
    'Leave compression to nobody.',
    '## Who is there',
    `${'word '.repeat(25)}end.`,
  ])('%s', (text) => {
    expect(reasons(text)).toBeGreaterThan(0);
  });

  test.each([
    'The connection is a WebSocket. It gives way to nothing.',
    'Who is there?',
    '```\nIs code\n```',
    '`Is a` is quoted, and so is "Who goes there".',
    '| Is |',
    `| ${'a long cell '.repeat(20)} |`,
    'The first line ends before\nWho, a proper noun, begins the next.',
  ])('but not: %s', (text) => {
    expect(findingsInMarkdown(text)).toEqual([]);
  });

  test('in comments too, with the line', () => {
    const source = 'const a = 1;\n/**\n * Returns a thing.\n *\n * @returns x\n * @param b Is that.\n */\n/** Gives it. */\n';
    expect(findingsInComments(source).map(({ line }) => line)).toEqual([6, 8]);
    expect(findingsInComments('/**\n * Fine. Who comes\n * is here.\n */')).toMatchObject([{ line: 2 }]);
  });
});
