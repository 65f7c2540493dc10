import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';

// Within the package: `ircd-websocket` is what it publishes.
const FOLDER = join(ROOT, '.build/testing-guide');

function sample(language: string): string {
  const page = readFileSync(join(ROOT, 'docs/testing.md'), 'utf8');
  const [, code] = page.split(`\`\`\`js ${language}\n`);
  return code?.split('```')[0] ?? '';
}

beforeAll(() => {
  mkdirSync(FOLDER, { recursive: true });
});

test.each([
  ['vitest', [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--root', FOLDER, '--reporter', 'tap-flat'], 3],
  ['node:test', ['--test', '--test-reporter', 'tap', 'node-test.test.mjs'], 2],
] as const)('the %s file of docs/testing.md passes', (language, args, count) => {
  const file = `${language.replace(':', '-')}.test.mjs`;
  writeFileSync(join(FOLDER, file), sample(language));
  writeFileSync(join(FOLDER, 'vitest.config.mjs'), "export default { test: { include: ['vitest.test.mjs'] } };\n");
  // A runner within a runner: neither may think that it is the other's.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_TEST|TEST$|NODE_OPTIONS$)/.test(name)),
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: FOLDER, env, encoding: 'utf8' });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout.match(/^ok /gm), stdout).toHaveLength(count);
});
