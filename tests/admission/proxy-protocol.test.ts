import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readProxyHeader } from '../../src/admission/proxy-protocol.ts';

const v1 = (line: string): Buffer => Buffer.from(line, 'latin1');
const SIGNATURE = '0d0a0d0a000d0a515549540a';
/** Version 2: command and family in hex, then the body; the length is right unless it is given. */
const v2 = (head: string, body: string, size = body.length / 2): Buffer =>
  Buffer.from(`${SIGNATURE}${head}${size.toString(16).padStart(4, '0')}${body}`, 'hex');

const IPV4 = 'cb007109' + '0a000001' + 'd431' + '01bb';
const IPV6 = '20010db8000000000000000000000007' + '20010db8000000000000000000000001' + 'd431' + '01bb';

describe('good headers', () => {
  test.each([
    ['PROXY TCP4 203.0.113.9 10.0.0.1 54321 443\r\n', { address: '203.0.113.9', port: 54_321 }, 1, undefined],
    ['PROXY TCP6 2001:DB8::7 2001:db8::1 54321 443\r\n', { address: '2001:db8::7', port: 54_321 }, 1, undefined],
    ['PROXY TCP6 ::ffff:203.0.113.9 ::ffff:10.0.0.1 1 2\r\n', { address: '203.0.113.9', port: 1 }, 1, undefined],
    ['PROXY UNKNOWN\r\n', null, 1, undefined],
    ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', null, 1, undefined],
    [v2('2111', IPV4), { address: '203.0.113.9', port: 54_321 }, 2, undefined],
    [v2('2121', IPV6), { address: '2001:db8::7', port: 54_321 }, 2, undefined],
    [
      v2('2121', `${'0'.repeat(20)}ffffcb007109${'0'.repeat(31)}10001d4`.padEnd(72, '0')),
      { address: '203.0.113.9', port: 1 },
      2,
      undefined,
    ],
    [v2('2000', ''), null, 2, undefined],
    [v2('2111', `${IPV4}040003aabbcc`), { address: '203.0.113.9', port: 54_321 }, 2, undefined],
    [v2('2111', `${IPV4}2000050100000000`), { address: '203.0.113.9', port: 54_321 }, 2, true],
    [v2('2111', `${IPV4}2000050000000000`), { address: '203.0.113.9', port: 54_321 }, 2, false],
    [v2('2011', IPV4), null, 2, undefined],
    [v2('2131', '00'.repeat(216)), null, 2, undefined],
  ] as const)('%# whole, in every part, and with a tail', (header, client, version, secure) => {
    const bytes = typeof header === 'string' ? v1(header) : header;
    const found = { size: bytes.length, version, client, secure };
    for (let cut = 0; cut < bytes.length; cut++) expect(readProxyHeader(bytes.subarray(0, cut))).toBe('incomplete');
    expect(readProxyHeader(bytes)).toEqual(found);
    expect(readProxyHeader(Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1')]))).toEqual(found);
  });
});

describe('what is no header', () => {
  test.each([
    'GET / HTTP/1.1\r\n',
    'NICK x\r\n',
    'PROXY\r\n\r\n',
    'proxy TCP4 203.0.113.9 10.0.0.1 1 2\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 1 2 3\r\n',
    'PROXY TCP4 203.0.113.9  10.0.0.1 1 2\r\n',
    'PROXY TCP4 2001:db8::7 10.0.0.1 1 2\r\n',
    'PROXY TCP6 203.0.113.9 10.0.0.1 1 2\r\n',
    'PROXY TCP4 256.0.113.9 10.0.0.1 1 2\r\n',
    'PROXY TCP4 0.0.0.0 10.0.0.1 1 2\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 01 2\r\n',
    'PROXY TCP4 203.0.113.9 10.0.0.1 65536 2\r\n',
    'PROXY UDP4 203.0.113.9 10.0.0.1 1 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
    `PROXY TCP4 ${'1'.repeat(120)}`,
  ])('%j', (text) => {
    expect(readProxyHeader(v1(text))).toBeNull();
  });

  test.each([
    ['version 1 in a version 2 header', v2('1111', IPV4)],
    ['an unknown command', v2('2211', IPV4)],
    ['an unknown family', v2('2141', IPV4)],
    ['UDP', v2('2112', IPV4)],
    ['too few bytes for its addresses', v2('2111', IPV4.slice(0, 20))],
    ['a length beyond any bound', v2('2111', IPV4, 60_000)],
    ['a value that overruns the header', v2('2111', `${IPV4}20000501`)],
    ['half a value', v2('2111', `${IPV4}2000`)],
    ['an unspecified address', v2('2111', `${'00000000'.repeat(2)}00000000`)],
  ])('%s', (_what, bytes) => {
    expect(readProxyHeader(bytes)).toBeNull();
  });

  test('any bytes give an answer, and never throw', () => {
    const start = fc.constantFrom(Buffer.from('PROXY TCP4 '), Buffer.from(SIGNATURE, 'hex'), Buffer.alloc(0));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (prefix, rest) => {
        const found = readProxyHeader(Buffer.concat([prefix, rest]));
        if (found !== null && found !== 'incomplete') expect(found.size).toBeLessThanOrEqual(prefix.length + rest.length);
      }),
    );
  });
});
