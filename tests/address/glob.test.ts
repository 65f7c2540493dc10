import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileGlob, MAX_GLOB_SIZE } from '../../src/address/glob.ts';

/** The ten lines that say what a glob is. */
function reference(pattern: string, text: string): boolean {
  const fold = (c: string): string => (c >= 'A' && c <= 'Z' ? c.toLowerCase() : c);
  let rows: boolean[] = Array.from({ length: text.length + 1 }, (_, i) => i === 0);
  for (const p of pattern) {
    const next: boolean[] = [p === '*' && (rows[0] as boolean)];
    for (let i = 1; i <= text.length; i++) {
      const fits = p === '?' || fold(p) === fold(text[i - 1] as string);
      next.push(p === '*' ? (rows[i] as boolean) || (next[i - 1] as boolean) : (rows[i - 1] as boolean) && fits);
    }
    rows = next;
  }
  return rows[text.length] as boolean;
}

test('does what the reference does, on patterns and texts of few letters', () => {
  const letters = fc.constantFrom(...'aAbB/.:[](){}!|\\+^$?-_~\'"');
  const pattern = fc
    .array(fc.oneof({ weight: 3, arbitrary: letters }, { weight: 2, arbitrary: fc.constantFrom('*', '?') }), { maxLength: 12 })
    .map((c) => c.join(''));
  const text = fc.array(letters, { maxLength: 14 }).map((c) => c.join(''));
  fc.assert(
    fc.property(pattern, text, (p, t) => {
      expect(compileGlob(p)(t)).toBe(reference(p, t));
    }),
    { numRuns: 5_000 },
  );
});

test('a text made of its pattern matches it', () => {
  const piece = fc.stringMatching(/^[a-z[\](){}!|\\.:/]{0,8}$/);
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 8 }),
      fc.array(piece, { minLength: 8, maxLength: 8 }),
      (pieces, fillers) => {
        const text = pieces.map((one, i) => one + (i < pieces.length - 1 ? fillers[i] : '')).join('');
        expect(compileGlob(pieces.join('*'))(text)).toBe(true);
        expect(compileGlob(pieces.join('*').toUpperCase())(text)).toBe(true);
      },
    ),
  );
});

test('O5 only ASCII folds: the long s is no s, the Kelvin sign no k', () => {
  expect(compileGlob('*s*')('\u017f')).toBe(false);
  expect(compileGlob('k')('\u212a')).toBe(false);
});

test('S5 the worst patterns do a bounded number of steps: text times pattern at the most', () => {
  // A pattern that is exponential to a backtracking matcher would never come back from these.
  const worst = [
    '*a'.repeat(MAX_GLOB_SIZE / 2),
    `${'a*'.repeat(MAX_GLOB_SIZE / 2 - 1)}b`,
    `${'?*'.repeat(100)}b`,
    `*${'a'.repeat(200)}b*`,
  ];
  for (const pattern of worst) {
    const matches = compileGlob(pattern);
    for (let i = 0; i < 50; i++) matches('a'.repeat(1_024));
    expect(matches(`${'a'.repeat(1_023)}c`)).toBe(false);
  }
});
