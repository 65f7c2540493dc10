/**
 * The byte sequences of cases 6.5 to 6.23, group by group: the first group is 6.5, its first sequence 6.5.1.
 *
 * They follow Markus Kuhn's decoder test; a group is sequences that are UTF-8 (`good`), or that are not. 6.6 is made of both.
 */

export interface SequenceGroup {
  readonly title: string;
  readonly sequences: readonly { readonly hex: string; readonly isUtf8: boolean }[];
}

const good = (title: string, ...hex: string[]): SequenceGroup => ({
  title,
  sequences: hex.map((one) => ({ hex: one, isUtf8: true })),
});
const bad = (title: string, ...hex: string[]): SequenceGroup => ({
  title,
  sequences: hex.map((one) => ({ hex: one, isUtf8: false })),
});
/** The bytes from `first` up to, and without, `end`. */
const run = (first: number, end: number, suffix = ''): string =>
  Array.from({ length: end - first }, (_, i) => (first + i).toString(16) + suffix).join('');

const KOSME = 'cebae1bdb9cf83cebcceb5';
/** How many bytes of it end between two characters. */
const KOSME_BOUNDARIES = [2, 5, 7, 9, 11];
const CUT = ['c0', 'e080', 'f08080', 'f8808080', 'fc80808080', 'df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'];

export const SEQUENCE_GROUPS: readonly SequenceGroup[] = [
  good(
    'valid text',
    '68656c6c6f24776f726c64',
    '68656c6c6fc2a2776f726c64',
    '68656c6c6fe282ac776f726c64',
    '68656c6c6ff0a4ada2776f726c64',
    KOSME,
  ),
  {
    title: 'a prefix of valid text',
    sequences: Array.from({ length: KOSME.length / 2 }, (_, i) => ({
      hex: KOSME.slice(0, 2 * (i + 1)),
      isUtf8: KOSME_BOUNDARIES.includes(i + 1),
    })),
  },
  good('first sequence of a length', '00', 'c280', 'e0a080', 'f0908080'),
  bad('first sequence of 5 and 6 bytes', 'f888808080', 'fc8480808080'),
  good('last sequence of a length', '7f', 'dfbf', 'efbfbf', 'f48fbfbf'),
  bad('last sequence of 4, 5 and 6 bytes', 'f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf'),
  {
    title: 'boundary',
    sequences: [...good('', 'ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf').sequences, ...bad('', 'f4908080').sequences],
  },
  bad('continuation bytes alone', '80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf', run(0x80, 0xbf)),
  bad(
    'lead bytes alone',
    run(0xc0, 0xdf, '20'),
    run(0xe0, 0xef, '20'),
    run(0xf0, 0xf7, '20'),
    run(0xf8, 0xfb, '20'),
    run(0xfc, 0xfd, '20'),
  ),
  bad('the last byte missing', ...CUT),
  bad('sequences without their last bytes in a row', CUT.join('')),
  bad('impossible bytes', 'fe', 'ff', 'fefeffff'),
  bad('overlong slash', 'c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af'),
  bad('longest overlong sequence', 'c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf'),
  bad('overlong NUL', 'c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080'),
  bad('single surrogate', 'eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf'),
  bad('paired surrogates', ...['eda080', 'edadbf', 'edae80', 'edafbf'].flatMap((high) => [`${high}edb080`, `${high}edbfbf`])),
  good(
    'noncharacter',
    'efbfbe',
    'efbfbf',
    ...[
      'f09f',
      'f0af',
      'f0bf',
      'f18f',
      'f19f',
      'f1af',
      'f1bf',
      'f28f',
      'f29f',
      'f2af',
      'f2bf',
      'f38f',
      'f39f',
      'f3af',
      'f3bf',
      'f48f',
    ].flatMap((plane) => [`${plane}bfbe`, `${plane}bfbf`]),
  ),
  good('specials', 'efbfb9', 'efbfba', 'efbfbb', 'efbfbc', 'efbfbd', 'efbfbe', 'efbfbf'),
];
