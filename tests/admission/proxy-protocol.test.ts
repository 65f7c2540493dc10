import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ProxyHeaderFound, readProxyHeader } from '../../src/admission/proxy-protocol.ts';

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
    const found = expect.objectContaining({ size: bytes.length, version, client, secure });
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
    'PROXY TCP4 203.0.113.9 nonsense 1 2\r\n',
    'PROXY TCP4 203.0.113.9 2001:db8::1 1 2\r\n',
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

/** A type-length-value. */
const tlv = (type: number, value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value as string, 'latin1');
  return Buffer.concat([Buffer.of(type, bytes.length >> 8, bytes.length & 0xff), bytes]);
};
const AUTHORITY = 0x02;
const SSL = 0x20;
const [VERSION, CN, CIPHER] = [0x21, 0x22, 0x23];
const CERTFP = 0xe0;
/** PP2_TYPE_SSL: flags, whether the certificate was verified (0: it was), then values of its own. */
const ssl = (flags: number, verify: number, ...values: readonly Buffer[]): Buffer =>
  tlv(
    SSL,
    Buffer.concat([Buffer.of(flags, verify >> 24, (verify >> 16) & 0xff, (verify >> 8) & 0xff, verify & 0xff), ...values]),
  );
const header = (...values: readonly Buffer[]): Buffer => v2('2111', IPV4 + Buffer.concat([...values]).toString('hex'));

const DIGEST = '0123456789abcdef'.repeat(4);
const TLS = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  authority: 'irc.example.com',
  commonName: 'dædalus',
  fingerprint: DIGEST,
  isVerified: true,
};

