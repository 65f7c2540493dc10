/**
 * The process may open no more descriptors: at `accept`, at `connect`, at `listen`. Clients that are in notice nothing; when there are descriptors again, others
 * come in; nothing reaches the process.
 *
 * The limit is really lowered, in a process of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WAIT_LIMIT } from '../helpers/wait.ts';
import { WirePeer, wireText } from '../helpers/wire.ts';
import { comes } from '../helpers/world.ts';

const PROGRAM = fileURLToPath(new URL('limited.mjs', import.meta.url));
const LIMIT = 64;

let child: ChildProcess;
let lines: Interface;
let errors = '';
let ports: { hook: number; gateway: number };

async function next(): Promise<Record<string, unknown>> {
  const signal = AbortSignal.timeout(WAIT_LIMIT);
  const [line] = (await once(lines, 'line', { signal }).catch(() => {
    throw new Error(`no answer; its standard error: ${errors}`);
  })) as [string];
  return JSON.parse(line) as Record<string, unknown>;
}

function ask(command: string): Promise<Record<string, unknown>> {
  const answer = next();
  child.stdin?.write(`${command}\n`);
  return answer;
}

beforeEach(async () => {
  errors = '';
  child = spawn('/bin/sh', ['-c', `ulimit -n ${LIMIT} && exec "$@"`, 'sh', process.execPath, PROGRAM], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  ports = (await next()) as typeof ports;
});

afterEach(async () => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
});

/** Sends a line and waits for its echo. */
async function isServed(peer: WirePeer, text: string): Promise<boolean> {
  const count = peer.lines.length;
  peer.send(wireText(text));
  return comes(() => peer.lines.length > count && (peer.lines.at(-1) as string).endsWith(text));
}

/** One that may be hung up on: `null` where it was. */
async function visit(port: number): Promise<WirePeer | null> {
  const peer = await WirePeer.open({ port }).catch(() => null);
  return peer?.isIn === true ? peer : null;
}

/** Tries until one comes in. */
async function comeIn(port: number): Promise<WirePeer> {
  let peer: WirePeer | null = null;
  const deadline = performance.now() + WAIT_LIMIT;
  while (peer === null && performance.now() < deadline) {
    peer = await visit(port);
    if (peer === null) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (peer === null) throw new Error(`nobody comes in any more; its standard error: ${errors}`);
  return peer;
}

async function ends(): Promise<void> {
  expect(await ask('count')).toMatchObject({ faults: [] });
  expect(await ask('close')).toEqual({ closed: true });
  if (child.exitCode === null) await once(child, 'exit');
  expect([child.exitCode, errors]).toEqual([0, '']);
}

describe('EMFILE', () => {
  test('at accept: a client that is in is served, those who knock are hung up on or wait, and come in afterwards', async () => {
    const client = await comeIn(ports.hook);
    expect(await ask('take 0')).toEqual({ taken: 'EMFILE' });
    const knocking = await Promise.all(
      Array.from({ length: 20 }, () => WirePeer.connect({ port: ports.hook }).catch(() => null)),
    );
    for (let i = 0; i < 20; i++) expect(await isServed(client, `still here ${i}`)).toBe(true);
    expect(await ask('count')).toEqual({ clients: 1, faults: [] });
    expect(await ask('give')).toEqual({ given: true });
    const late = await comeIn(ports.hook);
    expect(await isServed(late, 'hello')).toBe(true);
    expect(await isServed(client, 'hello')).toBe(true);
    for (const peer of knocking) peer?.socket.destroy();
    late.close(1_000);
    client.close(1_000);
    await ends();
  });

  test('at accept, again and again: no descriptor is lost', async () => {
    for (let round = 0; round < 5; round++) {
      expect(await ask('take 0')).toEqual({ taken: 'EMFILE' });
      const knocking = await Promise.all(
        Array.from({ length: 30 }, () => WirePeer.connect({ port: ports.hook }).catch(() => null)),
      );
      for (const peer of knocking) peer?.reset();
      expect(await ask('give')).toEqual({ given: true });
    }
    // As many as the limit allows, and not one less than in the first round.
    const clients: WirePeer[] = [];
    for (let i = 0; i < 30; i++) clients.push(await comeIn(ports.hook));
    for (const client of clients) expect(await isServed(client, 'hello')).toBe(true);
    for (const client of clients) client.close(1_000);
    await ends();
  });

  test('at connect: the gateway has no descriptor for the IRC server; 503, and the next one comes in', async () => {
    const client = await comeIn(ports.gateway);
    // One is left: for the browser, not for the server behind.
    expect(await ask('take 1')).toEqual({ taken: 'EMFILE' });
    const refused = await WirePeer.open({ port: ports.gateway }).catch(() => null);
    expect(refused?.isIn ?? false).toBe(false);
    if (refused !== null && refused.head !== '') expect(refused.head).toMatch(/^HTTP\/1\.1 503 /);
    expect(await isServed(client, 'PING :still here')).toBe(true);
    expect(await ask('give')).toEqual({ given: true });
    refused?.socket.destroy();
    const late = await comeIn(ports.gateway);
    expect(await isServed(late, 'PING :hello')).toBe(true);
    late.close(1_000);
    client.close(1_000);
    await ends();
  });

  test('at listen: an error of that listener alone', async () => {
    const client = await comeIn(ports.hook);
    expect(await ask('take 0')).toEqual({ taken: 'EMFILE' });
    expect(await ask('listen')).toEqual({ listen: 'EMFILE' });
    expect(await isServed(client, 'hello')).toBe(true);
    expect(await ask('give')).toEqual({ given: true });
    expect(await ask('listen')).toEqual({ listen: 'done' });
    client.close(1_000);
    await ends();
  });
});
