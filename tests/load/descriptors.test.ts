import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { clientText } from '../helpers/frames.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';
import type { Count, FromServer } from './messages.ts';

const SERVER = fileURLToPath(new URL('../../.build/load/server.js', import.meta.url));
/** Descriptors that the server process may have; it starts with some twenty. */
const LIMIT = 100;

let server: ChildProcess | undefined;
afterEach(() => void server?.kill('SIGKILL'));

/** Starts the soak's server with few descriptors; the port that it listens on. */
async function startServer(): Promise<number> {
  const args = ['--ping-interval', '30000', '--ping-timeout', '30000'];
  server = spawn('/bin/sh', ['-c', `ulimit -n ${LIMIT} && exec "$@"`, 'sh', process.execPath, SERVER, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [message] = (await once(server, 'message')) as [Extract<FromServer, { type: 'listening' }>];
  return message.port;
}

async function countClients(): Promise<number> {
  server?.send({ type: 'count' });
  const [{ clients }] = (await once(server as ChildProcess, 'message')) as [Count];
  return clients;
}

/** One that wants in: 'in' once it is upgraded, 'out' when it was hung up on; neither while it waits in the listen queue. */
interface Visitor {
  readonly socket: Socket;
  state: 'waiting' | 'in' | 'out';
}

function visit(port: number): Visitor {
  const visitor: Visitor = { socket: connect(port, '127.0.0.1'), state: 'waiting' };
  visitor.socket.write(upgradeRequest({ Origin: 'https://soak.example.com' }));
  visitor.socket.once('data', (chunk) => {
    visitor.state = chunk.toString('latin1').startsWith('HTTP/1.1 101 ') ? 'in' : 'out';
  });
  for (const event of ['end', 'error', 'close']) {
    visitor.socket.on(event, () => {
      visitor.state = 'out';
    });
  }
  return visitor;
}

test('out of descriptors the server goes on serving those who are in, and lets others in when there are descriptors again', async () => {
  const port = await startServer();
  const client = await RawClient.open(port, { Origin: 'https://soak.example.com' });
  const visitors = Array.from({ length: 3 * LIMIT }, () => visit(port));
  const isIn = ({ state }: Visitor): boolean => state === 'in';
  // Each round trip of the one that is in is a turn of the server, and more: when nobody else comes in for many of them, it is full.
  let echoes = 0;
  const echo = async (): Promise<void> => {
    client.socket.write(clientText(`E ${++echoes}`));
    await client.until(() => client.lines.length === echoes);
  };
  let isFullFor = 0;
  for (let before = 0; isFullFor < 50 || before < LIMIT / 2; ) {
    await echo();
    const clients = await countClients();
    isFullFor = clients === before ? isFullFor + 1 : 0;
    before = clients;
  }
  expect(client.lines).toEqual(Array.from({ length: echoes }, (_, i) => `E ${i + 1}`));
  expect(visitors.filter(isIn).length).toBeLessThan(LIMIT);
  expect(server?.exitCode).toBe(null);

  // Those who are in leave: there are descriptors again, for whoever still waits or comes then. Whoever comes before the server has seen them leave is hung up on.
  do {
    for (const visitor of visitors) if (isIn(visitor)) visitor.socket.destroy();
  } while ((await countClients()) > LIMIT / 2);
  const late = await RawClient.open(port, { Origin: 'https://soak.example.com' });
  late.socket.write(clientText('E 1'));
  await late.until(() => late.lines.length === 1);
  await echo();
  for (const { socket } of visitors) socket.destroy();
  let clients = await countClients();
  while (clients > 2) clients = await countClients();
  expect(clients).toBe(2);
  expect(server?.exitCode).toBe(null);
});
