import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { broadcast } from '../../src/client/broadcast.ts';
import { diagnostics } from '../../src/diagnostics.ts';
import type { IrcSocket } from '../../src/index.ts';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientClose, clientFrame, clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { steadily } from '../helpers/steady.ts';

const pings = (client: RawClient): string[] =>
  client.frames.filter(({ opcode }) => opcode === Opcode.PING).map(({ payload }) => payload.toString());
const pongs = (client: RawClient): string[] =>
  client.frames.filter(({ opcode }) => opcode === Opcode.PONG).map(({ payload }) => payload.toString());

describe('liveness', () => {
  test('an idle client gets a ping with the server’s name; any traffic puts it off; no answer is 1001 with a reason', async () => {
    await steadily(40, async () => {
      const { port, nextSocket } = await startHook({ pingInterval: 120, pingTimeout: 120, serverName: 'irc.example.com' });
      const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
      socket.resume();
      const beat = setInterval(() => client.socket.write(clientText('x')), 20);
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(pings(client)).toEqual([]);
      clearInterval(beat);
      await client.until(() => pings(client).length === 1);
      client.socket.write(clientFrame(Opcode.PONG, 'whatever'));
      await client.until(() => pings(client).length === 2);
      expect(pings(client)).toEqual(['irc.example.com', 'irc.example.com']);
      await client.until(() => client.closeFrame !== undefined);
      expect(client.closeFrame?.code).toBe(1001);
      expect(client.closeFrame?.reason).toMatch(/^Ping timeout: \d+ seconds$/);
      expect(pings(client).length).toBe(2);
    });
  });

  test('a server that stood still does not take its own silence for its clients’', async () => {
    const { port, nextSocket } = await startHook({ pingInterval: 100, pingTimeout: 2_000 });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    await client.until(() => pings(client).length === 1);
    // In the kernel before the server stands still for longer than both limits.
    client.socket.write(clientFrame(Opcode.PONG, ''));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_400);
    await client.until(() => pings(client).length === 2 || client.closeFrame !== undefined);
    expect(client.closeFrame).toBeUndefined();
  });

  test('C1 a ping in two segments is one ping', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    const frame = clientFrame(Opcode.PING, 'split');
    client.socket.write(frame.subarray(0, 3));
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.write(frame.subarray(3));
    await client.until(() => pongs(client).length === 1);
    expect(pongs(client)).toEqual(['split']);
  });

  test('two pings at once are fine, a thousand at once are 1008', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    client.socket.write(Buffer.concat([clientFrame(Opcode.PING, 'a'), clientFrame(Opcode.PING, 'b')]));
    await client.until(() => pongs(client).length === 2);
    const floods: unknown[] = [];
    const listener = (message: unknown): void => void floods.push((message as { reason: string }).reason);
    diagnostics.flood.subscribe(listener);
    client.socket.write(Buffer.concat(Array.from({ length: 1_000 }, () => clientFrame(Opcode.PING, 'x'))));
    await client.until(() => client.closeFrame !== undefined);
    diagnostics.flood.unsubscribe(listener);
    expect(client.closeFrame).toEqual({ code: 1008, reason: 'WebSocket: Ping/pong flood' });
    expect(floods).toEqual(['WebSocket: Ping/pong flood']);
    expect(pongs(client).length).toBeLessThan(200);
  });

  test.each([
    ['pongs', clientFrame(Opcode.PONG, ''), 'WebSocket: Ping/pong flood'],
    ['empty messages', clientText(''), 'WebSocket: Empty message flood'],
    ['messages of line ends alone', clientText('\r\n\r\n'), 'WebSocket: Empty message flood'],
  ])('F7 a flood of %s is 1008', async (_what, frame, reason) => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    client.socket.write(Buffer.concat(Array.from({ length: 1_000 }, () => frame)));
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 1008, reason });
  });

  test('a thousand lines at once are no flood of ours', async () => {
    const lines: string[] = [];
    const { port } = await startHook({ onConnection: (socket) => void socket.onLine((line: string) => void lines.push(line)) });
    const client = await RawClient.open(port);
    client.socket.write(Buffer.concat(Array.from({ length: 1_000 }, (_, i) => clientText(`${i}`))));
    client.socket.write(clientFrame(Opcode.PING, 'done'));
    await client.until(() => pongs(client).length === 1);
    expect(lines.length).toBe(1_000);
  });

  test('socket.ping measures the round trip; it is false where native pings are off', async () => {
    const { port, nextSocket } = await startHook({ pingInterval: 0, serverName: 'irc' });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.resume();
    const trip = new Promise<number>((resolve) => void expect(socket.ping(resolve)).toBe(true));
    await client.until(() => pings(client).length === 1);
    client.socket.write(clientFrame(Opcode.PONG, 'irc'));
    expect(await trip).toBeGreaterThan(0);

    const off = await startHook({ nativePing: false, pingInterval: 20 });
    const [quiet, quietClient] = await Promise.all([off.nextSocket(), RawClient.open(off.port)]);
    quiet.resume();
    expect(quiet.ping()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(pings(quietClient)).toEqual([]);
  });
});

