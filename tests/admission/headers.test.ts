import { describe, expect, test } from 'vitest';
import { headerList, headerValue, headerValues, trimOws } from '../../src/admission/headers.ts';

const RAW = ['Origin', 'a', 'X-LIST', ' b ,, c', 'oRiGiN', '\t d \t', 'x-list', 'e', 'Origins', 'f', 'X-Empty', ''];

describe('fields by name', () => {
  test('N5 H1 every line counts, in any case, in order', () => {
    expect(headerValues(RAW, 'origin')).toEqual(['a', 'd']);
    expect(headerValue(RAW, 'origin')).toBe('a');
  });

  test('an empty field is not a missing one', () => {
    expect([headerValue(RAW, 'x-empty'), headerValue(RAW, 'x-none')]).toEqual(['', undefined]);
  });

  test('N7 the lines of a list are one list, without its empty elements', () => {
    expect(headerList(RAW, 'x-list')).toEqual(['b', 'c', 'e']);
    expect(headerList(RAW, 'x-empty')).toEqual([]);
  });

  test('a value is no name', () => {
    expect(headerValues(['X', 'Origin', 'Origin', 'a'], 'origin')).toEqual(['a']);
  });
});

test.each([
  ['', ''],
  [' \t ', ''],
  ['a', 'a'],
  [' a b\t', 'a b'],
  ['\n a\r', '\n a\r'],
  ['\xa0a', '\xa0a'],
])('H3 H12 of %j spaces and tabs alone are trimmed', (value, trimmed) => {
  expect(trimOws(value)).toBe(trimmed);
});
