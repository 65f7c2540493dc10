import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { truncateUtf8, Utf8Checker } from '../../src/protocol/utf8.ts';

function check(bytes: Uint8Array, cuts: readonly number[] = []): boolean {
  const checker = new Utf8Checker();
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (!checker.push(bytes, at, cut)) return false;
    at = cut;
  }
  return checker.complete;
}

describe('Utf8Checker', () => {
  test.each([
    ['overlong of 2 bytes', 'c080'],
    ['overlong of 3 bytes', 'e09fbf'],
    ['overlong of 4 bytes', 'f08fbfbf'],
    ['a surrogate', 'eda080'],
    ['beyond U+10FFFF', 'f4908080'],
    ['F5', 'f5808080'],
    ['a lone continuation byte', '80'],
    ['FF', 'ff'],
    ['a lead byte within a sequence', 'e2c3a9'],
  ])('U3 refuses %s, also across parts and behind a long text', (_name, hex) => {
    const bad = Buffer.from(hex, 'hex');
    expect(check(bad)).toBe(false);
    for (let cut = 1; cut < bad.length; cut++) expect(check(bad, [cut])).toBe(false);
    const long = Buffer.concat([Buffer.from('x'.repeat(100)), bad, Buffer.from('y'.repeat(100))]);
    expect(check(long)).toBe(false);
  });

  test('fails at the first wrong byte, not at the end of the character', () => {
    for (const [good, wrong] of [
      ['e0', '9f'],
      ['ed', 'a0'],
      ['f0', '8f'],
      ['f4', '90'],
      ['e282', '28'],
    ] as const) {
      const checker = new Utf8Checker();
      const first = Buffer.from(good, 'hex');
      expect(checker.push(first, 0, first.length)).toBe(true);
      expect(checker.push(Buffer.from(wrong, 'hex'), 0, 1)).toBe(false);
    }
  });

  test('an unfinished character is not complete', () => {
    for (const hex of ['c3', 'e282', 'f09f98']) {
      const checker = new Utf8Checker();
      const bytes = Buffer.concat([Buffer.alloc(50, 0x61), Buffer.from(hex, 'hex')]);
      expect(checker.push(bytes, 0, bytes.length)).toBe(true);
      expect(checker.complete).toBe(false);
      checker.reset();
      expect(checker.complete).toBe(true);
    }
  });

  test('agrees with the native check on any bytes in any parts', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: 'binary', maxLength: 120 }).map((text) => new Uint8Array(Buffer.from(text))),
      fc.tuple(fc.string({ unit: 'binary', maxLength: 80 }), fc.nat(300), fc.nat(255)).map(([text, at, byte]) => {
        const changed = new Uint8Array(Buffer.from(`${text}é😀`));
        changed[at % changed.length] = byte;
        return changed;
      }),
    );
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(200), { maxLength: 4 }), (input, places) => {
        const cuts = places.map((place) => place % (input.length + 1)).sort((a, b) => a - b);
        expect(check(input, cuts)).toBe(isUtf8(input));
      }),
      { numRuns: 2_000 },
    );
  });
});

test('truncateUtf8 cuts at a code point, never over the size', () => {
  expect(truncateUtf8('äöü', 3).toString()).toBe('ä');
  expect(truncateUtf8('a😀', 4).toString()).toBe('a');
  expect(truncateUtf8('a😀', 5).toString()).toBe('a😀');
  expect(truncateUtf8('abc', 123).toString()).toBe('abc');
});
