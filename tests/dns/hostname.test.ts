import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDnsbl } from '../../src/dns/dnsbl.ts';
import { confirmHostname, isHostname, resolvesTo } from '../../src/dns/hostname.ts';
import { reverseLabels, reverseName } from '../../src/dns/reverse-name.ts';
import { steadily } from '../helpers/steady.ts';

test.each([
  ['203.0.113.9', '9.113.0.203.in-addr.arpa'],
  ['2001:db8::567:89ab', 'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'],
  ['::1', `1.${'0.'.repeat(31)}ip6.arpa`],
  ['2001:db8::', `${'0.'.repeat(24)}8.b.d.0.1.0.0.2.ip6.arpa`],
  ['1:2:3:4:5:6:7:8', '8.0.0.0.7.0.0.0.6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.ip6.arpa'],
  ['::10.1.2.3', `3.0.2.0.1.0.a.0.${'0.'.repeat(24)}ip6.arpa`],
])('RFC 1035 and RFC 3596: the reverse name of %s', (address, name) => {
  expect(reverseName(address)).toBe(name);
});

test('RFC 5782 section 2.4: the example of an IPv6 address on a list', () => {
  expect(reverseLabels('2001:db8:1:2:3:4:567:89ab')).toBe('b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2');
});

describe('isHostname', () => {
  test.each([
    'user.example',
    'USER.example',
    'localhost',
    'a',
    '1.example',
    '3-100-51-198.isp.example',
    'a_b.example',
    'xn--bcher-kva.example',
    '1a',
  ])('%s is one', (name) => {
    expect(isHostname(name)).toBe(true);
  });

  test.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '-a',
    'a-',
    'a.-b',
    'a-.b',
    '1.2.3.4',
    '12',
    'a.12',
    '::1',
    'a:b',
    'a b',
    'a/b',
    'a@b',
    'a!b',
    '*',
    'a\n',
    'a\0',
    '\x03a',
    'ü',
  ])('W3 %j is none', (name) => {
    expect(isHostname(name)).toBe(false);
  });

  test('RFC 2812 section 1.1: 63 characters at most', () => {
    expect(isHostname(`${'a.'.repeat(31)}a`)).toBe(true);
    expect(isHostname(`${'a.'.repeat(31)}aa`)).toBe(false);
  });
});

describe('a name server that never answers', () => {
  let silent: Socket;
  let servers: string[];

  beforeAll(async () => {
    silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    servers = [`127.0.0.1:${silent.address().port}`];
  });
  afterAll(() => new Promise<void>((resolve) => silent.close(() => resolve())));

  test('costs the time limit, and confirms nothing', async () => {
    expect(await confirmHostname('203.0.113.9', { servers, timeout: 50 })).toBeNull();
    expect(await resolvesTo('user.example', '203.0.113.9', { servers, timeout: 50 })).toBe(false);
  });

  test('has nothing against anybody', async () => {
    expect(await checkDnsbl('203.0.113.9', ['dnsbl.example', 'other.example'], { servers, timeout: 50 })).toBeNull();
  });

  test('is asked more than once within the limit: a packet may be lost', async () => {
    await steadily(50, async () => {
      let questions = 0;
      const count = (): void => void questions++;
      silent.on('message', count);
      await confirmHostname('203.0.113.9', { servers, timeout: 400 });
      silent.off('message', count);
      expect(questions).toBeGreaterThan(1);
    });
  });

  test('is not waited for when the lookup is aborted', async () => {
    const client = new AbortController();
    const lookup = confirmHostname('203.0.113.9', { servers, timeout: 600_000, signal: client.signal });
    const list = checkDnsbl('203.0.113.9', ['dnsbl.example'], { servers, timeout: 600_000, signal: client.signal });
    const refusals = Promise.all([expect(lookup).rejects.toThrow('gone'), expect(list).rejects.toThrow('gone')]);
    await once(silent, 'message');
    client.abort(new Error('gone'));
    await refusals;
  });

  test('is not asked at all where the signal is aborted already, or the address is none', async () => {
    let questions = 0;
    const count = (): void => void questions++;
    silent.on('message', count);
    await expect(confirmHostname('203.0.113.9', { servers, signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    );
    for (const address of ['', '*', 'unix', 'user.example', '0.0.0.0', '1.2.3', 'fe80::1%lo']) {
      expect(await confirmHostname(address, { servers })).toBeNull();
      expect(await checkDnsbl(address, ['dnsbl.example'], { servers })).toBeNull();
      expect(await resolvesTo('user.example', address, { servers })).toBe(false);
    }
    expect(await checkDnsbl('203.0.113.9', [], { servers })).toBeNull();
    expect(await resolvesTo('no host name', '203.0.113.9', { servers })).toBe(false);
    silent.off('message', count);
    expect(questions).toBe(0);
  });
});

test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])('the timeout %j is none', async (timeout) => {
  await expect(confirmHostname('203.0.113.9', { timeout })).rejects.toThrow(RangeError);
});

test('a server that is no address is the caller’s error', async () => {
  await expect(confirmHostname('203.0.113.9', { servers: ['dns.example'] })).rejects.toThrow(TypeError);
});

test.each(['', '.', 'zone', 'a..b', 'a b.example', `${'a.'.repeat(100)}example`, '*.example', 'dnsbl.example/'])(
  'the zone %j is the operator’s error',
  async (zone) => {
    await expect(checkDnsbl('203.0.113.9', ['dnsbl.example', zone])).rejects.toThrow('<dnsbl:domain>');
  },
);
