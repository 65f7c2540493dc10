import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/frame.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';
import { CASES, CLOSE_1000, type ConformanceCase } from './cases.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

async function startEcho(): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['.build/conformance/echo.js', '--port', '0'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(/:(\d+)\/$/m.exec(String(line).trim())?.[1]) };
}

let echo: Awaited<ReturnType<typeof startEcho>>;

beforeAll(async () => {
  // What `npm run conformance:echo` runs: the compiled public entry point.
  for (const project of ['src', 'tests/conformance'])
    execFileSync('npx', ['tsc', '-p', project], { cwd: ROOT, stdio: 'inherit' });
  echo = await startEcho();
}, 60_000);

afterAll(async () => {
  echo.child.kill('SIGTERM');
  if (echo.child.exitCode === null) await once(echo.child, 'exit');
});

async function run({ writes, echoes, pongs = [], close }: ConformanceCase): Promise<void> {
  const client = await RawClient.connect(echo.port);
  client.socket.setNoDelay(true);
  client.socket.write(upgradeRequest());
  await client.until(() => client.status === 101);
  for (const bytes of writes) {
    if (!client.socket.writable) break;
    client.socket.write(bytes);
    // A write of its own becomes a read of its own.
    if (writes.length < 40) await new Promise((resolve) => setImmediate(resolve));
  }
  if (close === undefined) {
    await client.until(() => client.frames.length >= echoes.length + pongs.length, 15_000);
    client.socket.write(CLOSE_1000);
  }
  await client.until(() => client.ended || client.closed, 15_000);
  const data = client.frames.filter(({ opcode }) => opcode <= Opcode.BINARY);
  expect(data.length).toBe(echoes.length);
  for (const [i, [opcode, payload]] of echoes.entries()) {
    expect(data[i]?.opcode).toBe(opcode);
    // Buffers of megabytes are compared, not printed.
    expect(data[i]?.payload.equals(payload)).toBe(true);
  }
  expect(client.frames.filter(({ opcode }) => opcode === Opcode.PONG).map(({ payload }) => payload.toString('hex'))).toEqual(
    pongs.map((payload) => payload.toString('hex')),
  );
  expect(client.closeFrame?.code).toBe(close ?? 1000);
}

describe('RFC 6455, case by case', () => {
  test.each(CASES.map((one) => [one.id, one] as const))('%s', async (_id, one) => {
    await run(one);
  });
});

test('SIGTERM: 1001 for everybody, and exit 0', async () => {
  const { child, port } = await startEcho();
  const client = await RawClient.open(port);
  child.kill('SIGTERM');
  await client.until(() => client.closeFrame !== undefined);
  expect(client.closeFrame).toEqual({ code: 1001, reason: 'echo server is shutting down' });
  client.socket.end(CLOSE_1000);
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(0);
});
