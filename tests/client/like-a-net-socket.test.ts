/**
 * One server, twice: what it sees of a web client is what it sees of a client on plain TCP, whatever it does with the socket, and in whatever order.
 *
 * Back-pressure is not of it: the kernel takes more than can be sent here in a step (`client.test.ts`, "who goes on within a drain").
 */
import { once } from 'node:events';
import net from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { clientClose, clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient } from '../helpers/raw-client.ts';

/** A client, and the server's socket for it. */
interface World {
  readonly socket: net.Socket;
  readonly client: net.Socket;
  /** What the client got so far, a line each. */
  readonly received: () => string[];
  readonly say: (line: string) => void;
  readonly leave: () => void;
  readonly reset: () => void;
  /** Does what a client does by itself. */
  readonly turn: () => void;
}

const servers: net.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function overTcp(server: net.Server): Promise<World> {
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const client = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' });
  let text = '';
  client.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  client.on('error', () => {});
  const [[socket]] = await Promise.all([accepted, once(client, 'connect')]);
  return {
    socket,
    client,
    received: () => text.split('\r\n').slice(0, -1),
    say: (line) => void client.write(`${line}\r\n`),
    leave: () => void client.end(),
    reset: () => void client.resetAndDestroy(),
    turn: () => {},
  };
}

async function overWebSocket(hook: Awaited<ReturnType<typeof startHook>>): Promise<World> {
  const [socket, client] = await Promise.all([hook.nextSocket(), RawClient.open(hook.port)]);
  let hasLeft = false;
  const leave = (): void => {
    if (!hasLeft) client.socket.write(clientClose(1000));
    hasLeft = true;
  };
  return {
    socket,
    client: client.socket,
    received: () => client.lines,
    say: (line) => {
      if (!hasLeft) client.socket.write(clientText(line));
    },
    leave,
    reset: () => void client.socket.resetAndDestroy(),
    turn: () => {
      if (client.closeFrame !== undefined) leave();
      if (client.ended) client.socket.end();
    },
  };
}

/** The sockets that have a listener for `'data'`: with two of them, how a stream cuts what it gives would be seen. */
const readers = new WeakSet<net.Socket>();

const MUCH = `${'much '.repeat(1_600)}\r\n`;

/** What a server, or its client, does at a time. */
const STEPS = {
  write: ({ socket }) => void socket.write('a line\r\n'),
  'write two': ({ socket }) => void socket.write('one\r\ntwo\r\n'),
  'write with a callback': ({ socket }, log) => void socket.write('told\r\n', () => log.push('written')),
  'write a Buffer': ({ socket }) => void socket.write(Buffer.from('bytes \u00fc\r\n')),
  cork: ({ socket }) => socket.cork(),
  uncork: ({ socket }) => socket.uncork(),
  pause: ({ socket }) => void socket.pause(),
  resume: ({ socket }) => void socket.resume(),
  'set an encoding': ({ socket }) => void socket.setEncoding('utf8'),
  "listen for 'data'": ({ socket }, log) => {
    if (!readers.has(socket)) socket.on('data', (data) => log.push(`data ${data.toString()}`));
    readers.add(socket);
  },
  "listen for 'readable'": ({ socket }, log) =>
    void socket.on('readable', () => {
      for (let data = socket.read(); data !== null; data = socket.read()) log.push(`data ${data.toString()}`);
    }),
  "stop listening for 'data'": ({ socket }) => {
    socket.removeAllListeners('data');
    readers.delete(socket);
  },
  "listen once for 'end'": ({ socket }, log) => void socket.once('end', () => log.push('end, once')),
  'look at the stream': ({ socket }, log) => {
    if (!socket.destroyed) log.push(`${socket.readableFlowing} ${socket.isPaused()} ${socket.writableLength}`);
  },
  'write much': ({ socket }) => {
    for (let i = 0; i < 25; i++) socket.write(MUCH);
  },
  // Who does not read sees a FIN, which is no Close frame.
  destroySoon: ({ socket, client }) => client.resume() && socket.destroySoon(),
  end: ({ socket, client }) => void (client.resume() && socket.end()),
  'end with a line': ({ socket, client }) => void (client.resume() && socket.end('goodbye\r\n')),
  destroy: ({ socket }) => void socket.destroy(),
  'destroy with an error': ({ socket }) => void socket.destroy(new Error('of the server')),
  'the client: a line': ({ say }) => say('hello'),
  'the client: two lines': ({ say }) => {
    say('first');
    say('second \u00fc');
  },
  'the client: reads no more': ({ client }) => void client.pause(),
  'the client: reads on': ({ client }) => void client.resume(),
  'the client: leaves': ({ leave }) => leave(),
  'the client: a reset': ({ reset }) => reset(),
} satisfies Record<string, (world: World, log: string[]) => void>;
type Step = keyof typeof STEPS;

