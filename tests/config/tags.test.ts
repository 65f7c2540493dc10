import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTags } from '../../src/config/tags.ts';
import { ConfigError } from '../../src/errors.ts';

const simple = (text: string): unknown =>
  parseTags(text).map(({ name, line, entries }) => [name, line, Object.fromEntries(entries)]);

test('tags, keys and values, over any number of lines, with comments', () => {
  expect(
    simple(`# a comment with <tags> and "quotes"
<Bind address="0.0.0.0" # the rest of the line
      PORT = "8080"
      hook="websocket">
<x><y a="1"b="2">`),
  ).toEqual([
    ['bind', 2, { address: '0.0.0.0', port: '8080', hook: 'websocket' }],
    ['x', 5, {}],
    ['y', 5, { a: '1', b: '2' }],
  ]);
});

test('values may have several lines, entities and variables; # is nothing special in them', () => {
  expect(
    simple('<define name="net" value="Example"><a b="&quot;&amp;&lt;&gt;&nl;&#233;&#x1f600; &net; # not a comment\nsecond">'),
  ).toEqual([
    ['define', 1, { name: 'net', value: 'Example' }],
    ['a', 1, { b: '"&<>\né😀 Example # not a comment\nsecond' }],
  ]);
});

test('InspIRCd’s own entities, and variables in any case', () => {
  expect(
    simple('<define name="Net" value="Example"><a b="&apos;&newline;&AMP;&NET;&irc.bold;&irc.colour;4&irc.reset;">'),
  ).toEqual([
    ['define', 1, { name: 'Net', value: 'Example' }],
    ['a', 1, { b: "'\n&Example\x02\x034\x0f" }],
  ]);
});

test('directories and the environment are the caller’s to give', () => {
  const text = '<include file="&dir.config;/links.conf"><gateway password="&env.WEBIRC_PASSWORD;">';
  const tags = parseTags(text, { 'dir.config': '/etc/inspircd', 'env.webirc_password': 'a "quote" & more' });
  expect(tags.map(({ entries }) => [...entries.values()])).toEqual([['/etc/inspircd/links.conf'], ['a "quote" & more']]);
  expect(() => parseTags(text)).toThrow('unknown entity &dir.config;');
});

test('a key without a value is yes', () => {
  expect(simple('<a b c="d">')).toEqual([['a', 1, { b: 'yes', c: 'd' }]]);
});

test('an empty text has no tags', () => {
  expect(parseTags('\ufeff\n# nothing\n')).toEqual([]);
});

describe('what is wrong is refused with its line', () => {
  test.each([
    ['\n\nabc', 3, 'stands outside of a tag'],
    ['<>', 1, 'no name'],
    ['\n<a b="c"', 2, 'is not closed by ">"'],
    ['<a\nb="c>', 2, 'not closed by a quote'],
    ['<a b=c>', 1, 'quotes around the value of b'],
    ['<a b="1" b="2">', 1, 'appears twice'],
    ['<a b="&nope;">', 1, 'unknown entity &nope;'],
    ['<a b="&#0;">', 1, 'unknown entity'],
    ['<a b="&#99999999;">', 1, 'unknown entity'],
    ['<a b="& c">', 1, 'unknown entity'],
    ['<a !="c">', 1, 'cannot be in a key'],
    ['/* C */\n<a b="c">', 1, 'stands outside of a tag'],
    ["<a b='c'>", 1, 'quotes around the value of b'],
    ['<a b="x\\"y">', 1, 'cannot be in a key'],
    ['<define value="x">', 1, '<define:name> is missing'],
  ])('%j', (text, line, problem) => {
    let error: unknown;
    try {
      parseTags(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).line).toBe(line);
    expect((error as ConfigError).message).toContain(problem);
  });
});

/** Each error as it is told: the line, and the problem. */
function errorsOf(text: string, variables: Record<string, string> = {}): string[] {
  try {
    parseTags(text, variables);
  } catch (thrown) {
    return (thrown as ConfigError).errors.map(({ message }) => message);
  }
  return [];
}

