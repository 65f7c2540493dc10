import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { createIrcGateway } from '../../src/gateway/index.ts';
import {
  clientOf,
  createWebSocketHook,
  HandshakeError,
  type IrcClient,
  type IrcSocket,
  ProtocolError,
  type WebSocketHook,
  type WebSocketHookOptions,
} from '../../src/index.ts';
import { type Connectable, ConnectionRejectedError, connect } from '../../src/testing/index.ts';

const ORIGIN = 'https://chat.example.com';

/** A hook whose server answers PING. */
function pingHook(options: Partial<WebSocketHookOptions> = {}): WebSocketHook {
  return createWebSocketHook({
    origins: [ORIGIN],
    onConnection: (socket) =>
      socket.onLine((line) => void (line.startsWith('PING ') && socket.writeLine(`PONG ${line.slice(5)}`))),
    ...options,
  });
}

/** A hook, and the transport of the last client, to write on it what no hook writes. */
function rawTransport(hook: WebSocketHook): Connectable & { transport(): Duplex } {
  let transport: Duplex;
  return {
    transport: () => transport,
    handleUpgrade: (request, socket, head) => {
      transport = socket;
      hook.handleUpgrade(request, socket, head);
    },
  };
}

async function rejection(promise: Promise<unknown>): Promise<ConnectionRejectedError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConnectionRejectedError);
  return error as ConnectionRejectedError;
}

