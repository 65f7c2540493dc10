/**
 * `npm run soak -- [--clients 10000] [--seconds 600] [--churn 1000] [--json]`: a server over the hook for a while, with clients that chat, come and go.
 *
 * One process is the server, others are the clients (`--processes`). Exit status 1 when a promise was broken: those of `crowd.ts`, and that the server ends
 * with the clients, channels and descriptors that it should have, and with the heap that it began with, to a tenth.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { CrowdReport, FromCrowd, FromServer, Measurement, ToCrowd, ToServer } from './messages.ts';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '600' },
    /** Clients that leave, and others that come, in a minute. */
    churn: { type: 'string', default: '1000' },
    channel: { type: 'string', default: '50' },
    /** Seconds between two lines of one client. */
    every: { type: 'string', default: '30' },
    /** Seconds of talk before the first look: until then code is compiled, and every client has been heard. */
    warmup: { type: 'string', default: '30' },
    /** Milliseconds. */
    'ping-interval': { type: 'string', default: '20000' },
    'ping-timeout': { type: 'string', default: '20000' },
    /** Milliseconds over which the clients are closed in the end. */
    spread: { type: 'string', default: '5000' },
    processes: { type: 'string', default: String(Math.max(1, Math.min(4, availableParallelism() - 1))) },
    json: { type: 'boolean', default: false },
  },
});
const clients = Number(values.clients);
const seconds = Number(values.seconds);
const processes = Number(values.processes);
const pingInterval = Number(values['ping-interval']);
const pingTimeout = Number(values['ping-timeout']);

/** A tenth, and what the server's own counters and compiled code may come to. */
const HEAP_TOLERANCE = 0.1;
const HEAP_SLACK = 1024 * 1024;

