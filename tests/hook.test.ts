import { once } from 'node:events';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ConfigError, createWebSocketHook, HandshakeError, type IrcSocket, type WebSocketHook } from '../src/index.ts';
import { clientClose, clientText } from './helpers/frames.ts';
import { startHook } from './helpers/hook.ts';
import { RawClient, upgradeRequest } from './helpers/raw-client.ts';

const echo = (socket: IrcSocket): void => void socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));

describe('ways in', () => {
  test('http.createServer().on("upgrade", hook.handleUpgrade)', async () => {
    const hook = createWebSocketHook({ origins: ['*://*.example.com'], onConnection: echo });
    const server = createServer().on('upgrade', hook.handleUpgrade).on('request', hook.handleRequest).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = await RawClient.open((server.address() as AddressInfo).port);
    client.socket.write(clientText('hi'));
    await client.until(() => client.lines.length === 1);
    expect(client.lines).toEqual(['echo hi']);
    expect(hook.clients.size).toBe(1);
    client.socket.end(clientClose(1000));
    await client.until(() => client.closed);
    await hook.close();
    expect(hook.clients.size).toBe(0);
    server.close();
  });

  test('net.createServer(hook.accept): a bare connection whose first byte is not read yet', async () => {
    const hook = createWebSocketHook({ origins: ['https://*.example.com'], onConnection: echo });
    const server = net.createServer({ allowHalfOpen: false }, hook.accept).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = await RawClient.open(port);
    client.socket.write(clientText('hi'));
    await client.until(() => client.lines.length === 1);
    expect(client.lines).toEqual(['echo hi']);
    const refused = await RawClient.connect(port);
    refused.socket.write(upgradeRequest({ Origin: 'https://evil.test' }));
    await refused.until(() => refused.ended);
    expect(refused.status).toBe(403);
    await hook.close();
    server.close();
  });

  test('register takes a Map or anything with register(name, hook)', () => {
    const hook = createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {} });
    const map = new Map<string, WebSocketHook>();
    hook.register(map);
    expect(map.get('websocket')).toBe(hook);
    const calls: unknown[] = [];
    hook.register({ register: (...args: unknown[]) => calls.push(args) });
    expect(calls).toEqual([['websocket', hook]]);
  });

  test('N12 frames glued to the request are read, once, after onConnection', async () => {
    const { port, nextSocket } = await startHook({ onConnection: echo });
    const socket = nextSocket();
    const client = await RawClient.connect(port);
    client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), clientText('one'), clientText('two').subarray(0, 5)]));
    await socket;
    client.socket.write(clientText('two').subarray(5));
    await client.until(() => client.lines.length === 2);
    expect(client.lines).toEqual(['echo one', 'echo two']);
  });

  test('request and Close frame in one packet: the 101 comes, and the echo of the Close', async () => {
    const { port } = await startHook({ onConnection: echo });
    const client = await RawClient.connect(port);
    client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), clientText('hi'), clientClose(1000)]));
    await client.until(() => client.ended);
    expect(client.status).toBe(101);
    expect(client.lines).toEqual(['echo hi']);
    expect(client.closeFrame).toEqual({ code: 1000, reason: '' });
  });

  test('a plain HTTP request gets the documented 501, or the author’s own answer', async () => {
    const { port } = await startHook();
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { Origin: 'https://chat.example.com' } });
    expect([answer.status, await answer.text()]).toEqual([
      501,
      'WebSocket: Received HTTP request which is not a websocket upgrade',
    ]);
    expect(answer.headers.get('content-type')).toBe('text/plain');
    const own = await startHook({}, { onRequest: (_request, response) => void response.end('the web client') });
    expect(await (await fetch(`http://127.0.0.1:${own.port}/`)).text()).toBe('the web client');
  });

  test('a TLS listener that asks for client certificates is refused when it is made', () => {
    const hook = createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {} });
    expect(() => hook.createListener({ tls: { requestCert: true } })).toThrow(ConfigError);
  });
});

