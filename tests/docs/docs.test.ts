import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { apiPage, ENTRY_POINTS, exportedNames, functionsWithoutExample, typesThatAreNotExported } from './api-reference.ts';
import { withCosts } from './costs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

describe('docs/api.md', () => {
  const api = read('docs/api.md');

  test('every exported name has its heading, once, and no heading is of a name that is gone', () => {
    const names = new Set(ENTRY_POINTS.flatMap(({ entry }) => exportedNames(entry).map(({ name }) => name)));
    const headings = [...api.matchAll(/^### ([\w$]+)$/gm)].map(([, name]) => name as string);
    expect(headings.toSorted()).toEqual([...names].toSorted());
  });

  test('every exported function has an example in its doc comment', () => {
    expect(functionsWithoutExample()).toEqual([]);
  });

  test('every type that a declaration mentions is exported', () => {
    expect(typesThatAreNotExported()).toEqual([]);
  });

  test('every entry point of the package is in it', () => {
    const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, unknown> };
    const titles = Object.keys(exports)
      .filter((path) => path !== './package.json')
      .map((path) => path.replace('.', 'ircd-websocket'));
    expect(ENTRY_POINTS.map(({ title }) => title).sort()).toEqual(titles.sort());
  });

  // `npm run docs:api` writes it anew.
  test('it says what the sources say', async () => {
    await expect(apiPage(api)).toMatchFileSnapshot(join(ROOT, 'docs/api.md'));
  });

  test('every error code that is thrown is in its table', () => {
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const codes = new Set(sources.flatMap((name) => read(join('src', name)).match(/\b(?:ERR|IRCD_WEBSOCKET)_[A-Z_]+/g) ?? []));
    // Node's own.
    codes.delete('ERR_HTTP_REQUEST_TIMEOUT');
    for (const code of codes) expect(api, code).toContain(`\`${code}\``);
  });
});

// `npm run docs:api` writes it anew.
test('the numbers of README.md are those of docs/performance.md', async () => {
  await expect(withCosts(read('README.md'), read('docs/performance.md'))).toMatchFileSnapshot(join(ROOT, 'README.md'));
});

test('every example is in the table of examples/README.md, and has a test', () => {
  const folders = readdirSync(join(ROOT, 'examples'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const rows = [...read('examples/README.md').matchAll(/^\| \[([^\]]+)\]/gm)].map(([, name]) => name as string);
  expect(rows.sort()).toEqual(folders.map(({ name }) => name).sort());
  for (const name of rows) expect(existsSync(join(ROOT, `tests/examples/${name}.test.ts`)), name).toBe(true);
});

test('the reading order of CONTRIBUTING.md names files that are there, and leaves out no folder', () => {
  const page = read('.github/CONTRIBUTING.md');
  const order = page.slice(page.indexOf('## Reading order'), page.indexOf('## House rules'));
  const files = [...order.matchAll(/`([\w/-]+\.ts)`/g)].map(([, file]) => file as string);
  expect(files.filter((file) => !existsSync(join(ROOT, 'src', file)))).toEqual([]);
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).filter((name) => !files.some((file) => file.startsWith(`${name}/`)))).toEqual([]);
});

describe('links', () => {
  const pages = [
    'README.md',
    'CHANGELOG.md',
    'examples/README.md',
    '.github/CONTRIBUTING.md',
    '.github/SECURITY.md',
    ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
  ].filter((name) => name.endsWith('.md'));

  test.each(pages)('%s points at what is there', (page) => {
    for (const [, target] of read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = (target as string).split('#');
      const file = path === '' ? page : join(dirname(page), path);
      expect(existsSync(join(ROOT, file)), `${page}: ${target}`).toBe(true);
      if (anchor === undefined) continue;
      const anchors = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
        (heading as string)
          .toLowerCase()
          .replace(/[^\p{L}\p{N} -]/gu, '')
          .replaceAll(' ', '-'),
      );
      expect(anchors, `${page}: ${target}`).toContain(anchor);
    }
  });
});
