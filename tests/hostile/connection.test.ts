import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createWebSocketHook, type IrcSocket } from '../../src/index.ts';
import { encodeFrame, Opcode } from '../../src/protocol/frame.ts';
import { clientClose, clientFrame, clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';
import { handshake } from '../helpers/request.ts';

const echo = (socket: IrcSocket): void => void socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));
const pongs = (client: RawClient): number => client.frames.filter(({ opcode }) => opcode === Opcode.PONG).length;

describe('bans', () => {
  test.each([
    ['at once', (socket: IrcSocket) => void socket.destroy()],
    ['on the next tick', (socket: IrcSocket) => process.nextTick(() => socket.destroy())],
    ['in the turn after', (socket: IrcSocket) => setImmediate(() => socket.destroy())],
    [
      'when its address is set',
      (socket: IrcSocket) => {
        socket.setRemoteAddress('203.0.113.66');
        socket.destroy();
      },
    ],
  ])(
    'L1 a ban inside onConnection that destroys the socket %s: nothing is written after that, nothing crashes',
    async (_when, ban) => {
      const got: string[] = [];
      const { port } = await startHook({
        onConnection: (socket) => {
          socket.on('data', (chunk) => void got.push(String(chunk)));
          ban(socket);
          socket.once('close', () => {
            socket.write('too late\r\n');
            socket.writeLine('too late');
            socket.ping();
            socket.closeWebSocket(4000, 'too late');
          });
        },
      });
      const client = await RawClient.connect(port);
      client.socket.write(Buffer.concat([Buffer.from(upgradeRequest()), clientText('NICK x'), clientFrame(Opcode.PING, '')]));
      await client.until(() => client.ended || client.closed);
      expect(client.frames.filter(({ opcode }) => opcode !== Opcode.PONG)).toEqual([]);
      expect(client.received.includes('too late')).toBe(false);
    },
  );

  test('N15 a client that is gone when authorize says yes is not served', async () => {
    let release: () => void = () => {};
    const { port, sockets } = await startHook({
      authorize: () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    });
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest());
    await new Promise((resolve) => setTimeout(resolve, 30));
    client.socket.end();
    await client.until(() => client.closed || client.ended);
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sockets.length).toBe(0);
  });
});

describe('pings and closes', () => {
  test('C2 a client that pings again and again, and is pinged meanwhile, is no flood', async () => {
    const { port, nextSocket } = await startHook({ pingInterval: 50, pingTimeout: 5_000 });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    for (let i = 1; i <= 30; i++) {
      client.socket.write(Buffer.concat([clientFrame(Opcode.PING, `${i}`), clientFrame(Opcode.PONG, '')]));
      await client.until(() => pongs(client) === i);
    }
    expect(client.closeFrame).toBeUndefined();
  });

  test('C3 a ping leaves an idle socket by itself, and an unsolicited pong is nobody’s answer', async () => {
    const { port, nextSocket } = await startHook({ pingInterval: 0, serverName: 'irc' });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    client.socket.write(clientFrame(Opcode.PONG, 'unasked'));
    let trips = 0;
    socket.ping(() => trips++);
    await client.until(() => client.frames.some(({ opcode }) => opcode === Opcode.PING));
    client.socket.write(Buffer.concat([clientFrame(Opcode.PONG, 'other payload'), clientFrame(Opcode.PING, 'mark')]));
    await client.until(() => pongs(client) === 1);
    expect(trips).toBe(1);
  });

  test('C9 closing from within a close, a line and an end does nothing twice', async () => {
    const seen: string[] = [];
    const { port, nextSocket } = await startHook({
      onConnection: (socket) => {
        for (const event of ['end', 'finish', 'close'] as const) {
          socket.on(event, () => {
            seen.push(event);
            socket.closeWebSocket(4001);
            socket.end();
            socket.destroy();
          });
        }
        socket.onLine(() => {
          socket.closeWebSocket(4002, 'first');
          socket.closeWebSocket(4003, 'second');
          socket.end('x\r\n');
        });
      },
    });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    client.socket.write(Buffer.concat([clientText('go'), clientClose(1000)]));
    await closed;
    await client.until(() => client.ended || client.closed);
    expect(client.frames.filter(({ opcode }) => opcode === Opcode.CLOSE).length).toBe(1);
    expect(client.closeFrame).toEqual({ code: 4002, reason: 'first' });
    expect(seen.filter((event) => event === 'close').length).toBe(1);
  });

  test('C10 a closed tab is an end at once, with its code', async () => {
    const { port, nextSocket } = await startHook({ onConnection: echo });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const ended = once(socket, 'end');
    client.socket.write(clientClose(1001));
    await ended;
    expect(socket.closeStatus).toEqual({ code: 1001, reason: '', clean: true });
  });

  test('F13 a Close frame split over reads is one Close frame; nothing behind it is read', async () => {
    const lines: string[] = [];
    const { port, nextSocket } = await startHook({
      onConnection: (socket) => void socket.onLine((line: string) => void lines.push(line)),
    });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const ended = once(socket, 'end');
    const bytes = Buffer.concat([clientClose(4000, 'why'), clientText('ghost')]);
    for (const byte of bytes) {
      if (client.socket.writable) client.socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    expect(socket.closeStatus).toEqual({ code: 4000, reason: 'why', clean: true });
    expect(lines).toEqual([]);
  });
});

describe('frames', () => {
  test('F3 F12 messages around every limit: whole below, 1009 above', async () => {
    const { port } = await startHook({ onConnection: echo });
    const client = await RawClient.open(port);
    for (const size of [509, 510, 511, 512, 8_700, 8_701]) client.socket.write(clientText('x'.repeat(size)));
    client.socket.write(clientText('y'.repeat(8_702)));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.lines.map((line) => line.length - 5)).toEqual([509, 510, 511, 512, 8_700, 8_701]);
    expect(client.closeFrame).toEqual({ code: 1009, reason: 'WebSocket: message of 8702 bytes, limit 8701' });
  });

  test('F9 fragments are one line, not a command each', async () => {
    const { port } = await startHook({ onConnection: echo });
    const client = await RawClient.open(port);
    client.socket.write(
      Buffer.concat([clientText('PRIVMSG #a :hello ', { fin: false }), clientFrame(Opcode.CONTINUATION, 'QUIT :x')]),
    );
    await client.until(() => client.lines.length === 1);
    expect(client.lines).toEqual(['echo PRIVMSG #a :hello QUIT :x']);
  });

  test('F14 what the server wrote is not changed by sending, and later changes do not reach the wire', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const pool = Buffer.from('....:a NOTICE b :hi\r\n....');
    const view = pool.subarray(4, -4);
    socket.write(view);
    expect(pool.toString()).toBe('....:a NOTICE b :hi\r\n....');
    pool.fill(0x21);
    await client.until(() => client.lines.length === 1);
    expect(client.lines).toEqual([':a NOTICE b :hi']);
  });

  test('U1 text that is not UTF-8 reaches nobody: 1007', async () => {
    const lines: string[] = [];
    const { port } = await startHook({ onConnection: (socket) => void socket.onLine((line: string) => void lines.push(line)) });
    const client = await RawClient.open(port);
    client.socket.write(clientFrame(Opcode.TEXT, Buffer.from('PRIVMSG #a :\xff', 'latin1')));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame?.code).toBe(1007);
    expect(lines).toEqual([]);
  });

  test('U7 a line over 64 KiB has the 64-bit length', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.writeLine('z'.repeat(70_000));
    await client.until(() => client.lines.length === 1);
    expect(client.lines[0]?.length).toBe(70_000);
  });

  test('S7 U8 text is the default; what a server of another charset writes is UTF-8 all the same', async () => {
    const { port, nextSocket } = await startHook({ fallbackEncoding: 'koi8-r' });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.write(Buffer.concat([Buffer.from('PRIVMSG #a :'), Buffer.from('d0d2c9d7c5d4', 'hex'), Buffer.from('\r\n')]));
    await client.until(() => client.lines.length === 1);
    expect(client.frames[0]?.opcode).toBe(Opcode.TEXT);
    expect(client.lines).toEqual(['PRIVMSG #a :привет']);
  });
});