describe('all errors of a text are told at once', () => {
  test('each with its line, and reading goes on behind it', () => {
    const text = `/* a comment of C
   over two lines */
<websocket defaultmode="text" defaultmode='binary' charset=utf-8>
<a b="&nope;" c="& this">
// another
<wsorigin allow="https://a.example>
<wsorigin allow="https://b.example">
<define value="x">
<x
  !="y">
<last`;
    expect(errorsOf(text)).toEqual([
      'line 1: text stands outside of a tag: a comment begins with "#"',
      'line 3: <websocket:defaultmode> appears twice',
      'line 3: <websocket> has no quotes around the value of defaultmode: they must be double',
      'line 3: <websocket> has no quotes around the value of charset',
      'line 4: <a:b> has an unknown entity &nope;',
      'line 4: <a:c> has an unknown entity: write "&amp;" for "&"',
      'line 5: text stands outside of a tag: a comment begins with "#"',
      'line 6: <wsorigin:allow> has a value that is not closed by a quote',
      'line 8: <define:name> is missing',
      'line 10: <x> has a character that cannot be in a key: "!"',
      'line 11: <last> is not closed by ">"',
    ]);
  });

  test('the error of one that has several tells how many, and has the first one’s place', () => {
    let error: ConfigError | undefined;
    try {
      parseTags('<a b=c>\n<d e=f>', {}, { file: 'gateway.conf' });
    } catch (thrown) {
      error = thrown as ConfigError;
    }
    expect(error?.message).toBe(
      '2 errors:\ngateway.conf: line 1: <a> has no quotes around the value of b\ngateway.conf: line 2: <d> has no quotes around the value of e',
    );
    expect([error?.tag, error?.line, error?.file, error?.problem]).toEqual([
      'a',
      1,
      'gateway.conf',
      'has no quotes around the value of b',
    ]);
    expect(error?.errors.map(({ errors, line }) => [errors.length, line])).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });
});

describe('an unclosed quote is found where it is, not where the next one ends', () => {
  test.each([
    ['at the end of a tag', '<a b="c>\n<d e="f">\n<g h="i">', 1],
    ['within a line', '\n<a b="c d="e">\n<g h="i">', 2],
    ['in a tag of several lines', '<a\n b="c"\n d="e\n f="g">\n<g h="i">', 3],
    ['before an empty value', '<a b="c>\n<d e="">\n<g h="i">', 1],
    ['in the last tag', '<g h="i">\n<a b="c>\n', 2],
  ])('%s', (_what, text, line) => {
    expect(errorsOf(text)).toEqual([`line ${line}: <a:${line === 3 ? 'd' : 'b'}> has a value that is not closed by a quote`]);
  });

  test.each(['<a b="c d=" e="f">', '<a b="c d=">', '<a b="c\n d=\n" e>', '<a b="c="d="e">', '<a b="c d" e="f">'])(
    '%j has none',
    (text) => {
      expect(errorsOf(text)).toEqual([]);
    },
  );
});

describe('what is said of other languages’ habits', () => {
  test.each([
    ['<!-- a comment --><a b="c">', 'line 1: a tag has no name: a comment begins with "#"'],
    ['<a b="c"></a>', 'line 1: a tag has no name: there are no closing tags'],
    ['<a /* b */ c="d">', 'line 1: <a> has a character that cannot be in a key: a comment begins with "#"'],
    ['<a b="c" // d\n>', 'line 1: <a> has a character that cannot be in a key: a comment begins with "#"'],
    ['; a comment of ini', 'line 1: text stands outside of a tag: a comment begins with "#"'],
    ['<a b="x\\"y">', 'line 1: <a> has a character that cannot be in a key: write "&quot;" for a quote within a value'],
    ['<a b=“c”>', 'line 1: <a> has no quotes around the value of b'],
    ['<a\n<b c="d">', 'line 1: <a> is not closed by ">"'],
    ['<a b=>', 'line 1: <a> has no quotes around the value of b'],
    ['origins = ["https://a.example"]', 'line 1: text stands outside of a tag'],
  ])('%s', (text, message) => {
    expect(errorsOf(text)).toEqual([message]);
  });
});

test('L9 no error shows a part of a value', () => {
  const secret = 'hunter2';
  for (const text of [
    `<define name="p" value="x&${secret};">`,
    `<webirc password="x&${secret};">`,
    `<webirc password="x& ${secret}">`,
    `<webirc passwordfile="x>\n<webirc password="${secret}">`,
    `<webirc password=${secret}>`,
    `<webirc password='${secret}'>`,
    `<webirc password="a"${secret}">`,
    `<webirc password="${secret}>`,
    `<a b="c">${secret}`,
    `<upstream pass="&${secret};" key="&${secret};">`,
  ]) {
    const errors = errorsOf(text);
    expect(errors.length, text).toBeGreaterThan(0);
    expect(errors.join('\n'), text).not.toContain(secret);
  }
});

test('any text is read or refused by ConfigErrors, in linear time', () => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '"',
    "'",
    '=',
    '&',
    ';',
    '#',
    '\n',
    ' ',
    '/',
    '*',
    'a',
    'define',
    'name',
    'value',
    '&amp;',
    '\\',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      let errors: readonly ConfigError[] = [];
      try {
        parseTags(text);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ConfigError);
        ({ errors } = thrown as ConfigError);
      }
      const lines = text.split('\n').length;
      for (const { line } of errors) expect((line as number) >= 1 && (line as number) <= lines).toBe(true);
    }),
    { numRuns: 2_000 },
  );
  for (const text of ['<', '<a b="', '&', '<a b="x=', "<a b='", '\n<a b="c']) errorsOf(text.repeat(20_000));
});
