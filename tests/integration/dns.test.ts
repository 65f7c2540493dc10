import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDnsbl } from '../../src/dns/dnsbl.ts';
import { confirmHostname, resolvesTo } from '../../src/dns/hostname.ts';
import { reverseLabels, reverseName } from '../../src/dns/reverse-name.ts';
import { createWebirc } from '../../src/webirc/gateways.ts';
import type { WebircAccepted } from '../../src/webirc/verdict.ts';
import { parseWebirc } from '../../src/webirc/webirc.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { requirePeer } from '../helpers/peers.ts';
import { PlainIrc } from '../helpers/plain-irc.ts';
import { RawClient } from '../helpers/raw-client.ts';

const unbound = requirePeer('unbound');

const V6 = '2001:db8::9';
const MANY = Array.from({ length: 10 }, (_, i) => `203.0.113.${100 + i}`);

/** The whole DNS of these tests: `name type value`. */
const RECORDS = [
  // Both ways.
  `${reverseName('203.0.113.9')} PTR user.example`,
  'user.example A 203.0.113.9',
  `${reverseName(V6)} PTR user6.example`,
  `user6.example AAAA ${V6}`,
  // Several answers, the right one last.
  `${reverseName('203.0.113.10')} PTR many.example`,
  ...MANY.map((address) => `many.example A ${address}`),
  'many.example A 203.0.113.10',
  `${reverseName('2001:db8::10')} PTR many6.example`,
  'many6.example AAAA 2001:db8::aaaa',
  'many6.example AAAA 2001:db8::10',
  // Several names, one of them honest.
  `${reverseName('203.0.113.11')} PTR liar.example`,
  `${reverseName('203.0.113.11')} PTR Honest.EXAMPLE`,
  'honest.example A 203.0.113.11',
  'liar.example A 203.0.113.99',
  // The name leads elsewhere, nowhere, to the other family, or is none.
  `${reverseName('203.0.113.12')} PTR www.victim.example`,
  'www.victim.example A 198.51.100.80',
  `${reverseName('203.0.113.13')} PTR nowhere.example`,
  `${reverseName('203.0.113.14')} PTR six.example`,
  'six.example AAAA 2001:db8::14',
  `${reverseName('203.0.113.15')} PTR 203.0.113.15`,
  '203.0.113.15 A 203.0.113.15',
  `${reverseName('203.0.113.16')} PTR ${'a.'.repeat(29)}example`,
  `${'a.'.repeat(29)}example A 203.0.113.16`,
  // More names than are tried, the honest one last.
  ...Array.from({ length: 8 }, (_, i) => `${reverseName('203.0.113.18')} PTR n${i}.example`),
  `${reverseName('203.0.113.18')} PTR n8.example`,
  'n8.example A 203.0.113.18',
  // The zone "silent.example" never answers.
  `${reverseName('203.0.113.17')} PTR host.silent.example`,
  // Lists. 127.0.0.2 is RFC 5782's test entry.
  `${reverseLabels('127.0.0.2')}.one.dnsbl.example A 127.0.0.2`,
  `${reverseLabels('203.0.113.66')}.one.dnsbl.example A 127.0.0.9`,
  `${reverseLabels('203.0.113.66')}.one.dnsbl.example A 127.0.0.3`,
  `${reverseLabels('203.0.113.66')}.one.dnsbl.example TXT "open\\010proxy"`,
  `${reverseLabels('203.0.113.66')}.two.dnsbl.example A 127.0.0.14`,
  `${reverseLabels('2001:db8::66')}.two.dnsbl.example A 127.0.0.5`,
  `${reverseLabels('203.0.113.67')}.two.dnsbl.example A 127.0.0.7`,
  `${reverseLabels('203.0.113.68')}.one.dnsbl.example A 198.51.100.1`,
  `${reverseLabels('203.0.113.69')}.one.dnsbl.example A 127.255.255.254`,
];

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