describe('authorize', () => {
  test('holds the client’s input, and lets it in or not', async () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { port, sockets, nextSocket } = await startHook({ onConnection: echo, authorize: () => gate });
    const client = await RawClient.connect(port);
    client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), clientText('one')]));
    client.socket.write(clientText('two'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sockets.length).toBe(0);
    expect(client.received.length).toBe(0);
    const next = nextSocket();
    release();
    await next;
    client.socket.write(clientText('three'));
    await client.until(() => client.lines.length === 3);
    expect(client.lines).toEqual(['echo one', 'echo two', 'echo three']);
  });

  test.each([
    [
      'a HandshakeError is told as it is',
      () => Promise.reject(new HandshakeError(403, 'You are banned: spam')),
      403,
      'You are banned: spam',
    ],
    [
      'another status too',
      () => {
        throw new HandshakeError(429, 'Slow down');
      },
      429,
      'Slow down',
    ],
    [
      'anything else is 403 without details',
      () => Promise.reject(new TypeError('x of undefined')),
      403,
      'WebSocket: Connection refused',
    ],
  ] as const)('%s', async (_name, authorize, status, body) => {
    const rejected: HandshakeError[] = [];
    const { port, sockets } = await startHook({ authorize, onReject: (error) => void rejected.push(error) });
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest());
    await client.until(() => client.ended);
    expect([client.status, client.body]).toEqual([status, body]);
    expect(client.head.toLowerCase()).toContain(
      `connection: close\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`,
    );
    expect(rejected.map(({ reason }) => reason)).toEqual([body]);
    expect(sockets.length).toBe(0);
  });

  test('N1 L4 a reset while it is pending aborts the signal, ends nothing else, and onConnection is not called', async () => {
    let signal: AbortSignal | undefined;
    let release: () => void = () => {};
    const { port, sockets } = await startHook({
      onConnection: echo,
      authorize: (_facts, _request, given) => {
        signal = given;
        return new Promise((resolve) => {
          release = resolve;
        });
      },
    });
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest());
    while (signal === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    const aborted = once(signal, 'abort');
    client.socket.resetAndDestroy();
    await aborted;
    release();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sockets.length).toBe(0);
  });

  test('handshakeTimeout covers it: 503, and the signal aborts', async () => {
    let signal: AbortSignal | undefined;
    const { port } = await startHook({
      handshakeTimeout: 1_000,
      authorize: (_facts, _request, given) => {
        signal = given;
        return new Promise(() => {});
      },
    });
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest());
    await client.until(() => client.ended);
    expect(client.status).toBe(503);
    expect(signal?.aborted).toBe(true);
  });
});

describe('rejectMode "close-frame"', () => {
  test('accepts the WebSocket and closes it with the reason, which a page’s JavaScript can read', async () => {
    const { port, sockets } = await startHook({ rejectMode: 'close-frame' });
    const client = await RawClient.open(port, { Origin: 'https://evil.test', 'Sec-WebSocket-Protocol': 'text.ircv3.net' });
    await client.until(() => client.ended);
    expect(client.closeFrame).toEqual({ code: 1008, reason: 'WebSocket: Received HTTP request from a non-whitelisted origin' });
    expect(client.head).toContain('Sec-WebSocket-Protocol: text.ircv3.net\r\n');
    expect(sockets.length).toBe(0);
  });

  test('what is no WebSocket request still gets its HTTP error', async () => {
    const { port } = await startHook({ rejectMode: 'close-frame' });
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest({ 'Sec-WebSocket-Key': 'x' }));
    await client.until(() => client.ended);
    expect(client.status).toBe(400);
  });
});

describe('rehash', () => {
  test('is all or nothing, takes effect for newcomers, and leaves clients what they came in with', async () => {
    const { hook, port, nextSocket } = await startHook({ onConnection: echo, maxFragments: 3 });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    expect(() => hook.rehash({ origins: ['https://new.test'], proxyRanges: ['localhost'] })).toThrow(ConfigError);
    expect(hook.config.origins).toEqual(['https://*.example.com']);
    hook.rehash({ origins: ['https://new.test'], defaultMode: 'binary' });
    expect(hook.config.maxFragments).toBe(16);
    client.socket.write(clientText('still here'));
    await client.until(() => client.lines.length === 1);
    expect(socket.websocket.origin).toBe('https://chat.example.com');
    expect(socket.websocket.mode).toBe('text');
    const old = await RawClient.connect(port);
    old.socket.write(upgradeRequest());
    await old.until(() => old.ended);
    expect(old.status).toBe(403);
    const [newcomer] = await Promise.all([nextSocket(), RawClient.open(port, { Origin: 'https://new.test' })]);
    expect(newcomer.websocket.mode).toBe('binary');
  });

  test('from inside a client’s own line it is safe', async () => {
    const { hook, port } = await startHook({
      onConnection: (socket) =>
        void socket.onLine((line: string) => {
          if (line === 'REHASH') hook.rehash({ origins: ['https://other.test'] });
          socket.writeLine(`done ${line}`);
        }),
    });
    const client = await RawClient.open(port);
    client.socket.write(Buffer.concat([clientText('REHASH'), clientText('next')]));
    await client.until(() => client.lines.length === 2);
    expect(client.lines).toEqual(['done REHASH', 'done next']);
  });
});

