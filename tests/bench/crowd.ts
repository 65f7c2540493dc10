/**
 * A crowd of silent clients: `npm run bench:crowd -- [--clients N] [--processes N] [--peers line,stream,ws] [--seconds N] [--write BLOCK]`
 *
 * Each peer has fresh server processes, one peer after the other; as many loads connect the clients from several loopback addresses, answer pings and say nothing. The
 * figures are the servers' resident and heap memory a client, and their processor time over the window, in which each client is pinged every 30 s: this library with its
 * defaults, `ws` with the heartbeat that its documentation has.
 *
 * A process needs a descriptor for each of its clients: the limit is raised by `prlimit`, where this user may. Where the machine's limit is lower, `--processes` shares the
 * clients out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, markdown, writeBlock } from './page.ts';
import type { ProcessSample } from './sample.ts';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '100000' },
    processes: { type: 'string', default: '1' },
    peers: { type: 'string', default: 'line,stream,ws' },
    seconds: { type: 'string', default: '120' },
    write: { type: 'string' },
  },
});
const [clients, processes, seconds] = [Number(values.clients), Number(values.processes), Number(values.seconds)];
const clientsEach = Math.ceil(clients / processes);

type Sample = ProcessSample & { readonly clients: number };

const heads = [
  'peer',
  'clients',
  'processes',
  'resident, bytes a client',
  'heap and external, bytes a client',
  'processor time, % of a core',
];
console.log(`${machine()}; each client pinged every 30 s, over ${seconds} s\n\n${markdown({ heads, rows: [] })}`);
for (const peer of values.peers.split(',')) {
  const row = await measure(peer);
  console.log(`| ${row.join(' | ')} |`);
  if (values.write !== undefined) writeBlock(values.write, { heads, rows: [row] });
}

async function measure(peer: string): Promise<string[]> {
  const pairs = Array.from({ length: processes }, () => ({
    server: start('crowd-server.js', [peer]),
    load: start('crowd-load.js', []),
  }));
  const sample = (collects: boolean): Promise<Sample[]> =>
    Promise.all(pairs.map(({ server }) => ask<Sample>(server, { type: 'sample', collects })));
  try {
    const ports = await Promise.all(pairs.map(({ server }) => answer<{ port: number }>(server, 'listening')));
    await sample(true);
    const before = await sample(true);
    await Promise.all(
      pairs.map((pair, load) => {
        pair.load.send({ type: 'connect', port: ports[load]?.port, clients: clientsEach, load });
        return answer(pair.load, 'connected');
      }),
    );
    const full = await sample(true);
    const began = await sample(false);
    await sleep(seconds * 1_000);
    const ended = await sample(false);
    const stayed = Math.min(...full.map((one) => one.clients), ...ended.map((one) => one.clients));
    if (stayed !== clientsEach) throw new Error(`only ${stayed} of ${clientsEach} clients stayed`);
    const pings = sum(await Promise.all(pairs.map(({ load }) => ask<{ pings: number }>(load, { type: 'sample' }))), 'pings');
    const total = clientsEach * processes;
    const expected = total * Math.max(1, Math.floor(seconds / 30) - 1);
    if (pings < expected) throw new Error(`${pings} pings came, at least ${expected} were due`);
    const memory = (['rss', 'heap'] as const).map((kind) => ((sum(full, kind) - sum(before, kind)) / total).toFixed(0));
    const share = (sum(ended, 'cpu') - sum(began, 'cpu')) / seconds / 10_000;
    return [peer, String(total), String(processes), ...memory, share.toFixed(2)];
  } finally {
    for (const { server, load } of pairs) for (const child of [load, server]) child.kill('SIGKILL');
  }
}

function sum<Key extends string>(samples: readonly Readonly<Record<Key, number>>[], key: Key): number {
  return samples.reduce((all, one) => all + one[key], 0);
}

function start(file: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const limit = `--nofile=${clientsEach + 1_000}:${clientsEach + 1_000}`;
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
