/** Defects of version 0.1 in the gateway, each by its id. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { AddressCount } from '../../src/gateway/address-count.ts';
import { createIrcGateway, type Upstream } from '../../src/gateway/index.ts';
import { isWebirc } from '../../src/gateway/own-webirc.ts';
import { ConfigError } from '../../src/index.ts';
import { clientClose, clientText } from '../helpers/frames.ts';
import { HOOK, joined, startGateway } from '../helpers/gateway.ts';
import { PlainIrc } from '../helpers/plain-irc.ts';
import { RawClient } from '../helpers/raw-client.ts';

const WEBIRC = { password: 'gatepass', gateway: 'goodgw' };
const MIB = 2 ** 20;

/** Writes as much as an end accepts, until nothing has been accepted for a while. */
async function fill(socket: Socket, block: Buffer): Promise<void> {
  for (let waited = 0; waited < 3; ) {
    if (socket.write(block)) continue;
    const isDrained = await Promise.race([
      once(socket, 'drain').then(
        () => true,
        () => false,
      ),
      new Promise<false>((resolve) => setTimeout(resolve, 100, false)),
    ]);
    waited = isDrained ? 0 : waited + 1;
  }
}

test('M7: a browser leaves while its IRC server hangs without reading: it is noticed, its place is free', async () => {
  const { port, client, peer, gateway } = await joined({ limits: { connectionsPerAddress: 1, linesPerSecond: 1e9 } });
  peer.socket.pause();
  // Enough for the kernel's buffers, and less than what makes the gateway stop reading the browser.
  client.socket.write(Buffer.concat(Array.from({ length: 40 }, () => clientText(`PRIVMSG #x :${'x'.repeat(400)}`))));
  client.socket.write(clientClose(1001));
  await expect.poll(() => gateway.stats().clients).toBe(0);
  await RawClient.open(port);
});

test('M7: an IRC server that hangs is given up, also where its browser never stops writing', async () => {
  const { port, client, peer, gateway } = await joined({
    limits: { connectionsPerAddress: 1, linesPerSecond: 1e9, stallTimeout: 300 },
  });
  peer.socket.pause();
  await fill(client.socket, Buffer.concat(Array.from({ length: 64 }, () => clientText(`PRIVMSG #x :${'x'.repeat(8_000)}`))));
  client.socket.resetAndDestroy();
  await expect.poll(() => gateway.stats().clients).toBe(0);
  await RawClient.open(port);
});

test('M7: with nativePing off a stalled browser does not outlive its IRC server', async () => {
  const { client, peer, gateway } = await joined({
    hook: { ...HOOK, nativePing: false },
    limits: { stallTimeout: 300 },
  });
  client.socket.pause();
  await fill(peer.socket, Buffer.alloc(MIB, `:irc.test NOTICE * :${'x'.repeat(400)}\r\n`));
  peer.socket.destroy();
  await expect.poll(() => gateway.stats().clients).toBe(0);
});

test.each([
  ['behind NUL', '\0WEBIRC gatepass x y 6.6.6.6'],
  ['behind a prefix and NUL', ':x\0WEBIRC gatepass x y 6.6.6.6'],
  ['behind tags of 700 bytes', `@a=${'x'.repeat(700)} WEBIRC gatepass x y 6.6.6.6`],
  ['behind many prefixes', `${':x '.repeat(500)}webirc gatepass x y 6.6.6.6`],
  ['behind other control characters', '\x01\t\x1fWebIrc gatepass x y 6.6.6.6'],
  ['with NUL for a blank', 'WEBIRC\0gatepass\0x\0y\x006.6.6.6'],
])('M11: a client’s own WEBIRC never passes, %s', async (_, line) => {
  const { client, peer } = await joined({}, { webirc: WEBIRC });
  client.socket.write(Buffer.concat([clientText(line), clientText('NICK ada')]));
  await peer.line(/NICK ada$/);
  expect(peer.lines).toEqual([expect.stringMatching(/^WEBIRC gatepass goodgw 127\.0\.0\.1 /), 'NICK ada']);
});

test.each(['PRIVMSG #x :webirc', 'WEBIRCX a', 'PRIVMSG WEBIRC :x', '@a :b PRIVMSG webirc x', 'WEB', ''])(
  'M11: %j is no WEBIRC',
  (line) => {
    expect(isWebirc(line)).toBe(false);
  },
);

