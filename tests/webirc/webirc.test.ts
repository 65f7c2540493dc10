import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ircAddress } from '../../src/address/ranges.ts';
import { formatWebirc, parseWebirc, readWebircAddress, type WebircRequest } from '../../src/webirc/webirc.ts';

const request = (over: Partial<WebircRequest> = {}): WebircRequest => ({
  password: 'hunter2',
  gateway: 'ExampleGateway',
  hostname: '198.51.100.3',
  address: '198.51.100.3',
  options: new Map(),
  ...over,
});

describe('parseWebirc', () => {
  test.each([
    [
      'WEBIRC hunter2 ExampleGateway 3-100-51-198.location.example-isp.com 198.51.100.3',
      '3-100-51-198.location.example-isp.com',
      [],
    ],
    ['WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3', '198.51.100.3', []],
    ['WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3 secure', '198.51.100.3', [['secure', '']]],
    [
      'WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3 :secure=examplevalue local-port=6697 remote-port=21726',
      '198.51.100.3',
      [
        ['secure', 'examplevalue'],
        ['local-port', '6697'],
        ['remote-port', '21726'],
      ],
    ],
  ])('the examples of the specification: %s', (line, hostname, options) => {
    expect(parseWebirc(line)).toEqual(request({ hostname, options: new Map(options as [string, string][]) }));
  });

  test.each([
    'webirc hunter2 ExampleGateway 198.51.100.3 198.51.100.3\r\n',
    ':somebody WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3',
    '@time=now;a=b :somebody WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3',
    'WEBIRC   hunter2  ExampleGateway 198.51.100.3   198.51.100.3  ',
    'WEBIRC hunter2 ExampleGateway 198.51.100.3 :198.51.100.3',
    'WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3 :',
    'WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3 :   ',
  ])('W6 any case, prefix, tags, blanks and empty options, as InspIRCd: %j', (line) => {
    expect(parseWebirc(line)).toEqual(request());
  });

  test('W6 a sixth parameter is not read', () => {
    const line = 'WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3 secure remote-port=1';
    expect(parseWebirc(line)?.options).toEqual(new Map([['secure', '']]));
  });

  test('takes the parameters of a server that has split the line', () => {
    expect(parseWebirc(['hunter2', 'ExampleGateway', '198.51.100.3', '198.51.100.3', 'secure a=b'])).toEqual(
      request({
        options: new Map([
          ['secure', ''],
          ['a', 'b'],
        ]),
      }),
    );
  });

  test.each([
    '',
    'WEBIRC',
    'WEBIRC\r\n',
    'WEBIRC ',
    'WEBIRC a b c',
    'WEBIRC a b c ',
    'WEBIRC a b :c d e f',
    'WEBIRC  gw host 192.0.2.1',
    'WEBIRCX a b c d',
    'XWEBIRC a b c d',
    'NICK WEBIRC a b c d',
    'WEBIRC a b c d\r\nNICK x',
    'WEBIRC a b c\0 d',
  ])('no request: %j', (line) => {
    expect(parseWebirc(line)).toBeNull();
  });

  test('no request: fewer than four parameters', () => {
    expect(parseWebirc([])).toBeNull();
    expect(parseWebirc(['a', 'b', 'c'])).toBeNull();
  });

  test.each([
    ['0::1', '0::1'],
    [':::1', '::1'],
    ['::1', ':1'],
    ['::1:9 :secure', ':1:9 :secure'],
    [':', ''],
    ['*', '*'],
  ])('W4 W16 the address is given as it was sent, whatever it is: %j', (text, address) => {
    expect(parseWebirc(`WEBIRC a b c ${text}`)?.address).toBe(address);
  });

  test.each([
    ['secure', [['secure', '']]],
    ['secure=', [['secure', '']]],
    ['SECURE', [['SECURE', '']]],
    ['a=b=c', [['a', 'b=c']]],
    ['=x  a', [['a', '']]],
    ['a=1 a=2', [['a', '2']]],
    [
      'constructor __proto__=x',
      [
        ['constructor', ''],
        ['__proto__', 'x'],
      ],
    ],
    ['a=\\:\\s\\\\\\r\\n', [['a', '; \\\r\n']]],
    ['a=\\b\\', [['a', 'b']]],
  ])('W6 options: %j', (text, options) => {
    expect([...(parseWebirc(`WEBIRC a b c d :${text}`)?.options ?? [])]).toEqual(options);
  });
});