describe('back-pressure', () => {
  test('U9 a client over sendQueueLimit is closed, "SendQ exceeded", and its queue is freed; never an error', async () => {
    for (const face of ['stream', 'line'] as const) {
      const { port, nextSocket } = await startHook({ sendQueueLimit: 100_000 });
      const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
      client.socket.pause();
      const errors: unknown[] = [];
      socket.on('error', (error) => errors.push(error));
      const closed = once(socket, 'close');
      const line = 'x'.repeat(2_000);
      for (let i = 0; i < 100_000 && !socket.destroyed; i++) {
        if (face === 'stream') socket.write(`${line}\r\n`);
        else socket.writeLine(line);
        if (i % 8 === 7) await new Promise((resolve) => setImmediate(resolve));
      }
      await closed;
      expect(socket.closeStatus).toEqual({ code: 1008, reason: 'SendQ exceeded', clean: false });
      expect(errors).toEqual([]);
      expect(socket.bufferSize).toBeLessThan(100_000);
    }
  });

  test('a line without end counts towards sendQueueLimit', async () => {
    const { port, nextSocket } = await startHook({ sendQueueLimit: 100_000 });
    const [socket] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const closed = once(socket, 'close');
    for (let i = 0; i < 200 && !socket.destroyed; i++) socket.write('x'.repeat(1_000));
    await closed;
    expect(socket.closeStatus?.reason).toBe('SendQ exceeded');
  });

  test('a server that stops reading stops the peer within a bounded number of bytes', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.on('data', () => {});
    socket.pause();
    const frames = Buffer.concat(Array.from({ length: 1_000 }, () => clientText('y'.repeat(400))));
    let sent = 0;
    const pump = (): void => {
      while (sent < 400 && client.socket.write(frames)) sent++;
      if (sent < 400) client.socket.once('drain', pump);
    };
    pump();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(socket.readableLength).toBeLessThan(512 * 1024);
    expect(socket.bytesRead).toBeLessThan(2 * 1024 * 1024);
    expect(client.closed).toBe(false);
    client.socket.destroy();
  });

  test('C5 pings that pile up behind a slow reader are answered once, by the newest', async () => {
    const { port, nextSocket } = await startHook({ sendQueueLimit: 64 * 1024 * 1024 });
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.on('data', () => {});
    client.socket.pause();
    while (socket.writeLine('z'.repeat(8_000))) await new Promise((resolve) => setImmediate(resolve));
    const before = socket.bytesRead;
    const frames = Buffer.concat(Array.from({ length: 20 }, (_, i) => clientFrame(Opcode.PING, `${i}`)));
    client.socket.write(frames);
    while (socket.bytesRead < before + frames.length) await new Promise((resolve) => setImmediate(resolve));
    client.socket.resume();
    await client.until(() => pongs(client).length > 0);
    expect(pongs(client)).toEqual(['19']);
  });

  test('a ping that finds a little unsent is answered behind it', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    socket.on('data', () => {});
    client.socket.pause();
    // A line at a time: what the kernel does not take of it is less than what the transport calls full.
    while (socket.bufferSize === 0) {
      expect(socket.writeLine('z'.repeat(8_000))).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const before = socket.bytesRead;
    const frame = clientFrame(Opcode.PING, 'here');
    client.socket.write(frame);
    while (socket.bytesRead < before + frame.length) await new Promise((resolve) => setImmediate(resolve));
    client.socket.resume();
    await client.until(() => pongs(client).length > 0);
    expect(pongs(client)).toEqual(['here']);
  });
});

