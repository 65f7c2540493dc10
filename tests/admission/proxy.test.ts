import { describe, expect, test } from 'vitest';
import { compileRanges } from '../../src/address/ranges.ts';
import { type ProxyHeader, type ProxyRules, type ResolvedClient, resolveClient } from '../../src/admission/proxy.ts';
import type { HandshakeError } from '../../src/errors.ts';

const RANGES = ['10.0.0.0/8', '192.168.*', '::1', 'unix'];
const MISSING = 'WebSocket: Received a proxied HTTP request that did not send a real IP address header';
const MALFORMED = 'WebSocket: Received a proxied HTTP request that sent a malformed real IP address';

function resolve(
  peer: string,
  fields: readonly (readonly [string, string])[],
  header: ProxyHeader = 'auto',
  directClients: 'reject' | 'accept' = 'reject',
): ResolvedClient | string | null {
  const rules: ProxyRules = { trusted: compileRanges(RANGES, { tag: 'websocket', key: 'proxyranges' }), header, directClients };
  try {
    return resolveClient(fields.flat(), peer, rules);
  } catch (error) {
    expect((error as HandshakeError).status).toBe(400);
    return (error as HandshakeError).reason;
  }
}

const address = (result: ResolvedClient | string | null): string | null =>
  typeof result === 'object' && result !== null ? result.address : result;