describe('what a proxy knows of the client’s TLS, and of its own end', () => {
  test('all of it', () => {
    const bytes = header(
      tlv(AUTHORITY, 'irc.Example.com'),
      tlv(CERTFP, DIGEST.toUpperCase()),
      tlv(0x04, 'padding'),
      ssl(0x07, 0, tlv(VERSION, TLS.version), tlv(CN, Buffer.from(TLS.commonName)), tlv(0x24, 'sha256'), tlv(CIPHER, TLS.cipher)),
      tlv(0xef, ''),
    );
    const found = readProxyHeader(bytes);
    expect(found).toEqual({
      size: bytes.length,
      version: 2,
      client: { address: '203.0.113.9', port: 54_321 },
      local: { address: '10.0.0.1', port: 443 },
      secure: true,
      tls: TLS,
    });
    expect(Object.isFrozen((found as ProxyHeaderFound).tls)).toBe(true);
  });

  test.each([
    ['no value at all', [], undefined, null],
    [
      'no TLS at the proxy: neither a name nor a fingerprint counts',
      [ssl(0, 1), tlv(CERTFP, DIGEST), tlv(AUTHORITY, 'a')],
      false,
      null,
    ],
    ['a fingerprint without a word on TLS', [tlv(CERTFP, DIGEST)], undefined, null],
    [
      'TLS and nothing else',
      [ssl(1, 1)],
      true,
      { version: null, cipher: null, authority: null, commonName: null, fingerprint: null, isVerified: false },
    ],
    ['no certificate is not a verified one', [ssl(1, 0)], true, { isVerified: false }],
    [
      'a certificate that was not verified',
      [ssl(3, 0x12345678, tlv(CN, 'admin'))],
      true,
      { commonName: 'admin', isVerified: false },
    ],
    ['a certificate of the session', [ssl(5, 0)], true, { isVerified: true }],
    ['T4 a fingerprint of 19 bytes', [ssl(1, 0), tlv(CERTFP, Buffer.alloc(19, 0xab))], true, { fingerprint: null }],
    ['T4 a SHA-1 digest', [ssl(1, 0), tlv(CERTFP, Buffer.alloc(20, 0xab))], true, { fingerprint: 'ab'.repeat(20) }],
    ['T4 a SHA-256 digest', [ssl(1, 0), tlv(CERTFP, Buffer.alloc(32, 0xab))], true, { fingerprint: 'ab'.repeat(32) }],
    ['T4 an odd number of digits', [ssl(1, 0), tlv(CERTFP, 'abc')], true, { fingerprint: null }],
    ['T4 130 digits', [ssl(1, 0), tlv(CERTFP, 'a'.repeat(130))], true, { fingerprint: null }],
    ['T4 an empty fingerprint', [ssl(1, 0), tlv(CERTFP, '')], true, { fingerprint: null }],
    ['T4 a fingerprint with a colon', [ssl(1, 0), tlv(CERTFP, 'ab:cd:ef:')], true, { fingerprint: null }],
    ['a name that would be a line of its own', [ssl(3, 0, tlv(CN, 'x\r\nQUIT'))], true, { commonName: null }],
    ['a name that is not UTF-8', [ssl(3, 0, tlv(CN, 'x\xff'))], true, { commonName: null }],
    ['a name that never ends', [ssl(3, 0, tlv(CN, 'x'.repeat(257)))], true, { commonName: null }],
    ['T4 TLS within TLS is a value that nobody reads', [ssl(1, 0, ssl(0, 1), ssl(0, 1))], true, { version: null }],
    ['T4 an authority within TLS is not one', [ssl(1, 0, tlv(AUTHORITY, 'a/b'))], true, { authority: null }],
    ['repeated padding', [tlv(0x04, ''), tlv(0x04, ''), ssl(1, 0)], true, {}],
  ] as const)('%s', (_what, values, secure, tls) => {
    const found = readProxyHeader(header(...values)) as ProxyHeaderFound;
    expect(found.secure).toBe(secure);
    if (tls === null) expect(found.tls).toBeNull();
    else expect(found.tls).toMatchObject(tls);
  });

  test.each([
    ['T4 a value that overruns', [tlv(AUTHORITY, 'abc').subarray(0, 5)]],
    ['T4 half of a length', [Buffer.of(AUTHORITY, 0)]],
    ['T4 TLS with four bytes', [tlv(SSL, '\x01\0\0\0')]],
    ['T4 a nested value that overruns', [ssl(1, 0, tlv(VERSION, 'TLSv1.3').subarray(0, 6))]],
    ['T4 a nested value that overruns, where TLS is not used', [ssl(0, 0, tlv(VERSION, 'TLSv1.3').subarray(0, 6))]],
    ['T4 TLS twice', [ssl(1, 0), ssl(0, 1)]],
    ['T4 two authorities', [tlv(AUTHORITY, 'a'), tlv(AUTHORITY, 'b')]],
    ['T4 two fingerprints', [ssl(1, 0), tlv(CERTFP, 'ab'), tlv(CERTFP, 'cd')]],
    ['T4 two versions', [ssl(1, 0, tlv(VERSION, 'TLSv1.3'), tlv(VERSION, 'TLSv1.2'))]],
    ['T4 an authority with a slash', [tlv(AUTHORITY, 'a/b')]],
    ['T4 an authority with NUL', [tlv(AUTHORITY, 'a\0b')]],
    ['T4 an authority with a line feed', [tlv(AUTHORITY, 'a\nb')]],
    ['T4 an authority of 256 bytes', [tlv(AUTHORITY, 'a'.repeat(256))]],
    ['T4 an empty authority', [tlv(AUTHORITY, '')]],
    ['a version with a blank', [ssl(1, 0, tlv(VERSION, 'TLS v1'))]],
    ['an empty cipher', [ssl(1, 0, tlv(CIPHER, ''))]],
  ] as const)('%s: not a header', (_what, values) => {
    expect(readProxyHeader(header(...values))).toBeNull();
  });

  test.each([
    ['2111', 'cb007109' + 'e0000001' + 'd431' + '01bb', null],
    ['2111', 'cb007109' + '00000000' + 'd431' + '01bb', null],
    ['2111', 'cb007109' + 'c6336401' + 'd431' + '0000', { address: '198.51.100.1', port: 0 }],
    ['2121', IPV6, { address: '2001:db8::1', port: 443 }],
  ] as const)('T4 the destination need not be an address of this machine: %s %s', (family, body, local) => {
    expect(readProxyHeader(v2(family, body))).toMatchObject({ local });
  });

  test('version 1 tells its own end too', () => {
    expect(readProxyHeader(v1('PROXY TCP4 203.0.113.9 10.0.0.1 54321 443\r\n'))).toMatchObject({
      local: { address: '10.0.0.1', port: 443 },
      tls: null,
    });
  });

  test('a header with mutated bytes is read as another one, or refused: never more bytes, never a wrong kind of text', () => {
    const whole = header(
      tlv(AUTHORITY, 'irc.example.com'),
      ssl(7, 0, tlv(VERSION, TLS.version), tlv(CN, 'name'), tlv(CIPHER, TLS.cipher)),
      tlv(CERTFP, DIGEST),
    );
    const mutation = fc.record({ at: fc.nat(whole.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
    let read = 0;
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.nat(whole.length), (mutations, cut) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of mutations) bytes[at] = byte;
        const found = readProxyHeader(bytes);
        // Whatever is refused early is refused for good, and what is waited for was not read before.
        const early = readProxyHeader(bytes.subarray(0, cut));
        if (early === null) expect(found).toBeNull();
        if (found === null || found === 'incomplete') return;
        read++;
        expect(found.size).toBeLessThanOrEqual(bytes.length);
        expect(found.tls === null || found.secure === true).toBe(true);
        const { version, cipher, authority, commonName, fingerprint } = found.tls ?? {};
        for (const text of [version, cipher, authority, commonName]) expect(text ?? '').not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(fingerprint ?? '').toMatch(/^(?:[\da-f]{2}){0,64}$/);
      }),
      { numRuns: 5_000 },
    );
    expect(read).toBeGreaterThan(500);
  });
});

