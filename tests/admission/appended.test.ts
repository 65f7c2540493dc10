/**
 * A client's address header with the element that the proxy appended behind it, as a new line or on the same one.
 *
 * The property: no byte that the client wrote changes what the proxy said. Either the client is who the proxy says, or the
 * request is a 400. The reference is independent of the reader: the grammar of RFC 7239 as one regular expression made of its
 * ABNF, and for X-Forwarded-For what the proxy wrote.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admit } from '../../src/admission/admission.ts';
import { compileConfig } from '../../src/config/config.ts';
import { HandshakeError } from '../../src/errors.ts';
import { startHook } from '../helpers/hook.ts';
import { handshake } from '../helpers/request.ts';

const MALFORMED = 'WebSocket: Received a proxied HTTP request that sent a malformed real IP address';

/** A request through one proxy, 10.0.0.1, or through two, 10.0.0.1 and 10.0.0.2. */
function outcome(proxyHeader: 'forwarded' | 'x-forwarded-for', lines: readonly string[]): string {
  const { rules } = compileConfig({ origins: ['https://chat.example.com'], proxyRanges: ['10.0.0.0/8'], proxyHeader });
  const fields = [
    ['Host', 'irc.example.com'],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Origin', 'https://chat.example.com'],
    ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ['Sec-WebSocket-Version', '13'],
    ...lines.map((line) => [proxyHeader, line]),
  ];
  const request = { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders: fields.flat() };
  try {
    const { facts } = admit(request, { address: '10.0.0.1', port: 4711, encrypted: false }, rules);
    return `${facts.client.address} ${facts.secure}`;
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    return `${error.status} ${error.reason}`;
  }
}

// RFC 9110 sections 5.6.2 to 5.6.4 and RFC 7239 section 4, rule by rule.
const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const quotedString = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"';
const ows = '[ \\t]*';
const pair = `${token}=(?:${token}|${quotedString})`;
const element = `(?:${pair})?(?:${ows};${ows}(?:${pair})?)*`;
const FORWARDED = new RegExp(`^${ows}${element}(?:${ows},${ows}${element})*${ows}$`);

/** Whether an element names a parameter twice; the element itself is well-formed. */
function hasDoubledParameter(line: string): boolean {
  const bare = line.replace(new RegExp(quotedString, 'g'), 'q');
  return bare.split(',').some((part) => {
    const names = part
      .split(';')
      .map((text) => text.split('=')[0]?.trim().toLowerCase())
      .filter((name) => name !== '');
    return new Set(names).size < names.length;
  });
}

const isWellFormed = (line: string): boolean => FORWARDED.test(line) && !hasDoubledParameter(line);

/** What proxies append, and what it says. */
const FORWARDED_ELEMENTS = [
  ['for=203.0.113.9', '203.0.113.9 false'],
  ['for="203.0.113.9:4711";proto=https', '203.0.113.9 true'],
  ['proto=http;for="[2001:db8::9]:4711";by=10.0.0.1', '2001:db8::9 false'],
  ['by="_a\\"b, c";for=203.0.113.9;host="chat.example.com:443";proto=https', '203.0.113.9 true'],
  ['for=203.0.113.9;proto=https, for=10.0.0.2;proto=http', '203.0.113.9 true'],
] as const;

/** What breaks readers of lists: separators, quotes, escapes, and pieces of what a proxy writes. */
const piece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('"', '\\', ',', ';', '=', ' ', '\t', '\\"', '""', '[', ']', ':', '(', '\xff') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'for=6.6.6.6',
      'for="6.6.6.6"',
      'for="[2001:db8::6]"',
      'proto=https',
      'proto="https"',
      'x="',
      ';x="',
      ', for=6.6.6.6;x="\\',
      'for',
      'host="a,b"',
      '10.0.0.3',
      'for=10.0.0.3',
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) },
);
const written = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('').replaceAll('\x7f', ''));

describe('Forwarded', () => {
  test('no byte that the client wrote changes what the proxy said', () => {
    const counts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(written, fc.constantFrom(...FORWARDED_ELEMENTS), fc.boolean(), (client, [appended, said], onSameLine) => {
        const lines = onSameLine ? [`${client}, ${appended}`] : [client, appended];
        const isRight = lines.every(isWellFormed);
        counts[isRight ? 'accepted' : 'refused']++;
        expect(outcome('forwarded', lines)).toBe(isRight ? said : `400 ${MALFORMED}`);
      }),
      { numRuns: 3_000 },
    );
    // Neither side of the property stands empty.
    expect(Math.min(counts.accepted, counts.refused)).toBeGreaterThan(200);
  });

  test.each([
    'for=6.6.6.6;x="',
    'for=6.6.6.6;proto=https;x="',
    'for=6.6.6.6;x="\\',
    'for=6.6.6.6;x=\\',
    'for=6.6.6.6;x',
    'for=6.6.6.6;x=',
    'for=6.6.6.6;x="a"b',
    'for="6.6.6.6',
    '"for=6.6.6.6',
    'for=6.6.6.6 proto=https',
    'for=6.6.6.6:4711',
    'for=[2001:db8::6]',
    'for = 6.6.6.6',
  ])('H1 %s spoils the field: the address of the proxy’s element is never replaced', (client) => {
    for (const [appended] of FORWARDED_ELEMENTS)
      expect(outcome('forwarded', [`${client}, ${appended}`])).toBe(`400 ${MALFORMED}`);
  });

  test('H1 over a real socket, as nginx appends: "$http_forwarded, for=$remote_addr"', async () => {
    const { port, nextSocket, sockets } = await startHook({ proxyRanges: ['loopback'], proxyHeader: 'forwarded' });
    const answer = await handshake(port, { Forwarded: 'for=6.6.6.6;proto=https;x=", for=203.0.113.9' });
    expect([answer.status, answer.body, sockets.length]).toEqual([400, MALFORMED, 0]);
    const next = nextSocket();
    expect((await handshake(port, { Forwarded: 'for=6.6.6.6;x="a, b", for=203.0.113.9' })).status).toBe(101);
    expect((await next).remoteAddress).toBe('203.0.113.9');
  });

  // A reader that takes quadratic time, or a frame of the stack for each element, does not come back from half a million.
  test.each(['"', '\\"', 'a="\\', ',', ';', 'a=b;', 'a="b",', 'for=6.6.6.6,', ' '])(
    'half a million bytes of %s are read',
    (client) => {
      const line = client.repeat(500_000 / client.length);
      expect(outcome('forwarded', [`${line}for=203.0.113.9`])).toMatch(/^(?:203\.0\.113\.9 false|400 .*)$/);
      expect(outcome('forwarded', [`x="${line}`])).toBe(`400 ${MALFORMED}`);
    },
  );
});

describe('X-Forwarded-For', () => {
  const LISTS = [
    ['203.0.113.9', '203.0.113.9 false'],
    ['2001:DB8::9', '2001:db8::9 false'],
    ['203.0.113.9, 10.0.0.2', '203.0.113.9 false'],
    ['203.0.113.9,10.0.0.3 , 10.0.0.2', '203.0.113.9 false'],
  ] as const;

  test('no byte that the client wrote changes what the proxy said', () => {
    fc.assert(
      fc.property(written, fc.constantFrom(...LISTS), fc.boolean(), (client, [appended, said], onSameLine) => {
        const lines = onSameLine ? [`${client}, ${appended}`] : [client, appended];
        expect(outcome('x-forwarded-for', lines)).toBe(said);
      }),
      { numRuns: 3_000 },
    );
  });
});