describe('one write a turn', () => {
  test('everything written in one turn leaves together, in order, whatever wrote it', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const before = socket.bytesWritten;
    socket.write('1\r\n2\r\n');
    socket.writeLine('3');
    socket.write(Buffer.from('4\r\n'));
    socket.ping();
    socket.writeLine('5');
    expect(socket.bytesWritten).toBe(before);
    await client.until(() => client.frames.length === 6);
    expect(client.frames.map(({ opcode, payload }) => (opcode === Opcode.PING ? 'ping' : payload.toString()))).toEqual([
      '1',
      '2',
      '3',
      '4',
      'ping',
      '5',
    ]);
  });

  test('those who get the same lines in a turn share them, and nobody gets another’s', async () => {
    const { port, nextSocket } = await startHook();
    const pairs: (readonly [IrcSocket, RawClient])[] = [];
    for (let i = 0; i < 3; i++) pairs.push(await Promise.all([nextSocket(), RawClient.open(port)]));
    const [a, b, c] = pairs.map(([socket]) => socket) as [IrcSocket, IrcSocket, IrcSocket];
    broadcast([a, b, c], 'first');
    b.writeLine('for b 1');
    c.writeLine('for c 1');
    broadcast([a, b, c], 'second');
    for (const socket of [c, b, a]) socket.write(Buffer.from('third\r\n'));
    broadcast([c, b], 'fourth');
    const lines = async (index: number, count: number): Promise<readonly string[]> => {
      const [, client] = pairs[index] as [IrcSocket, RawClient];
      await client.until(() => client.lines.length === count);
      return client.lines;
    };
    expect(await lines(0, 3)).toEqual(['first', 'second', 'third']);
    expect(await lines(1, 5)).toEqual(['first', 'for b 1', 'second', 'third', 'fourth']);
    expect(await lines(2, 5)).toEqual(['first', 'for c 1', 'second', 'third', 'fourth']);
  });

  test('a turn that makes very much does not wait for its end', async () => {
    const { port, nextSocket } = await startHook();
    const [socket, client] = await Promise.all([nextSocket(), RawClient.open(port)]);
    const before = socket.bytesWritten;
    for (let i = 0; i < 100; i++) socket.writeLine('x'.repeat(1_000));
    expect(socket.bytesWritten).toBeGreaterThan(before + 65_000);
    await client.until(() => client.lines.length === 100);
  });
});

describe('faults of the server’s own code', () => {
  test.each([
    [
      'onConnection',
      () => {
        throw new Error('secret');
      },
    ],
    [
      'onLine',
      (socket: IrcSocket) => {
        socket.onLine(() => {
          throw new Error('secret');
        });
      },
    ],
    [
      'data',
      (socket: IrcSocket) => {
        socket.on('data', () => {
          throw new Error('secret');
        });
      },
    ],
  ])(
    'a throwing %s ends that one client, 1011 without details; the diagnostics channel knows; nobody else notices',
    async (_what, onConnection) => {
      const seen: { error: unknown; code: number }[] = [];
      const listener = (message: unknown): void => void seen.push(message as { error: unknown; code: number });
      diagnostics.protocolError.subscribe(listener);
      let isFirst = true;
      const { port } = await startHook({
        onConnection: (socket) => {
          if (isFirst) {
            isFirst = false;
            onConnection(socket);
          } else socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));
        },
      });
      const client = await RawClient.open(port);
      const other = await RawClient.open(port);
      client.socket.write(clientText('x'));
      await client.until(() => client.closeFrame !== undefined);
      expect(client.closeFrame).toEqual({ code: 1011, reason: 'Internal error' });
      other.socket.write(clientText('y'));
      await other.until(() => other.lines.length === 1);
      expect(other.lines).toEqual(['echo y']);
      expect(seen.map(({ code, error }) => [code, (error as Error).message])).toEqual([[1011, 'secret']]);
      diagnostics.protocolError.unsubscribe(listener);
      other.socket.write(clientClose(1000));
    },
  );
});
