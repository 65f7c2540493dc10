import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

/**
 * Three projects: `unit` needs nothing but Node, `integration` needs the real peers (a browser, nginx, HAProxy, InspIRCd, …), `load` needs what
 * `npm run test:load` builds first.
 * The aliases let tests and examples import the package by its public name, from source.
 */
const alias = [
  { find: /^ircd-websocket$/, replacement: source('index.ts') },
  { find: /^ircd-websocket\/(protocol|gateway|testing)$/, replacement: source('$1/index.ts') },
];

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
          testTimeout: 20_000,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'integration',
          root,
          include: ['tests/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'load',
          root,
          include: ['tests/load/**/*.test.ts'],
          testTimeout: 240_000,
          // After the others: it takes the whole machine, and their time limits are theirs alone.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