const ADDRESSES: [sent: string, expected: string][] = [
  ['203.0.113.9', '203.0.113.9'],
  ['  203.0.113.9\t', '203.0.113.9'],
  ['2001:db8::1', '2001:db8::1'],
  ['2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
  ['::1', '::1'],
  ['0::1', '::1'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['::ffff:cb00:7109', '203.0.113.9'],
  ...[
    '[2001:db8::1]',
    '[2001:db8::1]:443',
    '1.2.3.4:80',
    'fe80::1%lo',
    'unknown',
    '_hidden',
    '1.2.3',
    '256.1.1.1',
    '01.02.03.04',
    '3405803783',
    '0xcb007107',
    '10.0.0.0/8',
    '*',
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '224.0.0.1',
    'ff02::1',
    'localhost',
    'x'.repeat(500),
    '203.0.113.7\0x',
    '"203.0.113.9"',
    '203.0.113.9;',
    '-1.2.3.4',
    '1.2.3.4.5',
    'unix',
  ].map((sent): [string, string] => [sent, MALFORMED]),
];

/** What an element of a list may have besides, RFC 7239 section 6: brackets and a port. */
const NODES: ReadonlyMap<string, string> = new Map([
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['1.2.3.4:80', '1.2.3.4'],
]);

describe('a trusted peer, one field with one address', () => {
  for (const [name, header] of [
    ['X-Real-IP', 'auto'],
    ['x-real-ip', 'x-real-ip'],
    ['X-Forwarded-For', 'auto'],
    ['X-FORWARDED-FOR', 'x-forwarded-for'],
    ['CF-Connecting-IP', 'cf-connecting-ip'],
    ['True-Client-IP', 'true-client-ip'],
  ] as const) {
    test.each(ADDRESSES)(`P9 P10 P16 ${name} (${header}): %j gives %j`, (sent, expected) => {
      const isList = name.toLowerCase() === 'x-forwarded-for';
      expect(address(resolve('10.0.0.1', [[name, sent]], header))).toBe((isList && NODES.get(sent)) || expected);
    });
  }
});

describe('an element of X-Forwarded-For may have a port and brackets, as in RFC 7239', () => {
  test.each([
    ['203.0.113.9:4711', '203.0.113.9', 4711],
    ['203.0.113.9:0', '203.0.113.9', 0],
    ['203.0.113.9:65535', '203.0.113.9', 65_535],
    ['[2001:DB8::9]', '2001:db8::9', undefined],
    ['[2001:db8::9]:4711', '2001:db8::9', 4711],
    ['[::ffff:203.0.113.9]:4711', '203.0.113.9', 4711],
    ['203.0.113.9:_hidden', '203.0.113.9', undefined],
    // Not a port: the whole of it is an address.
    ['2001:db8::9:4711', '2001:db8::9:4711', undefined],
    ['6.6.6.6:1, 203.0.113.9:2, 10.0.0.7:3', '203.0.113.9', 2],
    ['6.6.6.6, [2001:db8::9]:2, [::1]:3', '2001:db8::9', 2],
  ])('%s', (value, expected, port) => {
    expect(resolve('10.0.0.1', [['X-Forwarded-For', value]])).toMatchObject({ address: expected, port });
  });

  test.each([
    '203.0.113.9:65536',
    '203.0.113.9:',
    '203.0.113.9:+1',
    '203.0.113.9:1:2',
    '[203.0.113.9]:1',
    '[2001:db8::9',
    '2001:db8::9]',
    '[2001:db8::9]443',
    '[fe80::1%eth0]:1',
    '[::]:1',
    '0.0.0.0:1',
    'unknown:1',
    '"203.0.113.9:1"',
    ':1',
    `[${':'.repeat(8_000)}]`,
  ])('P9 %.40s is malformed', (value) => {
    expect(resolve('10.0.0.1', [['X-Forwarded-For', value]])).toBe(MALFORMED);
  });
});

describe('any other field is one address', () => {
  test.each(['fly-client-ip', 'x-azure-clientip', 'x-my-proxy-says'])('%s', (header) => {
    expect(resolve('10.0.0.1', [[header.toUpperCase(), '203.0.113.9']], header)).toMatchObject({ address: '203.0.113.9' });
    expect(resolve('10.0.0.1', [[header, '203.0.113.9, 203.0.113.10']], header)).toBe(MALFORMED);
    expect(resolve('10.0.0.1', [[header, '203.0.113.9:1']], header)).toBe(MALFORMED);
    expect(resolve('10.0.0.1', [['X-Real-IP', '203.0.113.9']], header)).toBe(MISSING);
  });

  test('its name stands in the provenance', () => {
    expect(resolve('10.0.0.1', [['Fly-Client-IP', '203.0.113.9']], 'fly-client-ip')).toMatchObject({
      provenance: 'Fly-Client-IP, trusted by 10.0.0.0/8',
    });
  });
});

describe('lists are walked from the right', () => {
  test.each([
    ['P3 the leftmost is whatever the client wrote', ['6.6.6.6, 203.0.113.9'], '203.0.113.9'],
    ['P3 over trusted hops', ['6.6.6.6, 203.0.113.9, 10.1.1.1, 192.168.3.4'], '203.0.113.9'],
    ['P4 all trusted: the earliest', ['192.168.1.1, 10.1.1.1'], '192.168.1.1'],
    ['P5 two lines are one list', ['6.6.6.6, 203.0.113.9', '10.1.1.1'], '203.0.113.9'],
    ['P17 the line that the proxy appended counts', ['6.6.6.6', '203.0.113.9'], '203.0.113.9'],
    ['empty elements are skipped', [' , 203.0.113.9, ,'], '203.0.113.9'],
    ['garbage left of the client is not read', ['<script>, unknown, 203.0.113.9, 10.0.0.2'], '203.0.113.9'],
    ['P4 garbage before the client was found is refused', ['203.0.113.9, unknown'], MALFORMED],
    ['P4 garbage behind a trusted hop too', ['203.0.113.9, x, 10.0.0.2'], MALFORMED],
    ['IPv6 hops', ['2001:db8::7, ::1'], '2001:db8::7'],
    ['P8 a mapped trusted hop', ['203.0.113.9, ::ffff:10.0.0.5'], '203.0.113.9'],
    ['only commas', [', ,'], MISSING],
  ])('%s', (_what, lines, expected) => {
    const fields = lines.map((line) => ['X-Forwarded-For', line] as const);
    expect(address(resolve('10.0.0.1', fields))).toBe(expected);
    expect(address(resolve('10.0.0.1', fields, 'x-forwarded-for'))).toBe(expected);
  });

  test('the provenance says which hop, and who vouched for it; via has the proxies, the nearest to the client first', () => {
    expect(resolve('10.0.0.1', [['X-Forwarded-For', '6.6.6.6, 203.0.113.9, 192.168.7.7']])).toEqual({
      address: '203.0.113.9',
      port: undefined,
      via: ['192.168.7.7', '10.0.0.1'],
      provenance: 'X-Forwarded-For hop 2 of 3, trusted by 192.168.*',
      secure: undefined,
    });
    expect(resolve('unix', [['X-Real-IP', '203.0.113.9']])).toMatchObject({
      provenance: 'X-Real-IP, trusted by unix',
      via: ['unix'],
    });
  });
});

describe('auto', () => {
  test.each([
    ['X-Real-IP wins', '203.0.113.1', '203.0.113.2', '203.0.113.1'],
    ['also where it is malformed', 'unknown', '203.0.113.2', MALFORMED],
    ['an empty one counts as absent', '', '203.0.113.2', '203.0.113.2'],
    ['blanks too', '  ', '203.0.113.2', '203.0.113.2'],
    ['both empty', '', '', MISSING],
  ])('P5 %s', (_what, real, forwarded, expected) => {
    expect(
      address(
        resolve('10.0.0.1', [
          ['X-Forwarded-For', forwarded],
          ['X-Real-IP', real],
        ]),
      ),
    ).toBe(expected);
  });

  test('P6 no field at all is refused: never the proxy’s own address', () => {
    expect(resolve('10.0.0.1', [])).toBe(MISSING);
    expect(
      resolve('10.0.0.1', [
        ['Forwarded', 'for=203.0.113.9'],
        ['CF-Connecting-IP', '203.0.113.9'],
        ['X_Real_IP', '203.0.113.9'],
      ]),
    ).toBe(MISSING);
  });

  test('P17 with a field named, no other is looked at', () => {
    expect(
      address(
        resolve(
          '10.0.0.1',
          [
            ['X-Real-IP', '6.6.6.6'],
            ['X-Forwarded-For', '203.0.113.9'],
          ],
          'x-forwarded-for',
        ),
      ),
    ).toBe('203.0.113.9');
    expect(resolve('10.0.0.1', [['X-Real-IP', '6.6.6.6']], 'cf-connecting-ip')).toBe(MISSING);
  });
});

describe('Forwarded, RFC 7239', () => {
  test.each([
    ['for=203.0.113.9', '203.0.113.9', undefined, undefined],
    ['For="203.0.113.9:4711"', '203.0.113.9', 4711, undefined],
    ['for="[2001:db8::1]"', '2001:db8::1', undefined, undefined],
    ['for="[2001:db8::1]:4711";proto=https;by=10.0.0.1', '2001:db8::1', 4711, true],
    ['proto=http;for=203.0.113.9', '203.0.113.9', undefined, false],
    ['for=6.6.6.6, for=203.0.113.9;proto=https, for=10.9.9.9;proto=http', '203.0.113.9', undefined, true],
    ['for=6.6.6.6;host="a,b;c=\\"d", for=203.0.113.9', '203.0.113.9', undefined, undefined],
  ] as const)('%s', (value, expected, port, secure) => {
    expect(resolve('10.0.0.1', [['Forwarded', value]], 'forwarded')).toMatchObject({ address: expected, port, secure });
  });

  test.each([
    ['for=unknown', MALFORMED],
    ['for=_hidden', MALFORMED],
    ['for=2001:db8::1', MALFORMED],
    ['for="[203.0.113.9]"', MALFORMED],
    ['for=203.0.113.9;for=6.6.6.6', MALFORMED],
    ['for=203.0.113.9:99999', MALFORMED],
    ['for="203.0.113.9', MALFORMED],
    ['proto=https', MALFORMED],
    ['for=', MALFORMED],
    [`for="${'['.repeat(5_000)}"`, MALFORMED],
    ['', MISSING],
    [', ,', MISSING],
  ])('P9 %s', (value, expected) => {
    expect(resolve('10.0.0.1', [['Forwarded', value]], 'forwarded')).toBe(expected);
  });
});

describe('a peer outside the ranges', () => {
  test('P1 P7 reject: a well-formed field is required, and then ignored', () => {
    expect(resolve('203.0.113.50', [['X-Real-IP', '6.6.6.6']])).toBeNull();
    expect(resolve('203.0.113.50', [])).toBe(MISSING);
    expect(resolve('203.0.113.50', [['X-Real-IP', 'x']])).toBe(MALFORMED);
  });

  test('P7 accept: fields are not even read', () => {
    expect(resolve('203.0.113.50', [['X-Real-IP', 'x']], 'auto', 'accept')).toBeNull();
    expect(resolve('203.0.113.50', [], 'auto', 'accept')).toBeNull();
    // A trusted peer still has to tell.
    expect(resolve('10.0.0.1', [], 'auto', 'accept')).toBe(MISSING);
  });
});

describe('secure', () => {
  test.each([
    [['https'], true],
    [['HTTPS'], true],
    [['wss'], true],
    [['http'], false],
    [['https,http'], false],
    [['http, https'], true],
    [['https', 'http'], false],
    [['true'], false],
    [[''], undefined],
    [[], undefined],
  ])('P14 X-Forwarded-Proto %j is %s: the last proxy’s word', (values, secure) => {
    const fields = [['X-Real-IP', '203.0.113.9'] as const, ...values.map((value) => ['X-Forwarded-Proto', value] as const)];
    expect(resolve('10.0.0.1', fields)).toMatchObject({ secure });
  });
});
