import { once } from 'node:events';
import net from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { ConfigError, createWebSocketHook, type IrcSocket } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { requirePeer } from '../helpers/peers.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';

const PROXY = 'PROXY TCP4 203.0.113.9 10.0.0.1 54321 443\r\n';
const echo = (socket: IrcSocket): void => void socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));

describe('the PROXY protocol', () => {
  test('tells the client’s address and port; headers are not read, and not required', async () => {
    const { port, nextSocket } = await startHook({ proxyRanges: ['loopback'], onConnection: echo }, { proxyProtocol: true });
    const next = nextSocket();
    const client = await RawClient.connect(port);
    const bytes = Buffer.concat([Buffer.from(PROXY + upgradeRequest({ 'X-Real-IP': '6.6.6.6' })), clientText('hi')]);
    for (const byte of bytes) client.socket.write(Buffer.of(byte));
    const socket = await next;
    expect([socket.remoteAddress, socket.remotePort]).toEqual(['203.0.113.9', 54_321]);
    expect(socket.websocket).toMatchObject({
      via: ['127.0.0.1'],
      provenance: 'PROXY protocol version 1, trusted by loopback',
      secure: false,
    });
    expect(() => socket.setRemoteAddress('203.0.113.10')).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_SET' }));
    await client.until(() => client.lines.length === 1);
    expect(client.lines).toEqual(['echo hi']);
  });

  test.each([
    ['no header', upgradeRequest()],
    ['a wrong header', `PROXY TCP4 nonsense\r\n${upgradeRequest()}`],
    ['an over-long header', `PROXY TCP4 ${'1'.repeat(200)}\r\n${upgradeRequest()}`],
    ['P15 a second header', PROXY + PROXY + upgradeRequest()],
  ])('%s ends the connection', async (_what, bytes) => {
    const { port, sockets } = await startHook({ proxyRanges: ['loopback'] }, { proxyProtocol: true });
    const client = await RawClient.connect(port);
    client.socket.write(bytes);
    await client.until(() => client.closed || client.ended);
    expect(client.received.toString()).not.toContain(' 101 ');
    expect(sockets.length).toBe(0);
  });

  test('a truncated header ends with handshakeTimeout', async () => {
    const { port } = await startHook({ proxyRanges: ['loopback'], handshakeTimeout: 150 }, { proxyProtocol: true });
    const client = await RawClient.connect(port);
    client.socket.write(PROXY.slice(0, 20));
    await client.until(() => client.closed || client.ended);
    expect(client.received.length).toBe(0);
  });

  test('P1 a peer outside the ranges is not believed: it is sent away', async () => {
    const { port, sockets } = await startHook({ proxyRanges: ['192.0.2.1'], directClients: 'accept' }, { proxyProtocol: true });
    const client = await RawClient.connect(port);
    client.socket.write(PROXY + upgradeRequest());
    await client.until(() => client.closed || client.ended);
    expect(client.received.length).toBe(0);
    expect(sockets.length).toBe(0);
  });

  test('trustsPeer believes the header of a peer that is the program itself, whatever proxyRanges say', async () => {
    const { port, nextSocket } = await startHook({ onConnection: echo }, { proxyProtocol: true, trustsPeer: true });
    const next = nextSocket();
    const client = await RawClient.connect(port);
    client.socket.write(PROXY + upgradeRequest());
    expect((await next).websocket).toMatchObject({ client: { address: '203.0.113.9' }, via: ['127.0.0.1'] });
  });

  test('without proxyRanges it is refused when it is configured', () => {
    const hook = createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {} });
    expect(() => hook.createListener({ proxyProtocol: true })).toThrow(ConfigError);
  });
});

