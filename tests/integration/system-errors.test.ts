/**
 * The system has no memory (ENOMEM) or no process (EAGAIN) left: at `accept`, and where the gateway starts a worker.
 *
 * `strace` lets the system calls themselves fail: what Node and the library make of it is theirs. Limits cannot do it: root has no
 * limit of processes, and a process that has no memory left for `accept` has none for a test either. The lack of descriptors is in
 * `tests/system/descriptors.test.ts` and `gateway-limits.test.ts`, by a real limit.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { requirePeer } from '../helpers/peers.ts';
import { PlainIrc } from '../helpers/plain-irc.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { WirePeer, wireText } from '../helpers/wire.ts';
import { comes } from '../helpers/world.ts';

/** `null`, too, where the system lets nobody trace a process, as in some containers: there the tests say that they were skipped. */
const STRACE = whereItMayTrace(requirePeer('strace'));
const LIMITED = join(ROOT, 'tests/system/limited.mjs');

function whereItMayTrace(strace: string | null): string | null {
  if (strace === null) return null;
  return spawnSync(strace, ['-qq', '-o', '/dev/null', process.execPath, '-e', '0']).status === 0 ? strace : null;
}

let folder: string;
let child: ChildProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
});

afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  child = null;
  rmSync(folder, { recursive: true, force: true });
});

/**
 * The command that lets system calls fail. `-D`: the program itself, and not `strace`, is the child of the test.
 *
 * @param when which calls of a thread fail, counted from one
 */
function failing(calls: string, code: string, when: string): [string, ...string[]] {
  const options = ['-D', '-f', '--seccomp-bpf', '-qq', '-o', join(folder, 'calls.txt')];
  return [STRACE as string, ...options, '-e', `trace=${calls}`, '-e', `inject=${calls}:error=${code}:when=${when}`];
}

/** How many calls have failed for the test's sake. */
function failures(code: string): number {
  const lines = readFileSync(join(folder, 'calls.txt'), 'utf8').split('\n');
  return lines.filter((line) => line.includes(` = -1 ${code} `) && line.endsWith('(INJECTED)')).length;
}

describe.skipIf(STRACE === null).each(['ENOMEM', 'EAGAIN'])('%s', (code) => {
  test('at accept: a client waits until the system has room again; no event, and nobody else notices', async () => {
    // The first connection is the program's own, the second is the client that is in.
    const [program, ...options] = failing('accept4', code, '3..8');
    child = spawn(program, [...options, process.execPath, LIMITED], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const next = async (): Promise<Record<string, unknown>> => JSON.parse(((await once(lines, 'line')) as [string])[0]);
    const ask = (command: string): Promise<Record<string, unknown>> => {
      const answer = next();
      child?.stdin?.write(`${command}\n`);
      return answer;
    };
    const ports = await next();
    const port = ports['hook'] as number;
    const client = await WirePeer.open({ port });
    const late = await WirePeer.open({ port });
    expect(failures(code)).toBe(6);
    for (const peer of [client, late]) {
      peer.send(wireText('hello'));
      expect(await comes(() => peer.lines.length > 0)).toBe(true);
    }
    expect(await ask('count')).toEqual({ clients: 2, faults: [] });
    client.close(1_000);
    late.close(1_000);
    expect(await ask('close')).toEqual({ closed: true });
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });

  // glibc makes processes by `clone` and threads by `clone3`: the primary's third `clone` is the first worker's successor.
  const CONFIG = '<bind port="0"><health port="0"><wsorigin allow="https://chat.example.com">';

  test('where a dead worker is followed by the next: it is logged, tried again, and comes; the other one serves', async () => {
    const irc = await PlainIrc.start();
    const gateway = await GatewayCli.start(`${CONFIG}<upstream host="127.0.0.1" port="${irc.port}">`, {
      workers: 2,
      under: failing('clone,fork,vfork', code, '3..4'),
    });
    const { pid } = gateway.process;
    const [first = 0] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    process.kill(first, 'SIGKILL');
    await gateway.logged(new RegExp(`worker 1 died \\(spawn .*${code}\\): the next one starts in 1 s`));
    const client = await RawClient.open(gateway.webPort());
    client.socket.destroy();
    expect((await gateway.stats()).workers).toBe(1);
    await gateway.logged(new RegExp(`worker 1 died \\(spawn .*${code}\\): the next one starts in 2 s`));
    await gateway.logged(/worker 1 is back/);
    expect(failures(code)).toBe(2);
    expect(await gateway.stats()).toMatchObject({ workers: 2, restarts: 3 });
    gateway.process.kill('SIGTERM');
    expect(await gateway.ended(), gateway.log).toBe(0);
  });

  test('where the gateway starts: it says why, and ends without leaving a worker behind', async () => {
    const gateway = await GatewayCli.start(`${CONFIG}<upstream host="127.0.0.1" port="1">`, {
      workers: 2,
      under: failing('clone,fork,vfork', code, '2'),
    });
    expect(await gateway.ended()).toBe(1);
    expect(gateway.log).toMatch(new RegExp(`not started: spawn .*${code}`));
    // Standard error ends when the last process that has it has ended.
    await comes(() => gateway.process.stderr?.readableEnded === true);
    expect(gateway.process.stderr?.readableEnded).toBe(true);
  });
});
