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
    ['<a b="1" b="2">', 1, 'there twice'],
    ['<a b="&nope;">', 1, 'unknown entity &nope;'],
    ['<a b="&#0;">', 1, 'unknown entity'],
    ['<a b="&#99999999;">', 1, 'unknown entity'],
    ['<a b="& c">', 1, 'unknown entity'],
    ['<a !="c">', 1, 'no key'],
    ['/* C */\n<a b="c">', 1, 'stands outside of a tag'],
    ["<a b='c'>", 1, 'quotes around the value of b'],
    ['<a b="x\\"y">', 1, 'no key'],
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