/** What HAProxy 2.6 sends with `send-proxy-v2 proxy-v2-options crc32c`, from 127.0.0.1:40000 to 127.0.0.1:18101. */
const HAPROXY = '0d0a0d0a000d0a515549540a211100137f0000017f0000019c4046b5030004fa11914b';
/** IPv6, a value before the checksum and two behind it; the checksum is that of another implementation. */
const AMIDST =
  '0d0a0d0a000d0a515549540a2121004820010db800000000000000000000000720010db8000000000000000000000001d43101bb' +
  '02000f6972632e6578616d706c652e636f6d0300046a24d9ad0400002000050100000001';

describe('the checksum', () => {
  test.each([
    [HAPROXY, { client: { address: '127.0.0.1', port: 40_000 }, local: { address: '127.0.0.1', port: 18_101 }, tls: null }],
    [AMIDST, { client: { address: '2001:db8::7', port: 54_321 }, secure: true, tls: { authority: 'irc.example.com' } }],
  ])('is right: %# whole, byte by byte, and with a tail', (hex, said) => {
    const bytes = Buffer.from(hex, 'hex');
    for (let cut = 0; cut < bytes.length; cut++) expect(readProxyHeader(bytes.subarray(0, cut))).toBe('incomplete');
    expect(readProxyHeader(bytes)).toMatchObject({ size: bytes.length, version: 2, ...said });
    expect(readProxyHeader(Buffer.concat([bytes, Buffer.from('hello')]))).toMatchObject({ size: bytes.length, ...said });
    // Nor does the header's place in a larger buffer matter, and reading leaves the bytes as they were.
    const within = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('hello')]).subarray(6);
    expect(readProxyHeader(within)).toMatchObject({ size: bytes.length, ...said });
    expect(within.toString('hex', 0, bytes.length)).toBe(hex);
  });

  test('of a header with any one bit turned over is wrong: not a header', () => {
    const bytes = Buffer.from(HAPROXY, 'hex');
    const type = bytes.indexOf('030004', 16, 'hex');
    for (let bit = 8 * 16; bit < 8 * bytes.length; bit++) {
      const at = bit >> 3;
      // Under another type it is no checksum.
      if (at === type) continue;
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ (0x80 >> (bit & 7));
      expect(readProxyHeader(damaged)).toBeNull();
    }
  });

  test.each([
    ['of three bytes', v2('2111', `${IPV4}030003fa1191`)],
    ['of five bytes', v2('2111', `${IPV4}030005fa11914b00`)],
    ['of no byte', v2('2111', `${IPV4}030000`)],
    ['of zeros', v2('2111', `${IPV4}03000400000000`)],
    ['twice', Buffer.from(`${HAPROXY.slice(0, 30)}1a${HAPROXY.slice(32)}${HAPROXY.slice(-14)}`, 'hex')],
  ])('%s: not a header', (_what, bytes) => {
    expect(readProxyHeader(bytes)).toBeNull();
  });

  test('of a health check is not read, as in HAProxy; a value of type 3 within those of TLS is no checksum', () => {
    expect(readProxyHeader(v2('2011', `${IPV4}03000400000000`))).toMatchObject({ client: null });
    expect(readProxyHeader(header(ssl(1, 0, tlv(0x03, '1234'))))).toMatchObject({ secure: true });
  });
});