describe('a client that is in', () => {
  test('sends lines and gets lines', async () => {
    const client = await connect(pingHook(), { origin: ORIGIN });
    client.send('PING 1');
    client.send('PING 2');
    expect(await client.nextLine()).toBe('PONG 1');
    expect(await client.nextLine()).toBe('PONG 2');
    expect(client.lines).toEqual(['PONG 1', 'PONG 2']);
  });

  test('with onClient, the client of the server is at hand, and its socket is not made before it is asked for', async () => {
    const clients: IrcClient[] = [];
    const hook = createWebSocketHook({
      origins: [ORIGIN],
      onClient: (client) => {
        clients.push(client);
        client.onLine((line) => client.writeLine(`you said ${line}`));
      },
    });
    const client = await connect(hook, { origin: ORIGIN });
    expect(client.client).toBe(clients[0]);
    client.send('hello');
    expect(await client.nextLine()).toBe('you said hello');
    expect(client.socket).toBe(client.client.toSocket());
    expect(await client.close()).toMatchObject({ code: 1000, clean: true });
  });

  test('with onConnection, both sides of the server are the same client', async () => {
    const sockets: IrcSocket[] = [];
    const hook = createWebSocketHook({ origins: [ORIGIN], onConnection: (socket) => void sockets.push(socket) });
    const client = await connect(hook, { origin: ORIGIN });
    expect(client.socket).toBe(sockets[0]);
    expect(client.client).toBe(clientOf(client.socket));
  });

  test('is, on the server side, what onConnection got, when connect resolves', async () => {
    const sockets: IrcSocket[] = [];
    const hook = createWebSocketHook({ origins: [ORIGIN], onConnection: (socket) => void sockets.push(socket) });
    // At once, and the second in first: neither may be taken for the other.
    const clients = await Promise.all([
      connect(hook, { origin: ORIGIN, address: '192.0.2.1' }),
      connect(hook, { origin: ORIGIN, address: '2001:db8::2', path: '/irc?a=b', secure: true }),
    ]);
    expect(clients.map(({ socket }) => socket)).toEqual(sockets);
    expect([...hook.clients]).toEqual(sockets);
    const [first, second] = sockets as [IrcSocket, IrcSocket];
    expect([first.remoteAddress, first.remoteFamily, first.websocket.secure]).toEqual(['192.0.2.1', 'IPv4', false]);
    expect([second.remoteAddress, second.remoteFamily, second.websocket.secure]).toEqual(['2001:db8::2', 'IPv6', true]);
    expect([second.localAddress, second.localFamily]).toEqual(['::1', 'IPv6']);
    expect(second.websocket).toMatchObject({ path: '/irc?a=b', origin: ORIGIN, secure: true, host: 'irc.example.com' });
  });

  test('is told apart from others while authorize is pending', async () => {
    const release: (() => void)[] = [];
    const hook = pingHook({ authorize: () => new Promise((resolve) => void release.push(resolve)) });
    const first = connect(hook, { origin: ORIGIN, address: '192.0.2.1' });
    const second = connect(hook, { origin: ORIGIN, address: '192.0.2.2' });
    await new Promise(setImmediate);
    release[1]?.();
    expect((await second).socket.remoteAddress).toBe('192.0.2.2');
    release[0]?.();
    expect((await first).socket.remoteAddress).toBe('192.0.2.1');
  });

  test.each([
    [[], null, 'text'],
    [['text.ircv3.net'], 'text.ircv3.net', 'text'],
    [['binary.ircv3.net', 'text.ircv3.net'], 'binary.ircv3.net', 'binary'],
  ] as const)('offers %j, gets %j, and speaks it', async (protocols, protocol, mode) => {
    const client = await connect(pingHook(), { origin: ORIGIN, protocols });
    expect(client.protocol).toBe(protocol);
    expect(client.socket.websocket.mode).toBe(mode);
    client.send('PING é');
    expect(await client.nextLine()).toBe('PONG é');
  });

  test('sends binary messages, bytes that are not UTF-8 too', async () => {
    const seen = new Promise<string>((resolve) => {
      void connect(pingHook({ onConnection: (socket) => socket.onLine(resolve, 'latin1') }), {
        origin: ORIGIN,
        protocols: ['binary.ircv3.net'],
      }).then((client) => client.sendBinary(Uint8Array.of(0x41, 0xff, 0x42)));
    });
    expect(await seen).toBe('A\xffB');
  });

  test('is iterated over until it is closed', async () => {
    const client = await connect(pingHook(), { origin: ORIGIN });
    client.send('PING 1');
    client.send('PING 2');
    const lines: string[] = [];
    for await (const line of client) {
      lines.push(line);
      if (lines.length === 2) client.socket.closeWebSocket(1001, 'Bye');
    }
    expect(lines).toEqual(['PONG 1', 'PONG 2']);
    expect(await client.closed).toEqual({ code: 1001, reason: 'Bye', clean: true });
  });

  test('gives what came before the end, then rejects with how it ended', async () => {
    const client = await connect(pingHook(), { origin: ORIGIN });
    client.socket.writeLine('ERROR :Bye');
    client.socket.closeWebSocket(1008, 'Banned');
    await client.closed;
    expect(await client.nextLine()).toBe('ERROR :Bye');
    await expect(client.nextLine()).rejects.toThrow('1008 Banned');
  });

  test('a wait for a line ends with the connection', async () => {
    const client = await connect(pingHook(), { origin: ORIGIN });
    const next = client.nextLine();
    client.socket.closeWebSocket(1001);
    await expect(next).rejects.toThrow('1001');
  });

  test('closes with a code and a reason', async () => {
    const hook = pingHook();
    const client = await connect(hook, { origin: ORIGIN });
    const closed = new Promise((resolve) => client.socket.on('close', resolve));
    expect(await client.close(4000, 'Tab closed')).toEqual({ code: 4000, reason: '', clean: true });
    await closed;
    expect(client.socket.closeStatus).toEqual({ code: 4000, reason: 'Tab closed', clean: true });
    expect(hook.clients.size).toBe(0);
    client.send('PING late');
    expect(client.lines).toEqual([]);
    expect(() => client.close(1006)).toThrow(RangeError);
  });

  test('is lost without a word', async () => {
    const client = await connect(pingHook(), { origin: ORIGIN });
    const closed = new Promise((resolve) => client.socket.on('close', resolve));
    client.destroy();
    await closed;
    expect(client.socket.closeStatus?.code).toBe(1006);
    expect((await client.closed).code).toBe(1006);
  });

  test('answers pings', async () => {
    const client = await connect(pingHook({ serverName: 'irc.example.com' }), { origin: ORIGIN });
    const roundTrip = await new Promise<number>((resolve) => void client.socket.ping(resolve));
    expect(roundTrip).toBeGreaterThanOrEqual(0);
  });

  test('masks its frames, by another key each', async () => {
    const chunks: Buffer[] = [];
    const spying = rawTransport(pingHook());
    const client = await connect(spying, { origin: ORIGIN });
    spying.transport().prependListener('data', (chunk: Buffer) => void chunks.push(Buffer.from(chunk)));
    client.send('PING 1');
    await client.nextLine();
    client.send('PING 1');
    await client.nextLine();
    const [first, second] = chunks as [Buffer, Buffer];
    expect(first.subarray(0, 2).toString('hex')).toBe('8186');
    expect(first.subarray(2, 6)).not.toEqual(second.subarray(2, 6));
  });

  test('a server that is ahead of its client is told so, and of its drain', async () => {
    const client = await connect(pingHook(), { origin: ORIGIN });
    const line = 'x'.repeat(500);
    let sent = 0;
    let hasRoom = true;
    // 64 KiB leave at once; the connection takes 16 KiB of them until the client has read.
    while (hasRoom && sent < 1_000) {
      hasRoom = client.socket.writeLine(line);
      sent++;
    }
    expect(hasRoom).toBe(false);
    await once(client.socket, 'drain');
    await client.close();
    expect(client.lines).toEqual(new Array(sent).fill(line));
  });

  test.each([
    ['a masked frame', '8181000000006f', 1002],
    ['a reserved bit', 'c1016f', 1002],
    ['text that is not UTF-8', '8101ff', 1007],
    ['a continuation of nothing', '80016f', 1002],
  ])('fails on %s', async (_name, hex, code) => {
    const spying = rawTransport(pingHook());
    const client = await connect(spying, { origin: ORIGIN });
    spying.transport().write(Buffer.from(hex, 'hex'));
    expect(await client.closed).toMatchObject({ code, clean: false });
  });
});

