/**
 * One measurement: a server process, a load process, a warm-up, a window.
 *
 * In: a peer and a scenario. Out: the server's processor time for each unit of the window, in microseconds; for `idle` and `after-activity`, bytes a connection.
 * What was sent and what arrived is compared at both ends before any figure is given.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { workerArguments } from '../../src/cli/worker-arguments.ts';
import type { LoadSample } from './load.ts';
import { GATEWAYS, type PeerName } from './peers/peer.ts';
import type { ProcessSample } from './sample.ts';
import type { Scenario } from './scenarios.ts';
import type { ServerSample } from './server.ts';

/** Milliseconds of the two phases. */
export interface Durations {
  readonly warmUp: number;
  readonly window: number;
}

/** What one measurement gives. */
export interface Measured {
  /** Microseconds of the server's processor time for each unit; bytes of heap and external memory a connection where the scenario is one of memory. */
  readonly value: number;
  /** Units in the window. */
  readonly units: number;
  /** Scenarios of memory: bytes of resident memory a connection. */
  readonly rss?: number;
}

/** A server or a load that has not answered for this many milliseconds is given up. */
const ANSWER_TIMEOUT = 60_000;

/** A command to run the server with in place of `node`: a newer C library for uWebSockets' binary, another version of Node. All peers get the same. */
const NODE_COMMAND = process.env['BENCH_NODE']?.split(' ').filter((word) => word !== '') ?? [];

/** Measures `peer` once. @throws Error where a process fails, or bytes are missing */
export async function measure(peer: PeerName, scenario: Scenario, { warmUp, window }: Durations): Promise<Measured> {
  const server = await startServer(peer, scenario);
  let load: ChildProcess | null = null;
  try {
    const transport = peer === 'net' || peer === 'relay' ? 'net' : peer === 'resume' || peer === 'http2' ? peer : 'websocket';
    load = start('load.js', [transport, scenario.name, String(server.port)], []);
    await answer(load, 'ready');
    if (scenario.rest !== undefined) return await measureRest(server, load, scenario, window);
    if (scenario.load === 'idle') return await measureIdle(server, load, scenario);
    return await measureWindow(server, load, scenario, warmUp, window);
  } finally {
    load?.kill('SIGKILL');
    for (const process of new Set([server.tested, server.counting])) process.kill('SIGKILL');
  }
}

/** The processes behind a port. */
interface Server {
  readonly port: number;
  /** The process whose time and memory count. */
  readonly tested: ChildProcess;
  /** The process that knows what has come: the IRC server, behind a gateway or not. */
  readonly counting: ChildProcess;
}

async function startServer(peer: PeerName, scenario: Scenario): Promise<Server> {
  const counting = startTested(peer, scenario);
  const { port } = await answer<{ port: number }>(counting, 'listening');
  if (!GATEWAYS.has(peer)) return { port, tested: counting, counting };
  const nodeArguments = peer === 'worker' ? workerArguments([], '') : [];
  const tested = start('gateway.js', [peer === 'relay' ? peer : 'gateway', String(port)], NODE_COMMAND, nodeArguments);
  return { ...(await answer<{ port: number }>(tested, 'listening')), tested, counting };
}

/** Starts the server whose lines are counted: the one in this folder, or in another version's. */
function startTested(peer: PeerName, { name }: Scenario): ChildProcess {
  if (!peer.startsWith('before-')) return start('server.js', [GATEWAYS.has(peer) ? 'net' : peer, name], NODE_COMMAND);
  const folder = process.env['BENCH_BEFORE'];
  if (folder === undefined) throw new RangeError(`${peer}: BENCH_BEFORE does not name the built benchmark of another version`);
  return start(pathToFileURL(`${folder}/server.js`).href, [peer.slice('before-'.length), name], NODE_COMMAND);
}

async function measureWindow(
  server: Server,
  load: ChildProcess,
  scenario: Scenario,
  warmUp: number,
  window: number,
): Promise<Measured> {
  await connectAll(server, load, scenario.connections);
  await ask(load, { type: 'start' });
  await work(server, scenario, Math.max(warmUp, scenario.warmUp ?? 0));
  const before = await sampleServer(server);
  await work(server, scenario, window);
  const after = await sampleServer(server);
  await ask(load, { type: 'stop' });
  await checkBytes(server, load, scenario);
  const units = unitsOf(after, scenario) - unitsOf(before, scenario);
  return { value: (after.cpu - before.cpu) / units, units };
}

/**
 * Lets the server work for `duration` milliseconds, and on a busy machine for longer: until it had half as much processor time. A server that was kept waiting has not
 * been compiled when the window begins, and has too few lines in it.
 */
