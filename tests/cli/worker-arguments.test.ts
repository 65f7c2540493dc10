import { expect, test } from 'vitest';
import { workerArguments } from '../../src/cli/worker-arguments.ts';

test('a worker has the arguments of the primary, and a small young generation', () => {
  expect(workerArguments([], '')).toEqual(['--max-semi-space-size=2']);
  expect(workerArguments(['--enable-source-maps'], '--max-old-space-size=500')).toEqual([
    '--enable-source-maps',
    '--max-semi-space-size=2',
  ]);
});

test.each([
  [['--max-semi-space-size=16'], ''],
  [['--max_semi_space_size=16'], ''],
  [['--min-semi-space-size=16'], ''],
  [[], '--no-warnings --max-semi-space-size=8'],
])('an operator’s own size stays: %j, NODE_OPTIONS=%j', (primary, nodeOptions) => {
  expect(workerArguments(primary, nodeOptions)).toEqual(primary);
});
