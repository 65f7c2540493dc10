import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { WAIT_LIMIT } from './helpers/wait.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

/**
 * Three projects: `unit` needs nothing but Node, `integration` needs the real peers (a browser, nginx, HAProxy, InspIRCd, …), `load` needs what
 * `npm run test:load` builds first.
 * The aliases let tests and examples import the package by its public name, from source.
 */
const alias = [
  { find: /^ircd-websocket$/, replacement: source('index.ts') },
  { find: /^ircd-websocket\/(protocol|gateway|testing|browser)$/, replacement: source('$1/index.ts') },
];

/** These limits end a test that hangs. Several waits of `WAIT_LIMIT` fit into one test, so a wait says first what did not come. */
const limits = {
  testTimeout: 5 * WAIT_LIMIT,
  hookTimeout: 5 * WAIT_LIMIT,
  expect: { poll: { timeout: WAIT_LIMIT, interval: 10 } },
} as const;

/** A test that runs `npx` or `npm install` of anything that is not here fails: no test downloads a program. */
const env = { npm_config_yes: 'false', npm_config_offline: 'true' } as const;

export default defineConfig({
  root,
  resolve: { alias },
  test: {
    globalSetup: './tests/helpers/build.ts',
    reporters: ['default', './tests/helpers/reporter.ts'],
    coverage: { provider: 'v8', include: ['src/**'], reportsDirectory: '.build/coverage' },
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          root,
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/integration/**', 'tests/load/**'],
          ...limits,
          env,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'integration',
          root,
          include: ['tests/integration/**/*.test.ts'],
          ...limits,
          env,
        },
      },
      {
        test: {
          name: 'load',
          root,
          include: ['tests/load/**/*.test.ts'],
          testTimeout: 10 * WAIT_LIMIT,
          // After the others: it takes the whole machine, and their time limits are theirs alone.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