describe('a client that is not let in', () => {
  test('learns status, reason and header fields', async () => {
    const error = await rejection(connect(pingHook(), { origin: 'https://evil.test' }));
    expect(error).toMatchObject({ code: 'ERR_REJECTED', status: 403, closeCode: null });
    expect(error.reason).toBe('WebSocket: Received HTTP request from a non-whitelisted origin');
    expect(error.headers['connection']).toBe('close');
  });

  test('by authorize', async () => {
    const hook = pingHook({
      authorize: async () => {
        throw new HandshakeError(429, 'Too many', { 'Retry-After': '5' });
      },
    });
    const error = await rejection(connect(hook, { origin: ORIGIN }));
    expect(error).toMatchObject({ status: 429, reason: 'Too many', message: '429 Too many' });
    expect(error.headers['retry-after']).toBe('5');
  });

  test('by a Close frame', async () => {
    const error = await rejection(connect(pingHook({ rejectMode: 'close-frame' }), { origin: 'https://evil.test' }));
    expect(error).toMatchObject({ status: 101, closeCode: 1008 });
    expect(error.reason).toBe('WebSocket: Received HTTP request from a non-whitelisted origin');
  });

  test('without an answer', async () => {
    const error = await rejection(connect({ handleUpgrade: (_request, socket) => void socket.destroy() }));
    expect(error).toMatchObject({ status: 0, reason: '', message: 'closed without an answer' });
  });

  test('by a hook that is closed', async () => {
    const hook = pingHook();
    await hook.close();
    expect((await rejection(connect(hook, { origin: ORIGIN }))).status).toBe(503);
  });

  test.each([
    ['no Origin', {}, 400],
    ['another version', { origin: ORIGIN, headers: { 'Sec-WebSocket-Version': '8' } }, 426],
    ['a header field twice', { origin: ORIGIN, headers: { 'sec-websocket-key': ['dGhlIHNhbXBsZSBub25jZQ==', 'x'] } }, 400],
  ])('for %s', async (_name, options, status) => {
    expect((await rejection(connect(pingHook(), options))).status).toBe(status);
  });

  test('for a request that is no upgrade, which handleRequest answers', async () => {
    const error = await rejection(connect(pingHook(), { origin: ORIGIN, headers: { Upgrade: null, Connection: null } }));
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.reason).toMatch(/^WebSocket: /);
  });

  test('and one that was in leave no port, no timer, no transport and no subscription behind', async () => {
    const resources = (): number => process.getActiveResourcesInfo().filter((name) => /TCP|Pipe|Timeout/.test(name)).length;
    const before = resources();
    // The test runner has timers of its own, which come and go; a leftover stays.
    const expectNoMore = (): Promise<void> => expect.poll(resources).toBeLessThanOrEqual(before);
    // Time enough for a leftover to be seen.
    const hook = pingHook({ closeTimeout: 60_000 });
    const spying = rawTransport(hook);
    await rejection(connect(spying, { origin: 'https://evil.test' }));
    if (!spying.transport().closed) await once(spying.transport(), 'close');
    const client = await connect(hook, { origin: ORIGIN });
    await expectNoMore();
    expect(channel('ircd-websocket:open').hasSubscribers).toBe(false);
    await client.close();
    await hook.close();
    await expectNoMore();
  });

  test('holds nobody up', async () => {
    const hook = pingHook();
    await rejection(connect(hook, { origin: 'https://evil.test' }));
    const client = await connect(hook, { origin: ORIGIN });
    // Resolves when every transport is gone; a leftover would hold it for closeTimeout.
    const before = performance.now();
    await hook.close();
    expect(performance.now() - before).toBeLessThan(hook.config.closeTimeout / 2);
    expect(await client.closed).toMatchObject({ code: 1001 });
  });
});

