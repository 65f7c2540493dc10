import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../../.build/load/lost-network.js', import.meta.url));

test('1,000 clients lose their network at once, three times: every line once and in order, both ways, and the server sees nobody leave', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, '--clients', '1000', '--losses', '3']);
  expect(stdout).toContain('0 promises broken');
  expect(stdout.match(/loss \d: 1000 suspended/g), stdout).toHaveLength(3);
});