describe('close', () => {
  test('C8 N17 1001 with the reason for clients, behind what was written; 503 for newcomers; resolves when all are gone', async () => {
    const { hook, port, nextSocket } = await startHook({ onConnection: echo });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.write('ERROR :Server going down\r\n');
    const closed = hook.close('Back in a minute');
    const late = await RawClient.connect(port);
    late.socket.write(upgradeRequest());
    await client.until(() => client.closeFrame !== undefined);
    expect(client.lines).toEqual(['ERROR :Server going down']);
    expect(client.closeFrame).toEqual({ code: 1001, reason: 'Back in a minute' });
    await late.until(() => late.ended);
    expect(late.status).toBe(503);
    client.socket.end(clientClose(1001));
    await closed;
    expect(hook.clients.size).toBe(0);
    expect(socket.destroyed).toBe(true);
  });

  test('is bounded by closeTimeout where a client does not answer', async () => {
    const { hook, port, nextSocket } = await startHook({ closeTimeout: 100 });
    const [socket] = await Promise.all([nextSocket(), RawClient.open(port)]);
    await hook.close();
    expect(socket.destroyed).toBe(true);
  });

  test('spread: clients are closed one by one over that time, each served until its turn; 503 for newcomers from the first', async () => {
    const { hook, port } = await startHook({ onConnection: echo });
    const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.open(port)));
    const isClosed = (client: RawClient): boolean => client.closeFrame !== undefined;
    const order: RawClient[] = [];
    for (const client of clients) {
      void client
        .until(() => isClosed(client))
        .then(() => {
          order.push(client);
          client.socket.end(clientClose(1001));
        });
    }
    const closed = hook.close('Back in a minute', { spread: 1_000 });
    const late = await RawClient.connect(port);
    late.socket.write(upgradeRequest());
    await late.until(() => late.ended);
    expect(late.status).toBe(503);
    await Promise.race(clients.map((client) => client.until(() => isClosed(client))));
    const waiting = clients.filter((client) => !isClosed(client));
    expect(waiting.length).toBeGreaterThan(0);
    const other = waiting.at(-1) as RawClient;
    other.socket.write(clientText('still served'));
    await other.until(() => other.lines.length === 1 || isClosed(other));
    await closed;
    expect(hook.clients.size).toBe(0);
    expect(clients.map((client) => client.closeFrame)).toEqual(clients.map(() => ({ code: 1001, reason: 'Back in a minute' })));
    await Promise.all(clients.map((client) => client.until(() => order.includes(client))));
    // One order of 40! that would be by chance.
    expect(order).not.toEqual(clients);
  });

  test('spread: a second close() without one closes those that are left at once', async () => {
    const { hook, port } = await startHook({ onConnection: echo });
    const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(port)));
    for (const client of clients)
      void client.until(() => client.closeFrame !== undefined).then(() => client.socket.end(clientClose(1001)));
    const closed = hook.close('Restarting', { spread: 3_600_000 });
    expect(hook.clients.size).toBe(10);
    expect(hook.close('Now')).toBe(closed);
    await closed;
    expect(clients.map((client) => client.closeFrame?.reason)).toEqual(clients.map(() => 'Restarting'));
  });

  test('spread: a client that goes by itself meanwhile keeps its own reason, and is not waited for', async () => {
    const { hook, port, nextSocket } = await startHook({ onConnection: echo });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const closed = hook.close('Restarting', { spread: 3_600_000 });
    client.socket.end(clientClose(1000, 'bye'));
    await closed;
    expect(socket.closeStatus).toEqual({ code: 1000, reason: 'bye', clean: true });
    await hook.close();
  });

  test.each([-1, Number.NaN, 3_600_001, Number.POSITIVE_INFINITY])('spread: %s is no time', (spread) => {
    const hook = createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {} });
    expect(() => hook.close('x', { spread })).toThrow(RangeError);
  });

  test('an AbortSignal and `await using` close it too', async () => {
    const controller = new AbortController();
    const { port, nextSocket } = await startHook({ signal: controller.signal });
    const [, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    controller.abort();
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame?.code).toBe(1001);
    const hook = createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {} });
    await hook[Symbol.asyncDispose]();
  });
});

test('an option that must be a function is refused when it is not', () => {
  expect(() => createWebSocketHook({ origins: ['https://a.example'], onConnection: undefined as never })).toThrow(ConfigError);
  expect(() => createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {}, authorize: 1 as never })).toThrow(
    'authorize',
  );
});
