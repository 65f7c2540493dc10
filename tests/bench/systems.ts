/**
 * Whole servers: `npm run bench:systems -- [--rounds N] [--scenario chat-100,fan-out-500] [--write BLOCK]`
 *
 * `examples/ircd`, which is this library under a small IRC server in TypeScript, and InspIRCd (C++, Debian's package) with its own `websocket` module, over WebSocket and
 * over plain TCP. The load (`systems-load.ts`) registers, joins one channel and talks; the figure is the server's processor time, of all its threads, for each line that it
 * sent. Rounds are interleaved, each in fresh processes. Linux only: the time comes from /proc.
 *
 * The example allows a client sixty lines at once: the load says fewer, and a window is a number of lines, not of seconds.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, markdown, writeBlock } from './page.ts';
import { median } from './report.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scenario: { type: 'string', default: 'chat-100,fan-out-500' },
    write: { type: 'string' },
  },
});

const ROOT = new URL('../../../../', import.meta.url);
const DESCRIPTORS = 4_096;
/** Debian's name of it, or a path. */
const INSPIRCD = process.env['INSPIRCD'] ?? 'inspircd';

interface Ports {
  readonly web: number;
  readonly plain: number;
}

/** How a server is started. */
interface System {
  readonly name: string;
  configuration(ports: Ports): string;
  command(file: string): readonly string[];
}

const SYSTEMS: readonly System[] = [
  {
    name: 'examples/ircd',
    configuration: ({ web, plain }) => `<server name="irc.example.test" network="Bench">
<bind address="127.0.0.1" port="${plain}" type="clients">
<bind address="127.0.0.1" port="${web}" type="clients" hook="websocket">
<connect pingfreq="600" timeout="60">
<websocket defaultmode="text">
<wsorigin allow="http://bench.example">
`,
    command: (file) => [process.execPath, fileURLToPath(new URL('.build/examples/ircd/main.js', ROOT)), '--config', file],
  },
  {
    name: 'InspIRCd',
    configuration: ({ web, plain }) => `<server name="irc.example.test" description="Bench" network="Bench">
<admin name="a" nick="a" email="a@example.test">
<module name="sha1"><module name="websocket">
<wsorigin allow="http://bench.example">
<websocket defaultmode="text">
<bind address="127.0.0.1" port="${plain}" type="clients">
<bind address="127.0.0.1" port="${web}" type="clients" hook="websocket">
<connect allow="*" timeout="60" pingfreq="600" resolvehostnames="no" useident="no" localmax="5000" globalmax="5000" limit="5000"
 fakelag="no" commandrate="100000000" threshold="1000" recvq="65536" softsendq="8388608" hardsendq="16777216">
<class name="c"><type name="t" classes="c"><oper name="o" password="x" host="*@*" type="t">
<performance softlimit="5000" somaxconn="1024" clonesonconnect="no">
<options nouserdns="yes"><dns server="127.0.0.1" timeout="1">
<files motd=""><pid file="/dev/null">
`,
    command: (file) => [INSPIRCD, '--runasroot', '--nofork', '--nopid', `--config=${file}`],
  },
];
const DOORS = ['web', 'plain'] as const;

/** Members of the channel, and lines that are said: before the window, and in it. */
const SCENARIOS: Readonly<Record<string, { readonly members: number; readonly warmUp: number; readonly lines: number }>> = {
  'chat-100': { members: 100, warmUp: 1_500, lines: 3_000 },
  'fan-out-500': { members: 500, warmUp: 200, lines: 600 },
};

const columns = SYSTEMS.flatMap((system) => DOORS.map((door) => ({ system, door })));
const rows: string[][] = [];
for (const name of values.scenario.split(',')) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new RangeError(`no scenario ${name}: there are ${Object.keys(SCENARIOS).join(', ')}`);
  const measured = columns.map((): number[] => []);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (let i = 0; i < columns.length; i++) {
      const column = (round + i) % columns.length;
      const { system, door } = columns[column] as (typeof columns)[number];
      measured[column]?.push(await measure(system, door, name, scenario));
    }
  }
  rows.push([
    name,
    values.rounds,
    ...measured.map((all) => `${median(all).toFixed(2)} (${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)})`),
  ]);
}
const doorNames = { web: 'WebSocket', plain: 'TCP' };
const heads = ['scenario', 'rounds', ...columns.map(({ system, door }) => `${system.name}, ${doorNames[door]}`)];
console.log(
  `${machine()}, InspIRCd ${inspircdVersion()}; microseconds of processor time a line out\n\n${markdown({ heads, rows })}`,
);
if (values.write !== undefined) writeBlock(values.write, { heads, rows });

/** Microseconds of the server's processor time for each line that it sent in the window. */
async function measure(
  system: System,
  door: (typeof DOORS)[number],
  name: string,
  { members, warmUp, lines }: { readonly members: number; readonly warmUp: number; readonly lines: number },
): Promise<number> {
  const ports = { web: await freePort(), plain: await freePort() };
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-bench-'));
  const file = join(folder, 'server.conf');
  writeFileSync(file, system.configuration(ports));
  const [program, ...args] = system.command(file) as [string, ...string[]];
  const server = spawn('prlimit', [`--nofile=${DESCRIPTORS}`, program, ...args], { stdio: 'ignore', cwd: folder });
  const load = fork(fileURLToPath(new URL('systems-load.js', import.meta.url)), [door, name.replace(/-.*/, ''), String(members)]);
  try {
    await answers(ports[door], server);
    await ask(load, { type: 'join', port: ports[door] });
    await ask(load, { type: 'say', lines: warmUp });
    const before = processorTime(server);
    const received = await ask(load, { type: 'say', lines });
    await sleep(50);
    const after = processorTime(server);
    if (received !== lines * (members - 1))
      throw new Error(`${system.name}: ${received} lines came, ${lines * (members - 1)} were due`);
    return (after - before) / received;
  } finally {
    for (const child of [load, server]) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

/** Microseconds that all threads of a process ran. */
function processorTime({ pid }: ChildProcess): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]));
  return times.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1_000;
}

async function ask(load: ChildProcess, message: object): Promise<number> {
  load.send(message);
  const exited = once(load, 'exit').then(([code]) => {
    throw new Error(`the load ended, status ${String(code)}`);
  });
  const [received] = (await Promise.race([once(load, 'message'), exited])) as [number];
  exited.catch(() => {});
  return received;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(port: number, server: ChildProcess): Promise<void> {
  for (let tries = 0; ; tries++) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    if (tries > 200 || server.exitCode !== null) throw new Error(`${server.spawnargs.join(' ')} does not listen on port ${port}`);
    await sleep(100);
  }
}

function inspircdVersion(): string {
  const output = spawnSync(INSPIRCD, ['--version'], { encoding: 'utf8' }).stdout;
  return /InspIRCd-([\d.]+)/.exec(output)?.[1] ?? output.trim();
}
