import { expect, test } from 'vitest';
import { parseWebirc } from '../../src/webirc/webirc.ts';

const LINE_SIZE = 16_000;
/** At a time that grows with the square of a line's length, these would take longer than any test may. */
const LINES = 2_000;

test.each([
  ['blanks and NUL', `WEBIRC${' '.repeat(LINE_SIZE)}\0`],
  ['blanks behind tags', `@${'a'.repeat(LINE_SIZE / 2)}${' '.repeat(LINE_SIZE / 2)}\0`],
  ['line ends', `WEBIRC a b c 192.0.2.1${'\r\n'.repeat(LINE_SIZE / 2)}x`],
  ['blanks between parameters', `WEBIRC a${' '.repeat(LINE_SIZE)}b`],
  ['a line of four megabytes', `WEBIRC${' '.repeat(4_000_000)}\0`],
])('M10: a WEBIRC line is read in linear time: %s', (_, line) => {
  for (let i = 0; i < LINES; i++) expect(parseWebirc(line)).toBeNull();
});
