/** What an operator says of IRC servers and users: passwords, templates, encodings, Unix domain sockets, hostile servers. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createIrcGateway, type Upstream } from '../../src/gateway/index.ts';
import { networkOf } from '../../src/gateway/network.ts';
import type { ConfigError } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { clientClose, clientText } from '../helpers/frames.ts';
import { HOOK, joined, startGateway } from '../helpers/gateway.ts';
import { requirePeer } from '../helpers/peers.ts';
import { PlainIrc } from '../helpers/plain-irc.ts';
import { RawClient } from '../helpers/raw-client.ts';

const OPENSSL = requirePeer('openssl');
const WEBIRC = { password: 'gatepass', gateway: 'goodgw' };

describe('users', () => {
  const USERS = { username: '%i', realname: '%n, %h from %o, 100%%', hostname: '%i.web' };

  test('templates stand for what the client sends, and in WEBIRC', async () => {
    const { client, peer } = await joined({ users: USERS }, { webirc: WEBIRC });
    for (const line of ['NICK ada', 'USER own 0 * :Own name', 'PRIVMSG #x :USER is a word'])
      client.socket.write(clientText(line));
    await peer.line(/^PRIVMSG/);
    expect(peer.lines[0]).toMatch(/^WEBIRC gatepass goodgw 7f000001\.web 127\.0\.0\.1 :/);
    expect(peer.lines.slice(1)).toEqual([
      'NICK ada',
      'USER 7f000001 0 * :ada, 127.0.0.1 from chat.example.com, 100%',
      'PRIVMSG #x :USER is a word',
    ]);
  });

  test('a USER that needs the nick waits for it', async () => {
    const { client, peer } = await joined({ users: { username: '%n' } });
    for (const line of ['user own 0 * :Own name', 'CAP LS', 'NICK :a!d@a']) client.socket.write(clientText(line));
    await peer.line(/^USER/);
    expect(peer.lines).toEqual(['CAP LS', 'NICK :a!d@a', 'USER a-d-a 0 * :Own name']);
  });

  test('behind the welcome nothing is rewritten', async () => {
    const { client, peer } = await joined({ users: USERS });
    peer.socket.write(':irc.test 001 ada :Welcome\r\n');
    await client.until(() => client.lines.length === 1);
    client.socket.write(clientText('USER own 0 * :Own name'));
    await peer.line(/^USER own 0 \* :Own name$/);
  });
});

describe('the server’s password', () => {
  test('goes behind WEBIRC and before the client; a client’s own PASS is dropped', async () => {
    const { client, peer } = await joined({}, { webirc: WEBIRC, pass: 'server' });
    for (const line of ['PASS mine', ' pass mine', 'NICK ada']) client.socket.write(clientText(line));
    await peer.line(/^NICK/);
    expect(peer.lines.slice(1)).toEqual(['PASS server', 'NICK ada']);
  });

  test('without one the client’s own PASS passes', async () => {
    const { client, peer } = await joined();
    client.socket.write(clientText('PASS mine'));
    await peer.line(/^PASS mine$/);
  });
});

describe('encodings', () => {
  test.each<[string, string, number[]]>([
    ['windows-1252', 'naïve “€”', [0x6e, 0x61, 0xef, 0x76, 0x65, 0x20, 0x93, 0x80, 0x94]],
    ['koi8-r', 'Привет', [0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4]],
    ['shift_jis', 'あア', [0x82, 0xa0, 0x83, 0x41]],
  ])('%s, both ways', async (encoding, text, bytes) => {
    const { client, peer } = await joined({}, { encoding });
    const heard: Buffer[] = [];
    peer.socket.setEncoding('latin1' as BufferEncoding);
    peer.socket.on('data', (chunk: string) => void heard.push(Buffer.from(chunk, 'latin1')));
    client.socket.write(clientText(`PRIVMSG #x :${text}`));
    await expect
      .poll(() => Buffer.concat(heard).toString('latin1'))
      .toBe(`PRIVMSG #x :${Buffer.from(bytes).toString('latin1')}\r\n`);
    const before = Buffer.from(':a PRIVMSG #x :');
    const end = Buffer.from('\r\n');
    peer.socket.write(Buffer.concat([before, Buffer.from(bytes), end, before, Buffer.from('schon UTF-8: ü'), end]));
    await client.until(() => client.lines.length === 2);
    expect(client.lines).toEqual([`:a PRIVMSG #x :${text}`, ':a PRIVMSG #x :schon UTF-8: ü']);
  });

  test('what the encoding does not have becomes a question mark', async () => {
    const { client, peer } = await joined({}, { encoding: 'iso-8859-2' });
    client.socket.write(clientText('PRIVMSG #x :日 ok'));
    await peer.line(/^PRIVMSG #x :\? ok$/);
  });
});

/** What the kernel's timer of a connection is for, and the seconds until it fires: `/proc/net/tcp`, "tr tm->when". */
function timerOf(localPort: number, remotePort: number): { isKeepAlive: boolean; seconds: number } {
  const hex = (port: number | undefined): string => `:${port?.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', remote = '', , , timer = ''] = line.trim().split(/\s+/);
    if (!local.endsWith(hex(localPort)) || !remote.endsWith(hex(remotePort))) continue;
    const [kind, ticks = ''] = timer.split(':');
    return { isKeepAlive: kind === '02', seconds: Number.parseInt(ticks, 16) / 100 };
  }
  throw new Error(`no connection from port ${localPort} to port ${remotePort}`);
}

test.skipIf(process.platform !== 'linux' || OPENSSL === null).each(['plain TCP', 'TLS'])(
  'by %s the kernel asks after a minute of silence whether the server’s machine is still there',
  async (way) => {
    const certificate = way === 'TLS' ? makeCertificate() : undefined;
    const irc = await PlainIrc.start(certificate);
    const { port } = await startGateway([
      { host: '127.0.0.1', port: irc.port, tls: certificate === undefined ? false : { rejectUnauthorized: false } },
    ]);
    const next = irc.next();
    const client = await RawClient.open(port);
    const peer = await next;
    // What was written is acknowledged: the connection's timer is no other one.
    client.socket.write(clientText('NICK ada'));
    await peer.line(/^NICK ada$/);
    const gatewayPort = peer.socket.remotePort as number;
    await expect.poll(() => timerOf(gatewayPort, irc.port).isKeepAlive).toBe(true);
    expect(timerOf(gatewayPort, irc.port).seconds).toBeLessThanOrEqual(60);
    // The server's own end, which nobody asked for it.
    expect(timerOf(irc.port, gatewayPort).isKeepAlive).toBe(false);
    client.socket.destroy();
  },
);

test('a Unix domain socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  const path = join(folder, 'ircd.sock');
  const heard: string[] = [];
  const server = createServer((socket) => void socket.setEncoding('utf8').on('data', (text: string) => void heard.push(text)));
  await once(server.listen(path), 'listening');
  const { port, gateway } = await startGateway([{ path }]);
  const client = await RawClient.open(port);
  client.socket.write(clientText('NICK ada'));
  await expect.poll(() => heard.join('')).toContain('NICK ada\r\n');
  expect(gateway.stats().upstreams[0]?.name).toBe(path);
  client.socket.end(clientClose(1000));
  server.close();
  rmSync(folder, { recursive: true });
});

test('family and local address: the server sees the gateway at the address it was told', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((socket) => void seen.push(socket.remoteAddress));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = await startGateway([
    { host: 'localhost', port: (server.address() as AddressInfo).port, family: 4, localAddress: '127.0.0.77' },
  ]);
  const client = await RawClient.open(port);
  await expect.poll(() => seen).toEqual(['127.0.0.77']);
  client.socket.destroy();
  server.close();
});

describe('an IRC server that misbehaves', () => {
  /** What the browser gets of a server that does this. */
  async function against(act: (socket: Socket) => void): Promise<RawClient> {
    const { client, peer } = await joined();
    act(peer.socket);
    await client.until(() => client.closeFrame !== undefined);
    return client;
  }

  test('one that takes the connection and says nothing of TLS is given up, and the next one is tried', async () => {
    const silent = createServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const irc = await PlainIrc.start();
    const { port, log } = await startGateway(
      [
        { name: 'silent', host: '127.0.0.1', port: (silent.address() as AddressInfo).port, tls: true },
        { host: '127.0.0.1', port: irc.port },
      ],
      { limits: { connectTimeout: 100 } },
    );
    const next = irc.next();
    const client = await RawClient.open(port);
    client.socket.write(clientText('NICK ada'));
    await (await next).line(/^NICK ada$/);
    expect(log).toContain('silent: did not answer within 100 ms');
    client.socket.destroy();
    silent.close();
  });

  test('a megabyte without LF ends that client alone, and is not kept', async () => {
    const client = await against((socket) => socket.write(Buffer.alloc(2 ** 20, 'x')));
    expect(client.closeFrame).toEqual({ code: 1011, reason: 'The IRC server sent a line that is too long' });
    expect(client.lines).toEqual([]);
  });

  test('a reset within a line: what was whole is there', async () => {
    const irc = await PlainIrc.start();
    const { port } = await startGateway([{ host: '127.0.0.1', port: irc.port }]);
    const next = irc.next();
    const client = await RawClient.open(port);
    const peer = await next;
    peer.socket.write(':irc.test NOTICE * :whole\r\n:irc.test NOTICE * :ha');
    await client.until(() => client.lines.length === 1);
    peer.socket.resetAndDestroy();
    await client.until(() => client.closeFrame !== undefined);
    expect(client.lines[0]).toBe(':irc.test NOTICE * :whole');
    expect(client.closeFrame?.code).toBe(1001);
  });

  test('bytes that are not UTF-8 arrive as text, and end nobody', async () => {
    const { client, peer } = await joined();
    peer.socket.write(Buffer.from(':a PRIVMSG #x :na\xefve\r\nPING x\r\n', 'latin1'));
    await client.until(() => client.lines.length === 2);
    expect(client.lines).toEqual([':a PRIVMSG #x :na\ufffdve', 'PING x']);
  });

  test('an ERROR that is the user’s reaches the page, and the Close frame is 1000', async () => {
    const client = await against((socket) => socket.end('ERROR :Closing link: (a@b) [Killed (oper (Server going down))]\r\n'));
    expect(client.lines).toHaveLength(1);
    expect(client.closeFrame?.code).toBe(1000);
  });

  test('the ERROR of a server that goes down does not', async () => {
    const client = await against((socket) => socket.end(':x NOTICE * :bye\r\nERROR :Server going down\r\n'));
    expect(client.lines).toEqual([':x NOTICE * :bye']);
    expect(client.closeFrame).toEqual({ code: 1001, reason: 'The IRC server is shutting down' });
  });
});

test.each<[string, Upstream]>([
  ['<upstream:host>', { port: 1 }],
  ['<upstream:port>', { host: 'a' }],
  ['<upstream:path>', { host: 'a', port: 1, path: '/x' }],
  ['<upstream:path>', { path: 'x'.repeat(108) }],
  ['<upstream:family>', { host: 'a', port: 1, family: 5 as 4 }],
  ['<upstream:localaddress>', { host: 'a', port: 1, localAddress: 'eth0' }],
  ['<upstream:localaddress>', { host: 'a', port: 1, localAddress: '::1', family: 4 }],
  ['<upstream:weight>', { host: 'a', port: 1, weight: 0 }],
  ['<upstream:encoding>', { host: 'a', port: 1, encoding: 'utf-16' }],
  ['<upstream:pass>', { host: 'a', port: 1, pass: 'secret\r\nNICK x' }],
  ['<webirc:password>', { host: 'a', port: 1, webirc: { password: 'secret\nNICK x', gateway: 'g' } }],
  ['<webirc:gateway>', { host: 'a', port: 1, webirc: { password: 'secret', gateway: 'g\rNICK x' } }],
])('%s is refused', (place, upstream) => {
  let message = '';
  try {
    createIrcGateway({ hook: HOOK, upstreams: [upstream] });
  } catch (error) {
    message = (error as ConfigError).message;
  }
  expect(message).toContain(place);
  expect(message).not.toContain('secret');
});

test.each(['username', 'realname', 'hostname'] as const)('a template of %s with a line end is refused', (name) => {
  const create = (): unknown =>
    createIrcGateway({ hook: HOOK, upstreams: [{ host: 'a', port: 1 }], users: { [name]: '%n\r\nQUIT' } });
  expect(create).toThrow(`<users:${name}> "%n\\r\\nQUIT" has a line end`);
});

test.each([
  ['203.0.113.9', 64, '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', 64, '20010db800010002/64'],
  ['2001:db8:1:2fff::1', 52, '20010db800012/52'],
  ['2001:db8:ff::', 45, '20010db800f8/45'],
  ['::1', 128, '00000000000000000000000000000001/128'],
])('the network of %s by /%i is %s', (address, prefix, network) => {
  expect(networkOf(address, prefix)).toBe(network);
});