async function work(server: Server, { load }: Scenario, duration: number): Promise<void> {
  const { cpu } = await sampleServer(server);
  // A paced load leaves most of the time to others.
  const due = cpu + duration * 1_000 * (load === 'paced' ? 0.25 : 0.5);
  const latest = performance.now() + 10 * duration;
  await sleep(duration);
  while ((await sampleServer(server)).cpu < due && performance.now() < latest) await sleep(100);
}

/** Between N and 2 N connections: what a process is without any does not count. */
async function measureIdle(server: Server, load: ChildProcess, { connections }: Scenario): Promise<Measured> {
  await connectAll(server, load, connections);
  const before = await sampleServer(server, true);
  await connectAll(server, load, connections, 2 * connections);
  const after = await sampleServer(server, true);
  return { value: (after.heap - before.heap) / connections, units: connections, rss: (after.rss - before.rss) / connections };
}

/**
 * What is left of a conversation: all connect, talk, and rest. The resident memory is taken as it then is, garbage included, since that is what an operator sees;
 * what a process is without clients does not count. Heap and external memory are taken after a collection.
 */
async function measureRest(server: Server, load: ChildProcess, scenario: Scenario, window: number): Promise<Measured> {
  const { connections, rest } = scenario;
  const before = await sampleServer(server, true);
  await connectAll(server, load, connections);
  if (scenario.load !== 'idle') {
    await ask(load, { type: 'start' });
    await work(server, scenario, window);
    await ask(load, { type: 'stop' });
    await checkBytes(server, load, scenario);
  }
  await sleep(rest);
  const { rss } = await sampleServer(server);
  const { heap } = await sampleServer(server, true);
  return { value: (heap - before.heap) / connections, units: connections, rss: (rss - before.rss) / connections };
}

function unitsOf(sample: ServerSample, { unit }: Scenario): number {
  if (unit === 'line in') return sample.linesIn;
  return unit === 'line out' ? sample.linesOut : sample.connections;
}

async function connectAll(server: Server, load: ChildProcess, count: number, total = count): Promise<void> {
  if (count === 0) return;
  load.send({ type: 'connect', count });
  await answer(load, 'connected');
  // A TCP client is connected before its server has accepted it.
  await until(
    async () => (await sampleServer(server)).clients === total,
    () => `the server does not have ${total} clients`,
  );
}

/** Waits until both ends agree on what was said. */
async function checkBytes(server: Server, load: ChildProcess, scenario: Scenario): Promise<void> {
  let seen = '';
  await until(
    async () => {
      const sent = await ask(load, { type: 'sample' });
      const taken = await sampleServer(server);
      seen = JSON.stringify({ sent, taken });
      // Behind a gateway the IRC server hears a QUIT for each client that leaves.
      const wereHeard =
        scenario.app === 'greet' || (sent.linesOut === taken.linesIn && sent.charactersOut === taken.charactersIn);
      return wereHeard && sent.bytesIn === sent.expectedBytes;
    },
    () => `${scenario.name}: what was sent is not what came: ${seen}`,
  );
}

async function until(condition: () => Promise<boolean>, complaint: () => string): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries > 200) throw new Error(complaint());
    await sleep(50);
  }
}

function start(
  file: string,
  args: readonly string[],
  command: readonly string[],
  nodeArguments: readonly string[] = [],
): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const [execPath, ...before] = command;
  const child = fork(path, [...args], {
    execArgv: [...before, ...nodeArguments, '--expose-gc'],
    ...(execPath === undefined ? {} : { execPath }),
  });
  child.on('error', (error) => {
    throw error;
  });
  return child;
}

async function sampleServer({ tested, counting }: Server, collects = false): Promise<ServerSample> {
  const sample = async <Sample>(process: ChildProcess): Promise<Sample> => {
    process.send({ type: 'sample', collects });
    return answer<Sample>(process, 'sample');
  };
  const counted = await sample<ServerSample>(counting);
  return tested === counting ? counted : { ...counted, ...(await sample<ProcessSample>(tested)) };
}

function ask(load: ChildProcess, message: object): Promise<LoadSample> {
  load.send(message);
  return answer<LoadSample>(load, 'sample');
}

async function answer<Answer>(child: ChildProcess, type: string): Promise<Answer> {
  const over = new AbortController();
  const exited = once(child, 'exit', { signal: over.signal }).then(([code]) => {
    throw new Error(`${child.spawnargs.slice(1).join(' ')} ended, status ${String(code)}`);
  });
  const late = sleep(ANSWER_TIMEOUT, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${child.spawnargs.slice(1).join(' ')}: no ${type}`);
  });
  const came = once(child, 'message', { signal: over.signal }).then(([message]) => {
    if ((message as { type: string }).type !== type) throw new Error(`${JSON.stringify(message)} is no ${type}`);
    return message as Answer;
  });
  try {
    return await Promise.race([came, exited, late]);
  } finally {
    for (const promise of [came, exited, late]) promise.catch(() => {});
    over.abort();
  }
}