/** A process of the soak: it takes messages, and each kind of its own is waited for by name. */
class Worker<To extends object, From extends { readonly type: string }> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, (message: From) => void>();

  constructor(file: string, args: readonly string[], execArgv: readonly string[]) {
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: [...execArgv] });
    this.#child.on('message', (message: From) => {
      const take = this.#waiting.get(message.type);
      this.#waiting.delete(message.type);
      take?.(message);
    });
    this.#child.on('exit', (code, signal) => {
      if (!isDone) stop(`${file} ended by ${signal ?? code}`);
    });
  }

  next<Type extends From['type']>(type: Type): Promise<Extract<From, { readonly type: Type }>> {
    return new Promise((resolve) => void this.#waiting.set(type, resolve as (message: From) => void));
  }

  ask<Type extends From['type']>(message: To, type: Type): Promise<Extract<From, { readonly type: Type }>> {
    const answer = this.next(type);
    this.tell(message);
    return answer;
  }

  tell(message: To): void {
    this.#child.send(message);
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

let isDone = false;

function stop(why: string): never {
  console.error(why);
  process.exit(1);
}

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const say = (text: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);

const server = new Worker<ToServer, FromServer>(
  './server.js',
  ['--ping-interval', String(pingInterval), '--ping-timeout', String(pingTimeout)],
  ['--expose-gc'],
);
const { port } = await server.next('listening');
const measure = (): Promise<Measurement> => server.ask({ type: 'measure' }, 'measured');
const empty = await measure();

// What takes longest to end is a peer that is silent; the sweeper may be a second late at each of its limits.
const patience = 30_000 + pingInterval + pingTimeout + 5_000;
const crowds = Array.from(
  { length: processes },
  (_, i) =>
    new Worker<ToCrowd, FromCrowd>(
      './crowd.js',
      Object.entries({
        port,
        name: `${i}-`,
        clients: Math.floor(clients / processes) + (i < clients % processes ? 1 : 0),
        channel: values.channel,
        churn: Number(values.churn) / processes,
        every: values.every,
        patience: patience + clients * 5,
      }).flatMap(([name, value]) => [`--${name}`, String(value)]),
      [],
    ),
);

const all = <Type extends FromCrowd['type']>(message: ToCrowd, type: Type) =>
  Promise.all(crowds.map((crowd) => crowd.ask(message, type)));

say(`${clients} clients connect to port ${port}, from ${processes} processes`);
await all({ type: 'connect' }, 'connected');
const connected = await measure();
say('they talk');
for (const crowd of crowds) crowd.tell({ type: 'talk' });
await sleep(Number(values.warmup) * 1_000);
const before = await measure();
say(`they come and go, for ${seconds} s`);
const began = Date.now();
for (const crowd of crowds) crowd.tell({ type: 'churn' });
await sleep(seconds * 1_000);
const during = await measure();
const lasted = (Date.now() - began) / 1_000;
say('they settle');
const settled: CrowdReport[] = await all({ type: 'settle' }, 'settled');
const after = await measure();
say('the server closes');
const goneReports = all({ type: 'leave' }, 'gone');
const closing = Date.now();
await server.ask({ type: 'close', spread: Number(values.spread) }, 'closed');
const closeTook = Date.now() - closing;
const gone: CrowdReport[] = await goneReports;
const end = await measure();
isDone = true;
for (const worker of [server, ...crowds]) worker.end();

const sum = (pick: (report: CrowdReport) => number): number => gone.reduce((total, report) => total + pick(report), 0);
const left: Record<string, number> = {};
for (const report of gone) for (const [how, count] of Object.entries(report.left)) left[how] = (left[how] ?? 0) + count;
const leftCount = Object.values(left).reduce((total, count) => total + count, 0);

const broken = gone.flatMap((report) => report.broken);
const promise = (text: string, holds: boolean): void => void (holds || broken.push(text));
promise(
  `${settled.reduce((total, { live }) => total + live, 0)} clients live in the end, of ${clients}`,
  settled.reduce((total, { live }) => total + live, 0) === clients,
);
promise(`the server has ${after.clients} clients, ${clients} live`, after.clients === clients);
promise(`the server had ${end.closed[1001]} clients closed by 1001`, sum(({ sentHome }) => sentHome) === clients);
promise(`the server has ${end.clients} clients when all are gone`, end.clients === 0);
promise(`the server has ${end.channels} channels when all are gone`, end.channels === 0);
promise(
  `${end.accepted} clients came in, ${sum((report) => report.connected)} say so`,
  end.accepted === sum((report) => report.connected),
);
promise(`${after.fds} descriptors, ${before.fds} before`, after.fds <= before.fds);
promise(`${end.fds} descriptors when all are gone, ${empty.fds} at first`, end.fds <= empty.fds + 1);
promise(`heap of ${after.heap} bytes, ${before.heap} before`, after.heap <= before.heap * (1 + HEAP_TOLERANCE) + HEAP_SLACK);
promise(`requests were refused: ${JSON.stringify(end.rejected)}`, Object.keys(end.rejected).length === 0);
const brokenCount = broken.length + sum((report) => report.brokenCount - report.broken.length);

const result = {
  ...{ node: process.version, clients, seconds: Math.round(lasted), processes, churn: Number(values.churn), leftCount, left },
  ...{ said: sum(({ said }) => said), delivered: sum(({ delivered }) => delivered), echoed: sum(({ echoed }) => echoed) },
  ...{ pings: sum(({ pings }) => pings), quitsSeen: sum(({ quitsSeen }) => quitsSeen), closeTook, closed: end.closed },
  looks: { empty, connected, before, during, after, end },
  ...{ brokenCount, broken },
};
if (values.json) console.log(JSON.stringify(result));
else print();
process.exitCode = brokenCount > 0 ? 1 : 0;

function print(): void {
  const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  const columns = ['', ...Object.keys(result.looks)];
  const looks = Object.values(result.looks);
  const rows = [
    columns,
    ['heap', ...looks.map(({ heap }) => mib(heap))],
    ['external', ...looks.map(({ external }) => mib(external))],
    ['RSS', ...looks.map(({ rss }) => mib(rss))],
    ['descriptors', ...looks.map(({ fds }) => String(fds))],
    ['clients', ...looks.map((look) => String(look.clients))],
    ['loop late, max', ...looks.map(({ delayMax }) => `${delayMax.toFixed(0)} ms`)],
    ['loop late, p99', ...looks.map(({ delayP99 }) => `${delayP99.toFixed(0)} ms`)],
    ['processor', ...looks.map(({ cpu }) => `${(cpu / 1_000).toFixed(1)} s`)],
  ];
  for (const cells of rows) console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(16) : cell.padStart(13))).join(''));
  console.log(
    `\n${result.said} lines in ${result.seconds} s and before became ${result.delivered}; ${result.echoed} were for one; ${result.pings} pings; ${end.rehashes} rehashes; closing took ${closeTook} ms`,
  );
  console.log(
    `${leftCount} left: ${Object.entries(left)
      .map(([how, count]) => `${how} ${count}`)
      .join(', ')}; the server closed ${JSON.stringify(end.closed)}`,
  );
  console.log(brokenCount === 0 ? 'no promise was broken' : `${brokenCount} promises were broken:\n${broken.join('\n')}`);
}