describe('the handshake', () => {
  test('H4 H13 empty and repeated fields, and an answer that says its length', async () => {
    const { port } = await startHook();
    expect((await handshake(port, { Origin: '', X: ['', ''], Cookie: ['a=1', 'b=2'] })).status).toBe(400);
    const answer = await handshake(port, { Origin: 'https://evil.test' });
    expect(Number(/Content-Length: (\d+)/i.exec(answer.head)?.[1])).toBe(answer.body.length);
  });

  test('N19 bytes beyond ASCII in a header are bytes, and in an Origin they are refused', async () => {
    const { port, nextSocket } = await startHook();
    const next = nextSocket();
    const client = await RawClient.connect(port);
    client.socket.write(Buffer.from(upgradeRequest({ 'User-Agent': 'Caf\xe9' }), 'latin1'));
    expect((await next).websocket.userAgent).toBe('Caf\xe9');
    expect((await handshake(port, { Origin: 'https://caf\xe9.example.com' })).status).toBe(403);
  });

  test('L2 clients of an old configuration go on framing when a new one is in force', async () => {
    const { hook, port, nextSocket } = await startHook({ onConnection: echo, maxMessageSize: 100 });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    hook.rehash({ origins: ['https://elsewhere.test'], maxMessageSize: 5, defaultMode: 'binary', sendQueueLimit: 1 });
    client.socket.write(clientText('more than five bytes'));
    await client.until(() => client.lines.length === 1);
    expect(client.frames[0]).toEqual({ opcode: Opcode.TEXT, payload: Buffer.from('echo more than five bytes') });
    expect(socket.destroyed).toBe(false);
  });

  test('L5 the request is let go: a client keeps facts, not headers', async () => {
    let request: WeakRef<object> | undefined;
    const hook = createWebSocketHook({
      origins: ['https://*.example.com'],
      onConnection: (socket, incoming) => {
        request = new WeakRef(incoming);
        socket.resume();
      },
    });
    const server = createServer().on('upgrade', hook.handleUpgrade).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = await RawClient.open((server.address() as AddressInfo).port);
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    for (let i = 0; i < 20 && request?.deref() !== undefined; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      collect();
    }
    expect(request?.deref()).toBeUndefined();
    expect(hook.clients.size).toBe(1);
    client.socket.destroy();
    await hook.close();
    server.close();
  });

  test('L3 a server frame is never masked, and has the shortest header', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const before = client.received.length;
    socket.writeLine('hi');
    await client.until(() => client.lines.length === 1);
    expect(client.received.subarray(before).equals(encodeFrame(Opcode.TEXT, Buffer.from('hi')))).toBe(true);
  });
});