/** All that was to be seen, in order. */
async function play(world: World, steps: readonly Step[], pace: number): Promise<unknown> {
  const { socket } = world;
  const log: string[] = [];
  for (const event of ['end', 'close', 'finish'] as const)
    socket.on(event, (...values) => log.push([event, ...values].join(' ')));
  socket.on('error', () => log.push('error'));
  let received: string[] | null = null;
  for (const step of steps) {
    // 5.5.1: behind its Close frame a peer gets nothing more, where TCP is closed by halves.
    if (step === 'the client: leaves') received ??= world.received();
    log.push(`> ${step}`);
    STEPS[step](world, log);
    await settle(world, pace);
  }
  world.client.resume();
  await settle(world, pace);
  await settle(world, pace);
  const { destroyed, closed, readable, writable, readableEnded, writableEnded, writableFinished, readyState } = socket;
  const end = { destroyed, closed, readable, writable, readableEnded, writableEnded, writableFinished, readyState };
  const sight = { log: joined(log), end, received: received ?? world.received() };
  socket.destroy();
  return sight;
}

/** @param pace milliseconds that everything under way needs to arrive, on a machine that has nothing else to do */
async function settle({ turn }: World, pace: number): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, pace));
    turn();
  }
}

/** How a stream cuts what it gives is its own business. */
function joined(log: readonly string[]): string[] {
  const result: string[] = [];
  for (const entry of log) {
    const last = result.at(-1);
    if (entry.startsWith('data ') && last?.startsWith('data ')) result[result.length - 1] = last + entry.slice(5);
    else result.push(entry);
  }
  return result;
}

/** Ways to read, and the steps that would be another one: what the two of them give is given in another order by each stream. */
const WAYS: readonly (readonly [Step, readonly Step[]])[] = [
  ["listen for 'data'", ["listen for 'readable'"]],
  ["listen for 'readable'", ["listen for 'data'", "stop listening for 'data'"]],
];

test.each(WAYS)('%s: whatever a server does then, a web client is to it what a client on plain TCP is', async (way, leftOut) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const hook = await startHook();
  const sights = async (steps: readonly Step[], pace: number): Promise<unknown[]> => {
    const worlds = await Promise.all([overTcp(server), overWebSocket(hook)]);
    return Promise.all(worlds.map((world) => play(world, steps, pace)));
  };
  const step = fc.constantFrom(...(Object.keys(STEPS) as Step[]).filter((name) => !leftOut.includes(name)));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (more) => {
      const steps = [way, ...more];
      const [tcp, web] = await sights(steps, 4);
      if (isDeepStrictEqual(tcp, web)) return;
      // Or the machine had something else to do.
      const [tcpSlowly, webSlowly] = await sights(steps, 60);
      expect(webSlowly).toEqual(tcpSlowly);
    }),
    // The same ones each time: a thousand others were tried.
    { numRuns: 25, seed: 20_261_121, endOnFailure: true },
  );
});