test('M13: clients of one /64 share their places; limit 2, and the third is refused', async () => {
  const irc = await PlainIrc.start();
  const { port } = await startGateway([{ host: '127.0.0.1', port: irc.port }], {
    hook: { ...HOOK, proxyRanges: ['loopback'], proxyHeader: 'x-real-ip' },
    limits: { connectionsPerAddress: 2 },
  });
  const enter = (address: string): Promise<RawClient> => RawClient.open(port, { 'X-Real-IP': address });
  await enter('2001:db8:1:2::1');
  await enter('2001:db8:1:2:ffff:ffff:ffff:ffff');
  await expect(enter('2001:db8:1:2:3:4:5:6')).rejects.toThrow('429');
  await enter('2001:db8:1:3::1');
});

test('M13: new connections a minute are limited, too', async () => {
  let now = 0;
  const count = new AddressCount(() => now);
  const limits = { connections: 10, perMinute: 2 };
  for (let i = 0; i < 2; i++) (count.take('a', limits) as () => void)();
  expect(count.take('a', limits)).toBe('perMinute');
  expect(count.take('b', limits)).toBeTypeOf('function');
  now += 30_000;
  expect(count.take('a', limits)).toBeTypeOf('function');
  expect(count.take('a', limits)).toBe('perMinute');
});

test('L3: a user’s own wrong PASS is not taken for a refused WEBIRC', async () => {
  const { client, peer, gateway } = await joined({}, { webirc: WEBIRC });
  client.socket.write(Buffer.concat([clientText('PASS wrong'), clientText('NICK ada')]));
  await peer.line(/^NICK ada$/);
  peer.socket.end(':irc.test 464 ada :Password incorrect\r\nERROR :Closing link: (ada@127.0.0.1) [Invalid password]\r\n');
  await client.until(() => client.closeFrame !== undefined);
  expect(client.lines[0]).toBe(':irc.test 464 ada :Password incorrect');
  expect(client.closeFrame?.code).toBe(1000);
  expect(gateway.stats().webircRefused).toBe(0);
});

test('L3: a 464 that is followed by a welcome was WEBIRC’s, whatever PASS the user sent', async () => {
  const { client, peer, gateway } = await joined({}, { webirc: WEBIRC });
  client.socket.write(clientText('PASS mine'));
  await peer.line(/^PASS mine$/);
  peer.socket.write(':irc.test 464 * :Invalid password\r\n:irc.test 001 ada :Welcome\r\n');
  await client.until(() => client.closeFrame !== undefined);
  expect(client.closeFrame).toEqual({ code: 1013, reason: 'The IRC server does not know this gateway' });
  expect(gateway.stats().webircRefused).toBe(1);
});

test('L4: the Close frame says what ERROR says: the first reason for an end stays', async () => {
  const { client, peer } = await joined({}, { webirc: WEBIRC });
  client.socket.pause();
  peer.socket.write(':irc.test 421 * WEBIRC :Unknown command\r\n');
  await peer.until(() => peer.isClosed);
  client.socket.resume();
  await client.until(() => client.closeFrame !== undefined);
  expect(client.lines.at(-1)).toBe('ERROR :Closing link: (127.0.0.1) [The IRC server does not know this gateway]');
  expect(client.closeFrame).toEqual({ code: 1013, reason: 'The IRC server does not know this gateway' });
});

test.each<[string, Partial<Upstream>]>([
  ['an unset variable', { webirc: { password: undefined as unknown as string, gateway: 'g' } }],
  ['an unset name', { webirc: { password: 'x', gateway: undefined as unknown as string } }],
  ['a NUL', { webirc: { password: 'a\0b', gateway: 'g' } }],
  ['a line end in PASS', { pass: 'x\r\nNICK y' }],
  ['an empty PASS', { pass: '' }],
])('L7: a WEBIRC password, or PASS, that cannot be sent is refused: %s', (_, wrong) => {
  expect(() => createIrcGateway({ hook: HOOK, upstreams: [{ host: 'a', port: 1, ...wrong }] })).toThrow(ConfigError);
});

test.each([
  ['hostnames', { hostnames: { timeout: 0 } }],
  ['hostnames', { hostnames: { servers: ['no address'] } }],
  ['dnsbl', { dnsbl: { zones: ['a.example.net'], servers: ['no address'] } }],
  ['dnsbl', { dnsbl: { zones: ['a.example.net'], timeout: 1.5 } }],
  ['dnsbl:codes', { dnsbl: { zones: [{ zone: 'a.example.net', codes: [256] }] } }],
])('L8: DNS options that cannot work are refused when the gateway is made: <%s>', (place, options) => {
  expect(() => createIrcGateway({ hook: HOOK, upstreams: [{ host: 'a', port: 1 }], ...options })).toThrow(
    expect.objectContaining({ message: expect.stringContaining(`<${place}>`) as string }) as Error,
  );
});