describe.skipIf(unbound === null)('against unbound', () => {
  let folder: string;
  let server: ChildProcess;
  let servers: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-dns-'));
    // A port that is free now may be taken until unbound is there.
    for (let tries = 0; servers.length === 0; tries++) {
      const error = await startUnbound(await freePort());
      if (error !== null && tries === 5) throw new Error(`unbound did not start: ${error}`);
    }
  });

  /** Returns why it did not start, or `null`. */
  async function startUnbound(port: number): Promise<string | null> {
    const config = join(folder, 'unbound.conf');
    const data = RECORDS.map(
      (record) => `  local-data: '${record.replace(/ (A|AAAA|PTR|TXT) /, '. 60 IN $1 ').replace(/(PTR .*[^.])$/, '$1.')}'`,
    );
    writeFileSync(
      config,
      [
        'server:',
        `  interface: 127.0.0.1@${port}`,
        '  chroot: ""',
        '  username: ""',
        '  pidfile: ""',
        '  use-syslog: no',
        '  logfile: ""',
        '  num-threads: 1',
        '  module-config: "iterator"',
        '  rrset-roundrobin: no',
        '  local-zone: "." static',
        // These unbound knows by itself.
        '  local-zone: "localhost." static',
        '  local-zone: "127.in-addr.arpa." static',
        '  local-zone: "silent.example." deny',
        ...data,
        'remote-control:',
        '  control-enable: no',
        '',
      ].join('\n'),
    );
    server = spawn(unbound as string, ['-d', '-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    while (!log.includes('start of service')) {
      if (server.exitCode !== null || server.stderr === null) return log;
      await Promise.race([once(server.stderr, 'data'), once(server, 'exit')]);
    }
    servers = [`127.0.0.1:${port}`];
    return null;
  }

  afterAll(async () => {
    if (server.exitCode === null) {
      server.kill();
      await once(server, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ['203.0.113.9', 'user.example'],
    ['::ffff:203.0.113.9', 'user.example'],
    [V6, 'user6.example'],
    ['2001:0DB8:0:0::9', 'user6.example'],
    ['203.0.113.10', 'many.example'],
    ['2001:db8::10', 'many6.example'],
    ['203.0.113.11', 'honest.example'],
  ])('the reverse and the forward DNS agree on %s: %s', async (address, name) => {
    expect(await confirmHostname(address, { servers })).toBe(name);
  });

  test.each([
    ['203.0.113.12', 'a name of somebody else'],
    ['203.0.113.13', 'a name that is not there'],
    ['203.0.113.14', 'a name of the other family'],
    ['203.0.113.15', 'an address for a name'],
    ['203.0.113.16', 'a name that is too long for IRC'],
    ['203.0.113.18', 'a name behind eight others'],
    ['203.0.113.200', 'no name'],
    ['2001:db8::200', 'no name'],
  ])('%s has no host name: %s', async (address) => {
    expect(await confirmHostname(address, { servers })).toBeNull();
  });

  test('where the second half never answers, the time limit holds for the whole', async () => {
    expect(await confirmHostname('203.0.113.17', { servers, timeout: 300 })).toBeNull();
  });

  test('the hosts file confirms nothing', async () => {
    expect(await confirmHostname('127.0.0.1', { servers })).toBeNull();
    expect(await resolvesTo('localhost', '127.0.0.1', { servers })).toBe(false);
  });

  test('P13 WEBIRC: a host name is used if it leads to the address', async () => {
    const webirc = createWebirc([{ mask: ['loopback'], fingerprint: 'ab', hostname: 'verify' }], { lookup: { servers } });
    const hostnameOf = async (hostname: string, address: string) => {
      const request = parseWebirc(['*', 'gw', hostname, address]);
      const verdict = await webirc.authenticate(request, { address: '127.0.0.1', secure: true, fingerprints: ['ab'] });
      return (verdict as WebircAccepted).hostname;
    };
    expect(await hostnameOf('user.example', '203.0.113.9')).toBe('user.example');
    expect(await hostnameOf('many.example', MANY[3] as string)).toBe('many.example');
    expect(await hostnameOf('user6.example', V6)).toBe('user6.example');
    expect(await hostnameOf('user.example', '203.0.113.10')).toBeNull();
    expect(await hostnameOf('www.victim.example', '203.0.113.12')).toBeNull();
    expect(await hostnameOf('nowhere.example', '203.0.113.13')).toBeNull();
    expect(await hostnameOf('203.0.113.9', '203.0.113.9')).toBeNull();
  });

  test('the gateway sends a name that is confirmed, and refuses addresses that are listed, until a reload says otherwise', async () => {
    const irc = await PlainIrc.start();
    const config = `<bind port="0"><wsorigin allow="https://chat.example.com"><websocket proxyranges="loopback">
<upstream host="127.0.0.1" port="${irc.port}"><webirc password="gatepass" gateway="gw"><dns servers="${servers.join(' ')}" timeout="5">`;
    const gateway = await GatewayCli.start(`${config}<hostnames lookup="yes"><dnsbl zone="two.dnsbl.example one.dnsbl.example">`);
    const webircOf = async (address: string): Promise<string> => {
      const next = irc.next();
      await RawClient.open(gateway.webPort(), { 'X-Real-IP': address });
      return (await next).line(/^WEBIRC /);
    };
    expect(await webircOf('203.0.113.9')).toMatch(/^WEBIRC gatepass gw user\.example 203\.0\.113\.9 /);
    expect(await webircOf('203.0.113.12')).toMatch(/^WEBIRC gatepass gw 203\.0\.113\.12 203\.0\.113\.12 /);
    expect(await webircOf(V6)).toMatch(/^WEBIRC gatepass gw user6\.example 2001:db8::9 /);
    await expect(RawClient.open(gateway.webPort(), { 'X-Real-IP': '2001:db8::66' })).rejects.toThrow(
      'WebSocket: Your address is listed in two.dnsbl.example',
    );
    expect(await gateway.reload(config)).toMatch(/^reloaded: /);
    expect(await webircOf('2001:db8::66')).toMatch(/^WEBIRC gatepass gw 2001:db8::66 2001:db8::66 /);
    expect(await webircOf('203.0.113.9')).toMatch(/^WEBIRC gatepass gw 203\.0\.113\.9 203\.0\.113\.9 /);
  });

  describe('lists', () => {
    const [ONE, TWO, SILENT] = ['one.dnsbl.example', 'two.dnsbl.example', 'silent.example'];

    test('RFC 5782 section 5: 127.0.0.2 is on every list, 127.0.0.1 on none', async () => {
      expect(await checkDnsbl('127.0.0.2', [ONE], { servers })).toEqual({ zone: ONE, codes: [2], reason: null, action: 'deny' });
      expect(await checkDnsbl('127.0.0.1', [ONE], { servers })).toBeNull();
    });

    test('every code of a listing, and the list’s words without control characters', async () => {
      expect(await checkDnsbl('203.0.113.66', [ONE], { servers })).toEqual({
        zone: ONE,
        codes: [3, 9],
        reason: 'open proxy',
        action: 'deny',
      });
    });

    test('IPv6, mapped IPv4, a zone with its last dot', async () => {
      expect(await checkDnsbl('2001:db8::66', [ONE, TWO], { servers })).toEqual({
        zone: TWO,
        codes: [5],
        reason: null,
        action: 'deny',
      });
      expect(await checkDnsbl('::ffff:203.0.113.67', [`${TWO}.`], { servers })).toEqual({
        zone: `${TWO}.`,
        codes: [7],
        reason: null,
        action: 'deny',
      });
    });

    test('of several lists the first in their order, whichever answers first', async () => {
      expect((await checkDnsbl('203.0.113.66', [TWO, ONE], { servers }))?.zone).toBe(TWO);
      expect((await checkDnsbl('203.0.113.66', [ONE, TWO], { servers }))?.zone).toBe(ONE);
      expect((await checkDnsbl('203.0.113.67', [ONE, TWO], { servers }))?.zone).toBe(TWO);
    });

    test('codes that do not count are no hit', async () => {
      expect(await checkDnsbl('203.0.113.66', [ONE], { servers, codes: [9, 10] })).toEqual({
        zone: ONE,
        codes: [9],
        reason: 'open proxy',
        action: 'deny',
      });
      expect(await checkDnsbl('203.0.113.66', [ONE], { servers, codes: [4] })).toBeNull();
      expect(await checkDnsbl('203.0.113.66', [ONE, TWO], { servers, codes: [14] })).toEqual({
        zone: TWO,
        codes: [14],
        reason: null,
        action: 'deny',
      });
    });

    test.each([
      ['203.0.113.68', 'an answer outside 127.0.0.0/8 is an advertisement'],
      ['203.0.113.69', '127.255.255.0/24 is a refusal to answer'],
      ['203.0.113.70', 'no answer'],
    ])('%s is on no list: %s', async (address) => {
      expect(await checkDnsbl(address, [ONE, TWO], { servers })).toBeNull();
    });

    test('a list that never answers takes nothing from what another said', async () => {
      expect((await checkDnsbl('203.0.113.66', [SILENT, ONE], { servers, timeout: 300 }))?.zone).toBe(ONE);
      expect(await checkDnsbl('203.0.113.70', [SILENT, ONE], { servers, timeout: 300 })).toBeNull();
    });
  });
});
