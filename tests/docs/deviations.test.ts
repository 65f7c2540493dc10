/**
 * Each claim of `docs/api.md`, "Deviations from net.Socket", seen to be true. Ends and resets have tests of their own:
 * `tests/client/closing.test.ts`.
 */
import { once } from 'node:events';
import { Server, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/frame.ts';
import { clientClose, clientFrame, clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient } from '../helpers/raw-client.ts';

async function pair(options: Parameters<typeof startHook>[0] = {}) {
  const running = await startHook({ nativePing: false, ...options });
  const coming = running.nextSocket();
  const client = await RawClient.open(running.port);
  const socket = await coming;
  return { ...running, client, socket };
}

test('the same: instanceof, and any property can be written', async () => {
  const { socket } = await pair();
  expect(socket).toBeInstanceOf(Socket);
  expect(socket).toBeInstanceOf(Duplex);
  const own = socket as unknown as Record<string, unknown>;
  for (const name of ['server', 'timeout', 'connecting', 'encrypted', 'start', 'name', 'ended']) {
    own[name] = 'mine';
    expect(own[name]).toBe('mine');
  }
});

test("'data' carries whole lines with CR LF", async () => {
  const { socket, client } = await pair();
  const chunks: string[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  client.socket.write(Buffer.concat([clientText('NICK ada\n'), clientText('USER ada 0 * ada\r\nJOIN #a')]));
  await expect.poll(() => chunks.join('')).toBe('NICK ada\r\nUSER ada 0 * ada\r\nJOIN #a\r\n');
  for (const chunk of chunks) expect(chunk).toMatch(/\r\n$/);
});

test('what is written leaves at the end of the turn, a frame for each line; a part without LF waits', async () => {
  const { socket, client } = await pair();
  socket.write('a\r\nb\nhalf ');
  await client.until(() => client.lines.length === 2);
  socket.write('a line\r\nrest');
  await client.until(() => client.lines.length === 3);
  socket.end();
  await client.until(() => client.closeFrame !== undefined);
  expect(client.lines).toEqual(['a', 'b', 'half a line', 'rest']);
});

test('nothing is read before somebody reads', async () => {
  const { socket, client } = await pair();
  const isSent = once(client.socket, 'close');
  client.socket.end(clientClose(1000));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(socket.closeStatus).toBeNull();
  socket.resume();
  await once(socket, 'close');
  expect(socket.closeStatus).toMatchObject({ code: 1000, clean: true });
  client.socket.destroy();
  await isSent;
});

test('after the Close frame of the client nothing is written to it', async () => {
  const { socket, client } = await pair();
  socket.resume();
  socket.cork();
  socket.write('corked\r\n');
  client.socket.write(clientClose(1000));
  await client.until(() => client.closeFrame !== undefined);
  expect(client.lines).toEqual([]);
});

test("'finish' comes before the error of a write behind end()", async () => {
  const { socket } = await pair();
  const events: string[] = [];
  for (const name of ['finish', 'error'] as const) socket.on(name, () => events.push(name));
  socket.end();
  socket.write('late\r\n');
  await expect.poll(() => events.length).toBe(2);
  expect(events).toEqual(['finish', 'error']);
});

test('destroy() still sends what was written before in the same turn', async () => {
  const { socket, client } = await pair();
  socket.write('last words\r\n');
  socket.destroy();
  await client.until(() => client.closed || client.ended);
  expect(client.lines).toEqual(['last words']);
});

test('what a listener throws ends this client alone, with 1011, and goes to onError', async () => {
  const faults: string[] = [];
  const { socket, client } = await pair({ onError: (_error, { during }) => faults.push(during) });
  socket.on('data', () => {
    throw new Error('a fault of the server');
  });
  client.socket.write(clientText('x'));
  await client.until(() => client.closeFrame !== undefined);
  expect(client.closeFrame?.code).toBe(1011);
  expect(faults).toEqual(['data']);
});

test('a reset is an error only where somebody listens, and closeStatus is 1006', async () => {
  const { socket, client } = await pair();
  socket.resume();
  // `once` would listen for 'error' too.
  const hadError = new Promise((resolve) => socket.on('close', resolve));
  client.socket.resetAndDestroy();
  expect(await hadError).toBe(true);
  expect(socket.closeStatus).toMatchObject({ code: 1006, clean: false });
});

test('setTimeout counts lines, not pings', async () => {
  const { socket, client } = await pair();
  socket.resume();
  let isPinging = true;
  const pings = setInterval(() => isPinging && client.socket.write(clientFrame(Opcode.PING, '')), 20);
  socket.setTimeout(300);
  await once(socket, 'timeout');
  isPinging = false;
  clearInterval(pings);
  expect(socket.destroyed).toBe(false);
});

test('bytesRead and bytesWritten count the transport', async () => {
  const { socket, client } = await pair();
  socket.on('data', () => socket.write('answer\r\n'));
  client.socket.write(clientText('x'));
  await client.until(() => client.lines.length === 1);
  // The upgrade request, the 101 and the frames are among them.
  expect(socket.bytesRead).toBeGreaterThan(100);
  expect(socket.bytesWritten).toBe(client.received.length);
});

test('connect() throws; connecting and pending are false; encrypted says how the client came', async () => {
  const { socket } = await pair();
  expect(() => socket.connect(80)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }));
  expect([socket.connecting, socket.pending, socket.encrypted]).toEqual([false, false, false]);
  expect(() => socket.setTimeout('5000' as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
});

test('server.getConnections of another server, maxConnections and close() do not know the client', async () => {
  const { socket, server } = await pair();
  const other = new Server();
  let given: unknown;
  other.on('connection', (one) => {
    given = one;
  });
  other.emit('connection', socket);
  expect(given).toBe(socket);
  expect(await new Promise((resolve) => other.getConnections((_error, count) => resolve(count)))).toBe(0);
  expect(await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))).toBe(1);
});
