/** The gateway where the system has nothing left: tried by really lowering the limit of the process. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { freePort } from '../helpers/daemons.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { PlainIrc } from '../helpers/plain-irc.ts';
import { RawClient } from '../helpers/raw-client.ts';

const ORIGIN = '<wsorigin allow="https://chat.example.com">';
const to = (port: number): string => `<upstream host="127.0.0.1" port="${port}"><webirc password="gatepass">`;

const cleanup: (() => unknown)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** Leaves a process so many descriptors that it may still open: the limit is about their numbers. */
function limitDescriptors(pid: number, free: number): void {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let found = 0; used.has(limit) || found++ < free; ) limit++;
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]);
}

test('M5: a worker that cannot be started (EMFILE) is tried again and logged, counts as dead, and comes when it can', async () => {
  const irc = await PlainIrc.start();
  const port = await freePort();
  const gateway = await GatewayCli.start(`<bind port="${port}"><health port="0">${ORIGIN}${to(irc.port)}`, { workers: 2 });
  const pid = gateway.process.pid as number;
  // The two channels of the dead workers are free then: enough to ask for its health, and not to start a process.
  limitDescriptors(pid, 0);
  for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL');
  await gateway.logged(/worker [12] died \(SIGKILL\)/);
  await gateway.logged(/worker [12] (died \(|did not start: ).*E(MFILE|AGAIN)/);
  execFileSync('prlimit', ['--pid', String(pid), '--nofile=4096:']);
  await gateway.logged(/worker 1 is back/);
  await gateway.logged(/worker 2 is back/);
  expect((await gateway.health('/health')).status).toBe(200);
  await RawClient.open(port);
});

test('M5: SIGTERM ends a gateway whose workers cannot be started; M4: /health is 503 until then', async () => {
  const irc = await PlainIrc.start();
  const gateway = await GatewayCli.start(`<bind port="0"><health port="0">${ORIGIN}${to(irc.port)}`, { workers: 2 });
  const pid = gateway.process.pid as number;
  limitDescriptors(pid, 0);
  for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL');
  await gateway.logged(/worker [12] (died \(|did not start: ).*E(MFILE|AGAIN)/);
  await expect.poll(async () => (await gateway.health('/health').catch(() => ({ status: 0 }))).status).toBe(503);
  gateway.process.kill('SIGTERM');
  expect(await gateway.ended(), gateway.log).toBe(0);
});

test('no descriptor is left for a client’s IRC server: clients are refused, nobody else is touched, and it goes on afterwards', async () => {
  const irc = await PlainIrc.start();
  const config = `<bind port="0">${ORIGIN}<limits connectionsperaddress="100" connectionsperminute="1000">${to(irc.port)}`;
  const gateway = await GatewayCli.start(config);
  const pid = gateway.process.pid as number;
  const first = await RawClient.open(gateway.webPort());
  limitDescriptors(pid, 1);
  // One descriptor: enough to accept a browser, and not to connect its server.
  await expect(RawClient.open(gateway.webPort())).rejects.toThrow(/503 /);
  await gateway.logged(/127\.0\.0\.1:\d+: connect EMFILE/);
  execFileSync('prlimit', ['--pid', String(pid), '--nofile=4096:']);
  await RawClient.open(gateway.webPort());
  expect(first.closed || first.ended).toBe(false);
});

test('a Unix domain socket is never open wider than its permissions say', async () => {
  const irc = await PlainIrc.start();
  // Whatever the umask of whoever starts it: it is looked at from the first moment that the file is there.
  const path = join(ROOT, '.build', `gateway-${process.pid}.sock`);
  const config = `<bind path="${path}" permissions="0640"><websocket proxyranges="unix">${ORIGIN}${to(irc.port)}`;
  const seen = new Set<string>();
  const watching = spawn('sh', ['-c', `while :; do stat -c %a '${path}' 2>/dev/null; done`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  cleanup.push(() => watching.kill('SIGKILL'));
  watching.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const mode of text.trim().split('\n')) seen.add(mode);
  });
  const gateway = await GatewayCli.start(config);
  expect((statSync(path).mode & 0o777).toString(8)).toBe('640');
  await expect.poll(() => seen.has('640')).toBe(true);
  for (const mode of seen) expect(['600', '640']).toContain(mode);
  watching.kill('SIGKILL');
  await once(watching, 'close');
  await gateway.stop();
});