describe('what a client says of itself', () => {
  test('header fields: cookies, addresses of a proxy, a key of its own', async () => {
    const client = await connect(pingHook({ proxyRanges: ['10.0.0.0/8'] }), {
      origin: ORIGIN,
      address: '10.0.0.1',
      headers: { 'X-Real-IP': '203.0.113.9', Cookie: 'session=abc', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
    });
    expect(client.socket.remoteAddress).toBe('203.0.113.9');
    expect(client.socket.websocket.cookies).toEqual({ session: 'abc' });
  });

  test('a Unix domain socket has no address', async () => {
    const client = await connect(pingHook(), { origin: ORIGIN, address: 'unix' });
    expect(client.socket.remoteAddress).toBeUndefined();
    expect(client.socket.websocket.peer.address).toBe('unix');
  });

  test.each([
    ['path', { path: '/a b' }],
    ['header value', { headers: { 'X-Y': 'a\r\nb' } }],
    ['header name', { headers: { 'X Y': 'a' } }],
  ])('a %s that HTTP cannot carry is a TypeError', async (_name, options) => {
    await expect(connect(pingHook(), options)).rejects.toThrow(TypeError);
  });
});

describe('a server that breaks the handshake', () => {
  const answer =
    (fields: string): Connectable['handleUpgrade'] =>
    (request: IncomingMessage, socket: Duplex) =>
      void socket.end(
        `HTTP/1.1 101 Switching Protocols\r\n${fields.replace('$key', request.headers['sec-websocket-key'] ?? '')}\r\n\r\n`,
      );

  test.each([
    ['upgrade', 'Connection: Upgrade'],
    ['connection', 'Upgrade: websocket'],
    ['sec-websocket-accept', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $key'],
  ])('is found out by its %s', async (field, fields) => {
    const promise = connect({ handleUpgrade: answer(fields) });
    await expect(promise).rejects.toThrow(ProtocolError);
    await expect(promise).rejects.toThrow(field);
  });

  test('chooses a subprotocol that was not offered', async () => {
    const hook = pingHook();
    const lying: Connectable = {
      handleUpgrade: (request, socket, head) => {
        const write = socket.write.bind(socket) as (data: string, encoding: BufferEncoding) => boolean;
        socket.write = ((data: string, encoding: BufferEncoding) =>
          write(data.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: other\r\n\r\n'), encoding)) as typeof socket.write;
        hook.handleUpgrade(request, socket, head);
      },
    };
    await expect(connect(lying, { origin: ORIGIN })).rejects.toThrow('sec-websocket-protocol: other');
  });
});

test('a gateway takes clients as a hook does', async () => {
  const ircd = createServer((socket) => socket.resume().write(':irc.test NOTICE * :Hello\r\n')).listen(0, '127.0.0.1');
  await once(ircd, 'listening');
  const { port } = ircd.address() as AddressInfo;
  const gateway = createIrcGateway({ hook: { origins: [ORIGIN] }, upstreams: [{ host: '127.0.0.1', port }] });
  const client = await connect(gateway, { origin: ORIGIN, address: '192.0.2.1' });
  expect(await client.nextLine()).toBe(':irc.test NOTICE * :Hello');
  expect([...gateway.hook.clients]).toEqual([client.client]);
  expect((await rejection(connect(gateway, { origin: 'https://evil.test' }))).status).toBe(403);
  await gateway.close();
  await new Promise((resolve) => ircd.close(resolve));
});

test('a server’s own time limits, by faked timers', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  try {
    const hook = pingHook({
      onConnection: (socket) => void setTimeout(() => socket.end('ERROR :Registration timeout\r\n'), 30_000),
    });
    const client = await connect(hook, { origin: ORIGIN });
    vi.advanceTimersByTime(30_000);
    expect(await client.nextLine()).toBe('ERROR :Registration timeout');
    expect((await client.closed).code).toBe(1000);
  } finally {
    vi.useRealTimers();
  }
});