describe('formatWebirc', () => {
  test.each([
    [request(), 'WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3'],
    [request({ hostname: 'user.example' }), 'WEBIRC hunter2 ExampleGateway user.example 198.51.100.3'],
    [request({ hostname: '' }), 'WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3'],
    [request({ hostname: '', address: '2001:DB8:0::9' }), 'WEBIRC hunter2 ExampleGateway 2001:db8::9 2001:db8::9'],
    [request({ options: new Map([['secure', '']]) }), 'WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3 :secure'],
    [
      request({
        options: new Map([
          ['secure', ''],
          ['remote-port', '21726'],
          ['note', 'a; b\\c\r\n'],
        ]),
      }),
      'WEBIRC hunter2 ExampleGateway 198.51.100.3 198.51.100.3 :secure remote-port=21726 note=a\\:\\sb\\\\c\\r\\n',
    ],
  ])('line %#', (given, line) => {
    expect(formatWebirc(given)).toBe(line);
  });

  test.each([
    ['::1', '0::1'],
    ['0::1', '0::1'],
    ['[::1]', '0::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:201', '192.0.2.1'],
    ['::10.1.2.3', '0::10.1.2.3'],
  ])('W4 W5 no address begins with a colon, none is mapped: %s is sent as %s', (address, sent) => {
    expect(formatWebirc(request({ address, hostname: address }))).toBe(`WEBIRC hunter2 ExampleGateway ${sent} ${sent}`);
  });

  test.each([
    ['address', '*'],
    ['address', ''],
    ['address', '1.2.3'],
    ['address', 'user.example'],
    ['address', '0.0.0.0'],
    ['address', '::'],
    ['address', 'fe80::1%eth0'],
    ['password', ''],
    ['password', 'two words'],
    ['password', ':colon'],
    ['gateway', 'a\nQUIT'],
    ['gateway', 'nul\0'],
    ['hostname', 'a b'],
    ['hostname', ':x'],
    ['hostname', 'x\r'],
  ])('W3 refuses what no IRC line can hold: %s %j', (key, value) => {
    expect(() => formatWebirc(request({ [key]: value }))).toThrow(expect.objectContaining({ code: 'ERR_WEBIRC' }));
  });

  test.each(['', 'a b', 'a=b', 'a\n', 'a\0'])('refuses the option name %j', (name) => {
    expect(() => formatWebirc(request({ options: new Map([[name, 'x']]) }))).toThrow(
      expect.objectContaining({ code: 'ERR_WEBIRC' }),
    );
  });

  test('refuses NUL in an option’s value: there is no escape for it', () => {
    expect(() => formatWebirc(request({ options: new Map([['a', 'x\0']]) }))).toThrow('the option a has a NUL');
  });

  test('a line has 510 bytes, not characters', () => {
    const fixed = 'WEBIRC hunter2 ExampleGateway  198.51.100.3'.length;
    const hostname = 'é'.repeat((510 - fixed) / 2);
    const rest = 'x'.repeat(510 - fixed - Buffer.byteLength(hostname));
    expect(Buffer.byteLength(formatWebirc(request({ hostname: hostname + rest })))).toBe(510);
    expect(() => formatWebirc(request({ hostname: `${hostname}${rest}x` }))).toThrow('WEBIRC line of 511 bytes, limit 510');
  });

  test('the password is in no error', () => {
    expect(() => formatWebirc(request({ password: 'top secret' }))).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('secret') }),
    );
  });
});

describe('parse(format(x)) = x', () => {
  const characters = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
  const param = characters.filter((text) => /^[^\0\r\n :][^\0\r\n ]*$/.test(text));
  const address = fc.oneof(fc.ipV4(), fc.ipV6()).filter((text) => readWebircAddress(text) !== null);
  const hostname = param.filter((text) => readWebircAddress(text) === null);
  const name = characters.filter((text) => /^[^\0\r\n =]+$/.test(text));
  const options = fc
    .array(
      fc.tuple(
        name,
        fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.includes('\0')),
      ),
      { maxLength: 3 },
    )
    .map((pairs) => new Map(pairs));

  test('for every request that can be sent; the address in the spelling for IRC', () => {
    fc.assert(
      fc.property(param, param, hostname, address, options, (password, gateway, host, ip, some) => {
        const sent: WebircRequest = {
          password,
          gateway,
          hostname: host,
          address: ircAddress(readWebircAddress(ip) as string),
          options: some,
        };
        let line: string;
        try {
          line = formatWebirc({ ...sent, address: ip });
        } catch (error) {
          expect((error as Error).message).toMatch(/^WEBIRC line of \d+ bytes/);
          return;
        }
        expect(line).not.toMatch(/[\0\r\n]/);
        expect(parseWebirc(line)).toEqual(sent);
        expect(parseWebirc(`${line}\r\n`)).toEqual(sent);
        expect(readWebircAddress(sent.address)).toBe(readWebircAddress(ip));
      }),
    );
  });

  test('whatever comes, parsing never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parseWebirc(text);
        parseWebirc(`WEBIRC ${text}`);
        parseWebirc(text.split(' '));
      }),
    );
  });
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['0::1', '::1'],
  ['[::1]', '::1'],
  ['[2001:DB8::9]', '2001:db8::9'],
  ['2001:0db8:0000:0000:0000:0000:0000:0009', '2001:db8::9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['0::ffff:cb00:7109', '203.0.113.9'],
])('W4 W5 the address %s is %s', (text, canonical) => {
  expect(readWebircAddress(text)).toBe(canonical);
});

test.each([
  '*',
  '*.example',
  '',
  '1.2.3',
  '01.2.3.4',
  '256.1.1.1',
  '3405803783',
  '0xcb007107',
  '1.2.3.4:80',
  '[1.2.3.4]',
  '[::1',
  '::1]',
  '[::1]:80',
  '[[::1]]',
  'fe80::1%lo',
  '::gg',
  ':1',
  ':1:9 secure',
  'user.example',
  '0.0.0.0',
  '::',
  '255.255.255.255',
  '224.0.0.1',
  'ff02::1',
  '1.2.3.4/32',
  ' 1.2.3.4',
  'unix',
])('W2 W16 P16 %j is no address', (text) => {
  expect(readWebircAddress(text)).toBeNull();
});
