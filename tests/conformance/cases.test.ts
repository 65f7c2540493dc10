import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { ConformanceCase } from './case.ts';
import { CASES } from './cases.ts';
import { play } from './peer.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PASSED = { outcome: 'passed', detail: '' };

interface EchoServer {
  readonly child: ChildProcess;
  readonly port: number;
}

/** What `npm run conformance:echo` starts: the compiled public entry point. */
async function startEcho(): Promise<EchoServer> {
  const child = spawn(process.execPath, ['.build/conformance/echo.js', '--port', '0'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(/:(\d+)\/$/m.exec(String(line).trim())?.[1]) };
}

/** Stops by SIGTERM; the exit status. */
async function stop({ child }: EchoServer): Promise<number | null> {
  const exit = once(child, 'exit') as Promise<[number | null]>;
  child.kill('SIGTERM');
  return (await exit)[0];
}

const caseOf = (id: string): ConformanceCase => CASES.find((one) => one.id === id) as ConformanceCase;

describe('RFC 6455, case by case', () => {
  let echo: EchoServer;
  beforeAll(async () => {
    echo = await startEcho();
  });
  afterAll(() => stop(echo));

  const cases = CASES.filter(({ isHeavy = false }) => !isHeavy || process.env['CONFORMANCE_FULL'] === '1');
  test.each(cases.map((one) => [one.id, one.title, one] as const))('%s %s', async (_id, _title, one) => {
    expect(await play(one.script(), echo.port)).toEqual(PASSED);
  });
});

test('every number stands once', () => {
  const ids = CASES.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  // 247 numbers of sections 1 to 7 and 10, 54 of section 9.
  expect(CASES.filter(({ isHeavy = false }) => !isHeavy).length).toBe(301);
});

describe('the judge, before another server', () => {
  async function playWs(id: string, options: object): Promise<string> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    try {
      return (await play(caseOf(id).script(), (server.address() as AddressInfo).port)).outcome;
    } finally {
      for (const client of server.clients) client.terminate();
      server.close();
    }
  }

  test('a message checked as a whole is non-strict where the first wrong byte was enough', async () => {
    expect(await playWs('6.4.2', {})).toBe('non-strict');
  });

  test('UTF-8 that is not checked at all, or a message that is refused, has failed', async () => {
    expect(await playWs('6.3.1', {})).toBe('passed');
    expect(await playWs('6.3.1', { skipUTF8Validation: true })).toBe('failed');
    expect(await playWs('1.1.4', { maxPayload: 126 })).toBe('failed');
  });
});

describe('SIGTERM', () => {
  const open = new Set<Socket>();
  afterAll(() => {
    for (const socket of open) socket.destroy();
  });

  /** Connects, writes, and waits for the answer where there is one. */
  async function send(port: number, bytes: string): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    open.add(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    if (bytes === '') return socket;
    socket.write(bytes);
    if (bytes.endsWith('\r\n\r\n')) await once(socket, 'data');
    return socket;
  }

  const UPGRADE =
    'GET / HTTP/1.1\r\nHost: echo\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

  test('is 1001 for everybody, and exit 0', async () => {
    const echo = await startEcho();
    const sockets = [await send(echo.port, UPGRADE), await send(echo.port, UPGRADE)];
    const frames = sockets.map((socket) => once(socket, 'data') as Promise<[Buffer]>);
    const exit = stop(echo);
    for (const [bytes] of await Promise.all(frames)) {
      expect(bytes.toString('latin1')).toBe('\x88\x1e\x03\xe9echo server is shutting down');
    }
    // Their Close frames, masked by zeros.
    for (const socket of sockets) socket.end(Buffer.from('88820000000003e9', 'hex'));
    expect(await exit).toBe(0);
  });

  test.each([
    ['says nothing', ''],
    ['stops within a header', 'GET / HTTP/1.1\r\nHost: ec'],
    ['keeps its connection alive', 'GET / HTTP/1.1\r\nHost: echo\r\n\r\n'],
    ['never answers the Close frame', UPGRADE],
  ])('is exit 0 with a client that %s', async (_what, bytes) => {
    const echo = await startEcho();
    await send(echo.port, bytes);
    expect(await stop(echo)).toBe(0);
  });
});
