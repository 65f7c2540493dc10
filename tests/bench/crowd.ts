/**
 * A crowd of silent clients: `npm run bench:crowd -- [--clients N] [--peers line,stream,ws] [--seconds N]`
 *
 * Each peer has a fresh server process, one after the other. The load connects N clients from several loopback addresses, answers pings and says nothing. The figures
 * are the server's resident and heap memory a client, and its processor time over the window, in which each client is pinged every 30 s: this library with its defaults,
 * `ws` with the heartbeat that its documentation has.
 *
 * Both processes need a descriptor for each client: the limit is raised by `prlimit`, where this user may.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ProcessSample } from './sample.ts';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '100000' },
    peers: { type: 'string', default: 'line,stream,ws' },
    seconds: { type: 'string', default: '120' },
  },
});
const [clients, seconds] = [Number(values.clients), Number(values.seconds)];

console.log(`Node ${process.version}; ${clients} clients, each pinged every 30 s, over ${seconds} s\n`);
console.log('| peer | resident, bytes a client | heap and external, bytes a client | processor time, % of a core |');
console.log('| --- | --- | --- | --- |');
for (const peer of values.peers.split(',')) {
  const server = start('crowd-server.js', [peer]);
  const load = start('crowd-load.js', []);
  try {
    const { port } = await answer<{ port: number }>(server, 'listening');
    await ask(server, { type: 'sample', collects: true });
    const before = await ask<ProcessSample>(server, { type: 'sample', collects: true });
    load.send({ type: 'connect', port, clients });
    await answer(load, 'connected');
    const full = await ask<ProcessSample & { clients: number }>(server, { type: 'sample', collects: true });
    if (full.clients !== clients) throw new Error(`the server has ${full.clients} clients`);
    const began = await ask<ProcessSample>(server, { type: 'sample', collects: false });
    await sleep(seconds * 1_000);
    const ended = await ask<ProcessSample & { clients: number }>(server, { type: 'sample', collects: false });
    if (ended.clients !== clients) throw new Error(`only ${ended.clients} clients stayed`);
    const { pings } = await ask<{ pings: number }>(load, { type: 'sample' });
    const expected = clients * Math.max(1, Math.floor(seconds / 30) - 1);
    if (pings < expected) throw new Error(`${pings} pings came, at least ${expected} were due`);
    const memory = [(full.rss - before.rss) / clients, (full.heap - before.heap) / clients].map((bytes) => bytes.toFixed(0));
    console.log(`| ${peer} | ${memory.join(' | ')} | ${((ended.cpu - began.cpu) / seconds / 10_000).toFixed(2)} |`);
  } finally {
    for (const child of [load, server]) child.kill('SIGKILL');
  }
}

function start(file: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const limit = `--nofile=${clients + 1_000}:${clients + 1_000}`;
  return spawn('prlimit', [limit, process.execPath, '--expose-gc', '--max-old-space-size=8192', path, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function ask<Answer>(child: ChildProcess, message: object): Promise<Answer> {
  child.send(message);
  return answer<Answer>(child, 'sample');
}

async function answer<Answer>(child: ChildProcess, type: string): Promise<Answer> {
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`${child.spawnargs.slice(1).join(' ')} ended, status ${String(code)}`);
  });
  const [message] = await Promise.race([once(child, 'message'), exited]);
  if ((message as { type: string }).type !== type) throw new Error(`${JSON.stringify(message)} is no ${type}`);
  return message as Answer;
}
