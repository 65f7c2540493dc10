/**
 * The Debian packages: one list, which CI installs, the README prints, and the tests use; and what a run says of those that are
 * missing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { PEERS, requirePeer } from '../helpers/peers.ts';
import { missingPackages } from '../helpers/reporter.ts';

const TEST_FILES = readdirSync(join(ROOT, 'tests'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.test.ts'),
);

describe('.ci/peers.txt', () => {
  test('is the list that the README prints as one line to copy', () => {
    const [line] = /^(?:sudo )?apt-get install .*$/m.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
    expect(line?.replace(/^.*? install (?:-\S+ )*/, '').split(' ')).toEqual(PEERS.map(({ packageName }) => packageName));
  });

  test('has no program that no test asks for', () => {
    const sources = TEST_FILES.map((path) => readFileSync(join(ROOT, 'tests', path), 'utf8')).join('\n');
    const unused = PEERS.filter(({ program }) => program !== null && !sources.includes(`requirePeer('${program}')`));
    expect(unused).toEqual([]);
  });

  test('has every program that a test asks for', () => {
    expect(() => requirePeer('no-such-ircd')).toThrow('no-such-ircd is not in .ci/peers.txt');
  });
});

test('a missing package is named once, with the files that were skipped for it', () => {
  const module = (name: string): { moduleId: string; relativeModuleId: string } => ({
    moduleId: join(ROOT, name),
    relativeModuleId: name,
  });
  const skipped = new Map([
    [module('tests/integration/proxies.test.ts'), 4],
    [module('tests/integration/example-nginx.test.ts'), 1],
    [module('tests/integration/dns.test.ts'), 2],
  ]);
  expect(missingPackages(skipped, (program) => program !== 'nginx').split('\n')).toEqual([
    '',
    expect.stringContaining('Not installed'),
    '  nginx-light',
    '    tests/integration/proxies.test.ts: 4 skipped',
    '    tests/integration/example-nginx.test.ts: 1 skipped',
    '',
  ]);
  expect(missingPackages(skipped, () => true)).toBe('');
});