describe('one port for both', () => {
  /** `handshakeTimeout` is short where a test waits for it, and never met elsewhere. */
  async function start(
    options = {},
    handshakeTimeout = 300_000,
  ): Promise<{ port: number; plain: { socket: net.Socket; address: string | null }[] }> {
    const plain: { socket: net.Socket; address: string | null }[] = [];
    const { port } = await startHook(
      { proxyRanges: ['loopback'], directClients: 'accept', onConnection: echo, handshakeTimeout },
      {
        plain: (socket, client) => {
          plain.push({ socket, address: client?.address ?? null });
          socket.on('data', (chunk) => socket.write(`plain ${chunk}`));
          socket.on('end', () => socket.end());
        },
        ...options,
      },
    );
    return { port, plain };
  }

  test.each(['NICK ada\r\n', 'PASS x\r\n', 'CAP LS 302\r\n', ':x PING y\r\n', '@a=b PING\r\n', 'P\r\n', 'GETTING x\r\n', '\r\n'])(
    '%j is plain IRC, and every byte is there',
    async (text) => {
      const { port } = await start();
      const client = await RawClient.connect(port);
      client.socket.setNoDelay(true);
      for (const byte of Buffer.from(text)) {
        client.socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      const sent = (): string => client.received.toString().replaceAll('plain ', '');
      await client.until(() => sent() === text);
    },
  );

  test('a WebSocket on the same port is a WebSocket', async () => {
    const { port, plain } = await start();
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest({ 'X-Real-IP': '203.0.113.9' }));
    await client.until(() => client.head !== '');
    client.socket.write(clientText('hi'));
    await client.until(() => client.lines.length === 1);
    expect(client.lines).toEqual(['echo hi']);
    expect(plain.length).toBe(0);
  });

  test('plain IRC behind the PROXY protocol has its client’s address', async () => {
    const { port, plain } = await start({ proxyProtocol: true });
    const client = await RawClient.connect(port);
    client.socket.write(`${PROXY}NICK ada\r\n`);
    await client.until(() => client.received.toString() === 'plain NICK ada\r\n');
    expect(plain[0]?.address).toBe('203.0.113.9');
  });

  test('a connection that says nothing ends with handshakeTimeout', async () => {
    const { port, plain } = await start({}, 300);
    const client = await RawClient.connect(port);
    await client.until(() => client.closed || client.ended);
    expect(plain.length).toBe(0);
  });
});

const OPENSSL = requirePeer('openssl');

test.skipIf(OPENSSL === null)('PROXY header, TLS, and plain IRC or a WebSocket on one port: 6697 behind a proxy', async () => {
  const tls = makeCertificate();
  const { port, nextSocket } = await startHook(
    { proxyRanges: ['loopback'], onConnection: echo },
    { proxyProtocol: true, tls, plain: (socket) => void socket.on('data', (chunk) => socket.write(`plain ${chunk}`)) },
  );
  const dial = async (): Promise<import('node:tls').TLSSocket> => {
    const raw = net.connect(port, '127.0.0.1');
    await once(raw, 'connect');
    raw.write(PROXY);
    const secure = connectTls({ socket: raw, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    return secure;
  };
  const irc = await dial();
  irc.write('NICK ada\r\n');
  expect(String((await once(irc, 'data'))[0])).toBe('plain NICK ada\r\n');
  const web = await dial();
  const next = nextSocket();
  web.write(upgradeRequest());
  const socket = await next;
  // The port that the client was connected to, as the PROXY header says.
  expect([socket.remoteAddress, socket.localPort]).toEqual(['203.0.113.9', 443]);
  for (const connection of [irc, web]) connection.destroy();
});

test('stats count the clients that came in, were refused and have left', async () => {
  const { hook, port, nextSocket } = await startHook();
  const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
  const refused = await RawClient.connect(port);
  refused.socket.write(upgradeRequest({ Origin: 'https://evil.test' }));
  await refused.until(() => refused.ended);
  expect(hook.stats()).toMatchObject({ clients: 1, accepted: 1, rejected: { 403: 1 }, closed: {} });
  const closed = once(socket.resume(), 'close');
  client.socket.end();
  await closed;
  expect(hook.stats()).toMatchObject({ clients: 0, accepted: 1, rejected: { 403: 1 }, closed: { 1006: 1 } });
});
