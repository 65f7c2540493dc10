import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileOrigins, isSerialisedOrigin, wideOrigins } from '../../src/admission/origin.ts';
import { ConfigError } from '../../src/errors.ts';

/** What an origin is, once more and without a regular expression for the host: printable ASCII but for six characters. */
function isOrigin(text: string): boolean {
  const [, scheme = '', rest = ''] = /^([^:]*):\/\/(.*)$/s.exec(text) ?? [];
  const isScheme = /^[A-Za-z][A-Za-z0-9+.-]*$/.test(scheme);
  return isScheme && rest !== '' && [...rest].every((c) => c > ' ' && c < '\x7f' && !'/?#@\\,'.includes(c));
}

function isAccepted(pattern: string): boolean {
  try {
    compileOrigins([pattern]);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return false;
  }
}

describe('serialised origins', () => {
  test.each([
    ['https://chat.example.com', true],
    ['https://chat.example.com:8443', true],
    ['HTTP://CHAT.EXAMPLE.COM', true],
    ['https://[2001:db8::1]:8443', true],
    ['moz-extension://0b1c-4d', true],
    ['app+x.y://a', true],
    ['https://xn--bcher-kva.example', true],
    ['https://a_b.example', true],
    ['', false],
    ['null', false],
    ['https://', false],
    ['https:/a', false],
    ['://a.example', false],
    ['1http://a.example', false],
    ['https://a.example/', false],
    ['https://a.example/chat', false],
    ['https://a.example?x', false],
    ['https://a.example#x', false],
    ['https://u:p@a.example', false],
    ['https://a.example\\b', false],
    ['https://a.example https://b.example', false],
    ['https://a.example, https://b.example', false],
    ['https://a.example\r\nX: y', false],
    ['https://a.example\n', false],
    ['\nhttps://a.example', false],
    ['https://a.example\0', false],
    ['https://a.example\t', false],
    ['https://b\xc3\xbccher.example', false],
    ['https://a.example\x7f', false],
    ['https://a.example\u2028', false],
  ])('O3 N18 N19 %j: %s', (value, is) => {
    expect(isSerialisedOrigin(value)).toBe(is);
    expect(compileOrigins(['*'])(value)).toBe(is || value === 'null' ? '*' : null);
  });

  test('are the same to a slower reader, for any text', () => {
    const text = fc.array(fc.constantFrom(...'aZ9+-.:/?#@\\,[]*!~ \t\n\r\0\x7f\xe9'), { maxLength: 12 }).map((c) => c.join(''));
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((rest) => `https://${rest}`),
        ),
        (value) => {
          expect(isSerialisedOrigin(value)).toBe(isOrigin(value));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('end at 1,024 characters', () => {
    const match = compileOrigins(['https://*.example.com']);
    const origin = (size: number): string => `https://${'a'.repeat(size - 20)}.example.com`;
    expect(match(origin(1_024))).toBe('https://*.example.com');
    expect(match(origin(1_025))).toBeNull();
  });
});

describe('patterns', () => {
  test.each([
    ['https://*.example.com', 'https://a.example.com', true],
    ['https://*.example.com', 'https://a.b.example.com', true],
    ['https://*.example.com', 'https://.example.com', true],
    ['https://*.example.com', 'HTTPS://A.EXAMPLE.COM', true],
    ['HTTPS://*.EXAMPLE.COM', 'https://a.example.com', true],
    ['https://*.example.com', 'https://example.com', false],
    ['https://*.example.com', 'https://evilexample.com', false],
    ['https://*.example.com', 'https://a.example.com.', false],
    ['https://*.example.com', 'https://a.example.com:443', false],
    ['https://*.example.com', 'http://a.example.com', false],
    ['https://*.example.com', 'https://a.example.com.evil.test', false],
    ['https://**.example.com', 'https://a.example.com', true],
    ['https://*example.com', 'https://evilexample.com', true],
    ['http://localhost*', 'http://localhost.evil.test', true],
    ['http://localhost:*', 'http://localhost:8080', true],
    ['http://localhost:*', 'http://localhost', false],
    ['https://?.example', 'https://a.example', true],
    ['https://?.example', 'https://ab.example', false],
    ['https://?.example', 'https://.example', false],
    ['http?://a.example', 'https://a.example', true],
    ['http?://a.example', 'http://a.example', false],
    ['https://[2001:db8::1]', 'https://[2001:db8::1]', true],
    ['https://[2001:db8::1]', 'https://2', false],
    ['https://[ab].example', 'https://a.example', false],
    ['https://{a,b}.example'.replace(',', ';'), 'https://{a;b}.example', true],
    ['https://(a|b).example', 'https://a.example', false],
    ['https://(a|b).example', 'https://(a|b).example', true],
    ['https://!a.example', 'https://b.example', false],
    ['https://!a.example', 'https://!a.example', true],
    ['https://!(a).example', 'https://b.example', false],
    ['https://+(a).example', 'https://aa.example', false],
    ['https://a.example$', 'https://a.example', false],
    ['https://a^b', 'https://a^b', true],
    ['*', 'https://anything.example:1', true],
    ['*.example.com', 'https://a.example.com', true],
    ['*//a.example', 'https://a.example', true],
  ])('%s takes %s: %s', (pattern, origin, is) => {
    expect(compileOrigins(['https://other.example', pattern])(origin)).toBe(is ? pattern : null);
  });

  test('N5 two Origin fields that a proxy joined match nothing', () => {
    expect(compileOrigins(['*good.example'])('https://evil.example, https://good.example')).toBeNull();
  });

  test.each([
    ['http://localhost:8080/', 'trailing slash'],
    ['https://example.com/chat', 'path'],
    ['https://*/chat', 'path'],
    ['*.example.com/', 'trailing slash'],
    ['https://*/', 'trailing slash'],
    ['https://a.example#x', '"#", which no Origin has'],
    ['https://u@a.example', '"@", which no Origin has'],
    ['https://a.example,https://b.example', 'path'],
    ['a,b*', '",", which no Origin has'],
    ['https://a\\b', 'which no Origin has'],
    ['https://b\xfccher.example', 'which no Origin has'],
    ['https://a.example\n', 'which no Origin has'],
    [' https://a.example', 'which no Origin has'],
    ['example.com', 'scheme://host'],
    ['NULL', 'scheme://host'],
    ['https://', 'scheme://host'],
    ['https:/a.example', 'path'],
    ['://a.example', 'scheme://host'],
    ['1http://a.example', 'scheme://host'],
    ['?', 'scheme://host'],
    ['', 'is empty'],
    [`https://${'a'.repeat(293)}`, 'has 301 characters, limit 300'],
  ])('O2 %j can never match, and is refused', (pattern, problem) => {
    expect(() => compileOrigins(['https://ok.example', pattern])).toThrow(ConfigError);
    expect(() => compileOrigins(['https://ok.example', pattern])).toThrow(problem);
  });

  test('O2 of all short patterns exactly those are refused that match no origin', () => {
    const fillers = ['', 'a', 'a:', 'a:/', 'a://', 'a://a', ':', ':/', '://', '://a', '/', '//', '//a', '/a'];
    const spellings = (pattern: string): string[] =>
      [...pattern].reduce(
        (texts, c) =>
          (c === '*' ? fillers : c === '?' ? ['a', ':', '/'] : [c]).flatMap((part) => texts.map((text) => text + part)),
        [''],
      );
    let patterns = [''];
    for (let size = 1; size <= 4; size++) {
      patterns = patterns.flatMap((start) => [...'a:/*?'].map((c) => start + c));
      for (const pattern of patterns) {
        const canMatch = spellings(pattern).some(isOrigin);
        // Four wildcards may be meant for `null`: they are let through, and match nothing.
        if (pattern !== '????') expect([pattern, isAccepted(pattern)]).toEqual([pattern, canMatch]);
      }
    }
  });

  test('O8 none at all is an error', () => {
    expect(() => compileOrigins([])).toThrow('<wsorigin> is missing');
  });
});

describe('null', () => {
  test.each([
    ['null', 'null'],
    ['*', '*'],
    ['*null', null],
    ['n?ll', null],
    ['????', null],
    ['https://*', null],
  ])('O6 the pattern %j: %j', (pattern, found) => {
    expect(compileOrigins([pattern])('null')).toBe(found);
  });

  test('O5 is lower case', () => {
    expect(compileOrigins(['null', '*'])('NULL')).toBeNull();
  });
});

test('patterns that come to the whole web are told apart from those that do not', () => {
  const wide = ['*', '**', 'http://*', 'https://*', 'HTTPS://**', '*://*', 'http*', 'https://*.*', 'https://?*'];
  const narrow = ['null', 'https://*.example.com', 'https://*.com', 'http://localhost*', 'http://*:8080', 'https://a.example'];
  expect(wideOrigins([...wide, ...narrow])).toEqual(wide);
});
