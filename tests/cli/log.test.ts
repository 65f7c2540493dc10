import { expect, test } from 'vitest';
import { createLog } from '../../src/cli/log.ts';

test.each([
  ['as it is', 'refused 203.0.113.9: 403 no 😀', 'refused 203.0.113.9: 403 no 😀'],
  ['without line ends and escapes', 'a\r\nb\u001b[31m\u0085\u2028c', 'a??b?[31m??c'],
  ['cut', 'x'.repeat(2_000), 'x'.repeat(1_000)],
])('a line of the log, %s, with the time', (_, line, shown) => {
  const written: string[] = [];
  createLog((text) => void written.push(text))(line);
  expect(written).toHaveLength(1);
  expect(written[0]?.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, '')).toBe(`${shown}\n`);
});
