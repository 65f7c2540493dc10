import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { createIrcGateway, type IrcGateway, type Upstream } from '../../src/gateway/index.ts';
import { type Daemon, daemonFolder, freePort, startDaemon } from '../helpers/daemons.ts';
import { startInspircd } from '../helpers/inspircd.ts';
import { lineAmong, TcpUser } from '../helpers/ircd.ts';
import { requirePeer } from '../helpers/peers.ts';

const ORIGIN = 'https://chat.example.com';
const cleanup: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** Web clients come in through a proxy on loopback, which tells their addresses. */
async function startGateway(upstreams: readonly Upstream[], limits = {}): Promise<{ gateway: IrcGateway; port: number }> {
  const gateway = createIrcGateway({
    hook: { origins: [ORIGIN], proxyRanges: ['loopback'] },
    upstreams,
    limits: { connectTimeout: 2_000, ...limits },
  });
  const server = gateway.createListener().listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(
    () => server.close(),
    () => gateway.close(),
  );
  return { gateway, port: (server.address() as AddressInfo).port };
}

class WebUser {
  readonly lines: string[] = [];
  readonly socket: WebSocket;
  closed: { code: number; reason: string } | null = null;

  constructor(port: number, address: string) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/`, ['text.ircv3.net'], {
      origin: ORIGIN,
      headers: { 'X-Real-IP': address },
    });
    this.socket.on('message', (data) => this.lines.push(String(data)));
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.socket.on('error', () => {});
    cleanup.push(() => this.socket.terminate());
  }

  static async register(port: number, nick: string, address: string): Promise<WebUser> {
    const user = new WebUser(port, address);
    await once(user.socket, 'open');
    user.socket.send(`NICK ${nick}`);
    user.socket.send(`USER ${nick} 0 * :${nick}`);
    await user.line(/ 422 | 376 /);
    return user;
  }

  line(pattern: RegExp): Promise<string> {
    return lineAmong(this.lines, pattern);
  }

  async end(): Promise<{ code: number; reason: string }> {
    if (this.closed === null) await once(this.socket, 'close');
    return this.closed as unknown as { code: number; reason: string };
  }
}

const NGIRCD = requirePeer('ngircd');
const INSPIRCD = requirePeer('inspircd');

async function startNgircd(): Promise<{ daemon: Daemon; port: number }> {
  const port = await freePort();
  const folder = daemonFolder({
    'ngircd.conf': `[Global]
Name = irc.ngircd.test
Info = Test
Listen = 127.0.0.1
Ports = ${port}
[Options]
DNS = no
Ident = no
PAM = no
WebircPassword = gatepass
[Operator]
Name = admin
Password = secret
`,
  });
  const daemon = await startDaemon(NGIRCD as string, ['-n', '-f', `${folder}/ngircd.conf`], folder, port);
  cleanup.push(() => daemon.stop());
  return { daemon, port };
}

async function startTestInspircd(): Promise<{ daemon: Daemon; port: number }> {
  const started = await startInspircd(INSPIRCD as string);
  cleanup.push(() => started.daemon.stop());
  return started;
}

describe.each([
  ['ngircd', NGIRCD, startNgircd],
  ['inspircd', INSPIRCD, startTestInspircd],
] as const)('in front of a real %s', (_, program, start) => {
  test.skipIf(program === null)('web clients chat, and the server sees each one’s own address', async () => {
    const { port: ircPort } = await start();
    const { gateway, port } = await startGateway([
      { host: '127.0.0.1', port: ircPort, webirc: { password: 'gatepass', gateway: 'goodgw' } },
    ]);
    const [ada, bea] = await Promise.all([
      WebUser.register(port, 'ada', '203.0.113.9'),
      WebUser.register(port, 'bea', '2001:db8::7'),
    ]);
    const oper = await TcpUser.register(ircPort, 'boss');
    ada.socket.send('JOIN #x');
    await ada.line(/ 366 /);
    bea.socket.send('JOIN #x');
    await bea.line(/ 366 /);
    ada.socket.send('PRIVMSG #x :hello 😀');
    expect(await bea.line(/PRIVMSG #x/)).toMatch(/:hello 😀$/);
    oper.send('OPER admin secret', 'WHOIS ada', 'WHOIS bea');
    await oper.line(/ 318 boss bea /);
    expect(oper.lines.join('\n')).toContain('203.0.113.9');
    expect(oper.lines.join('\n')).toContain('2001:db8::7');
    // A browser that leaves says goodbye.
    bea.socket.close(1001);
    expect(await ada.line(/QUIT/)).toMatch(/QUIT :.*Page closed/);
    // The server’s own goodbye reaches the browser.
    ada.socket.send('QUIT :done');
    await ada.end();
    expect(ada.lines.some((line) => line.startsWith('ERROR :'))).toBe(true);
    expect(gateway.stats()).toMatchObject({ accepted: 2, refused: 0, unreachable: 0 });
    oper.socket.destroy();
  });

  test.skipIf(program === null)('a wrong password lets nobody in with the gateway’s own address', async () => {
    const { port: ircPort } = await start();
    const { port } = await startGateway([{ host: '127.0.0.1', port: ircPort, webirc: { password: 'wrong', gateway: 'goodgw' } }]);
    const user = new WebUser(port, '203.0.113.9');
    await once(user.socket, 'open');
    user.socket.send('NICK x');
    user.socket.send('USER x 0 * :x');
    await user.end();
    expect(user.lines.find((line) => line.includes(' 001 '))).toBeUndefined();
    expect(user.lines.find((line) => line.startsWith('ERROR '))).toContain('The IRC server does not know this gateway');
  });
});

test('no server answers: 503 before any 101', async () => {
  const dead = await freePort();
  const { gateway, port } = await startGateway([{ host: '127.0.0.1', port: dead }]);
  const user = new WebUser(port, '203.0.113.9');
  const [, response] = (await once(user.socket, 'unexpected-response')) as [unknown, { statusCode: number }];
  expect(response.statusCode).toBe(503);
  expect(gateway.stats().unreachable).toBe(1);
});

test.skipIf(NGIRCD === null)('fail-over: a dead server is passed over', async () => {
  const { port: ircPort } = await startNgircd();
  const { port } = await startGateway([
    { host: '127.0.0.1', port: await freePort() },
    { host: '127.0.0.1', port: ircPort, webirc: { password: 'gatepass', gateway: 'gw' } },
  ]);
  for (const nick of ['one', 'two', 'three']) await WebUser.register(port, nick, '203.0.113.9');
});

test('P12 connections are counted by client, not by proxy: too many from one address are refused, 429, others are not', async () => {
  const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  cleanup.push(() => silent.close());
  const { gateway, port } = await startGateway([{ host: '127.0.0.1', port: (silent.address() as AddressInfo).port }], {
    connectionsPerAddress: 1,
  });
  for (const address of ['203.0.113.9', '2001:db8::7', '203.0.113.10']) await once(new WebUser(port, address).socket, 'open');
  const user = new WebUser(port, '::ffff:203.0.113.9');
  const [, response] = (await once(user.socket, 'unexpected-response')) as [unknown, { statusCode: number }];
  expect(response.statusCode).toBe(429);
  expect(gateway.stats()).toMatchObject({ clients: 3, accepted: 3, refused: 1 });
});

test('close says QUIT for everybody and closes them by 1001, over a time where asked to', async () => {
  const heard: string[] = [];
  const irc = createServer((socket) => void socket.setEncoding('utf8').on('data', (text: string) => void heard.push(text)));
  irc.listen(0, '127.0.0.1');
  await once(irc, 'listening');
  cleanup.push(() => irc.close());
  const { gateway, port } = await startGateway([{ host: '127.0.0.1', port: (irc.address() as AddressInfo).port }]);
  const users = Array.from({ length: 5 }, (_, i) => new WebUser(port, `203.0.113.${i + 1}`));
  for (const [i, user] of users.entries()) {
    await once(user.socket, 'open');
    user.socket.send(`NICK n${i}`);
  }
  while (heard.join('').match(/NICK n\d\r\n/g)?.length !== users.length) await new Promise((resolve) => setImmediate(resolve));
  expect(() => gateway.close('Restarting', { spread: -1 })).toThrow(RangeError);
  await gateway.close('Restarting', { spread: 200 });
  expect(await Promise.all(users.map((user) => user.end()))).toEqual(users.map(() => ({ code: 1001, reason: 'Restarting' })));
  while (heard.join('').match(/QUIT/g)?.length !== users.length) await new Promise((resolve) => setImmediate(resolve));
  expect(gateway.stats().clients).toBe(0);
});
