/**
 * The program's own code throws, or rejects, in each place where the library calls it: that one client ends with 1011, `onError` knows, the process lives and
 * nobody else notices.
 */
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IrcClient, IrcSocket, WebSocketHookOptions } from '../../src/index.ts';
import { Op, WirePeer, wireFrame, wireText } from '../helpers/wire.ts';
import { comes, turns, World } from '../helpers/world.ts';

class Fault extends Error {}

const fail = (): never => {
  throw new Fault("the server's own");
};
const reject = async (): Promise<void> => {
  await Promise.resolve();
  fail();
};

/** What reached the process, which must be nothing. */
const uncaught: unknown[] = [];
const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;
const before = new Map<string, NodeJS.UncaughtExceptionListener[]>();
beforeEach(() => {
  uncaught.length = 0;
  for (const event of EVENTS) {
    before.set(event, process.listeners(event as 'uncaughtException'));
    process.removeAllListeners(event).on(event, (error) => void uncaught.push(error));
  }
});
afterEach(() => {
  for (const event of EVENTS) {
    process.removeAllListeners(event);
    for (const listener of before.get(event) ?? []) process.on(event, listener);
  }
});

interface Told {
  readonly error: unknown;
  readonly during: string;
  readonly client: IrcClient | null;
  readonly request: IncomingMessage | null;
}

/** A way to throw: what the server does with its socket, and what its peer does to have it thrown. */
type Place<Face> = readonly [name: string, arm: (face: Face, peer: () => WirePeer) => void, during: RegExp];

const poke = (peer: WirePeer): void => peer.send(wireText('a line'));

const SOCKET_PLACES: readonly Place<IrcSocket>[] = [
  ["'data'", (socket) => void socket.on('data', fail), /data/],
  ["'data', with an encoding", (socket) => void socket.setEncoding('utf8').on('data', fail), /data/],
  [
    "'data', behind pause and resume",
    (socket) => {
      socket.on('data', fail).pause();
      setTimeout(() => socket.resume(), 20);
    },
    /data/,
  ],
  ["'readable'", (socket) => void socket.on('readable', fail), /readable/],
  ["'data', an async listener", (socket) => void socket.on('data', reject), /data/],
  ['a line', (socket) => void socket.onLine(fail), /onLine/],
  ['a line as bytes', (socket) => void socket.onLine(fail, 'buffer'), /onLine/],
  ['a line, an async listener', (socket) => void socket.onLine(reject as () => void), /onLine/],
  [
    'M1 a line, behind pause and resume',
    (socket) => {
      socket.onLine(fail);
      socket.pause();
      setTimeout(() => socket.resume(), 20);
    },
    /onLine/,
  ],
  [
    'M1 a held line',
    (socket) => {
      let count = 0;
      socket.onLine(() => {
        if (++count === 1) {
          socket.pause();
          setImmediate(() => socket.resume());
        } else fail();
      });
    },
    /onLine/,
  ],
  ['a callback of write', (socket) => void socket.resume().write('a line\r\n', fail), /write/],
  ['a callback of ping', (socket) => void socket.resume().ping(fail), /ping/],
  ["'timeout'", (socket) => void socket.resume().setTimeout(5, fail), /timeout/],
  [
    "'drain'",
    (socket) => {
      socket.resume().on('drain', fail);
      for (let i = 0; i < 1_000 && socket.write(`${'x'.repeat(10_000)}\r\n`); i++);
    },
    /drain/,
  ],
];

/** Where the client is leaving anyway: its own code counts. */
const LAST_PLACES: readonly Place<IrcSocket>[] = [
  [
    "'end'",
    (socket, peer) => {
      socket.resume().on('end', fail);
      peer().close(1_000);
    },
    /end/,
  ],
  [
    "'close'",
    (socket, peer) => {
      socket.resume().on('close', fail);
      peer().close(1_000);
    },
    /close/,
  ],
  [
    "'close', an async listener",
    (socket, peer) => {
      socket.resume().on('close', reject);
      peer().close(1_000);
    },
    /close/,
  ],
  ["'finish'", (socket) => void socket.resume().on('finish', fail).end(), /finish/],
  ['a callback of end', (socket) => void socket.resume().end(fail), /end/],
  ["'error'", (socket) => void socket.resume().on('error', fail).destroy(new Error('of the server')), /error/],
];

const CLIENT_PLACES: readonly Place<IrcClient>[] = [
  ['a line', (client) => void client.onLine(fail), /onLine/],
  ['a line, an async listener', (client) => void client.onLine(reject as () => void), /onLine/],
  [
    'a held line',
    (client) => {
      client.onLine(() => {
        client.onLine(null);
        setImmediate(() => client.onLine(fail));
      });
    },
    /onLine/,
  ],
  [
    'onDrain',
    (client) => {
      client.onLine(() => {}).onDrain(fail);
      for (let i = 0; i < 1_000 && client.writeLine('x'.repeat(10_000)); i++);
    },
    /onDrain/,
  ],
  ['a callback of ping', (client) => void client.onLine(() => {}).ping(fail), /ping/],
];

async function open(options: Partial<WebSocketHookOptions>): Promise<{ world: World; told: Told[] }> {
  const told: Told[] = [];
  const world = await World.open('tcp', {
    closeTimeout: 500,
    pingInterval: 0,
    onError: (error, context) => void told.push({ error, ...context }),
    ...options,
  } as Parameters<typeof World.open>[1]);
  return { world, told };
}

/** One that has nothing to do with it comes in before, and is served afterwards. */
async function bystander(world: World): Promise<(lines: number) => Promise<boolean>> {
  const other = await WirePeer.open(world.place);
  return async (lines) => {
    other.send(wireText('BYSTANDER'));
    return comes(() => other.lines.length >= lines);
  };
}

async function run<Face>(
  [name, arm, during]: Place<Face>,
  hookFor: (take: (face: Face) => void) => Partial<WebSocketHookOptions>,
  isLast: boolean,
): Promise<void> {
  let victim: WirePeer | undefined;
  let face: Face | undefined;
  let count = 0;
  const { world, told } = await open(
    hookFor((arrived) => {
      count++;
      if (count > 1) face = arrived;
    }),
  );
  const serves = await bystander(world);
  victim = await WirePeer.open(world.place);
  await comes(() => face !== undefined);
  arm(face as Face, () => victim as WirePeer);
  // Two lines in a chunk, and what answers a ping.
  victim.send(Buffer.concat([wireText('one'), wireText('two'), wireText('three'), wireFrame(Op.PONG)]));
  poke(victim);
  expect(await comes(() => told.length > 0)).toBe(true);
  if (!isLast) {
    expect(await comes(() => (victim as WirePeer).closeFrame !== null)).toBe(true);
    expect(victim.closeFrame).toEqual({ code: 1_011, reason: 'Internal error' });
  }
  expect(await comes(() => world.hook.clients.size === 1)).toBe(true);
  expect(await serves(1)).toBe(true);
  // An async listener was called for each line before its first promise was rejected.
  if (!name.includes('async')) expect(told.length).toBe(1);
  expect(told[0]?.error).toBeInstanceOf(Fault);
  expect(`${(told[0]?.error as Error | undefined)?.stack}`).toContain('throwing.test');
  expect(told[0]?.during).toMatch(during);
  expect(told[0]?.client).not.toBeNull();
  await turns();
  expect(uncaught).toEqual([]);
  victim.socket.destroy();
  await world.hook.close();
  await world.stop();
}

const serve = (socket: IrcSocket, line: string): void => {
  if (line.includes('BYSTANDER')) socket.writeLine('served');
};

describe('J5: a socket’s listener throws', () => {
  const hookFor = (take: (socket: IrcSocket) => void): Partial<WebSocketHookOptions> => {
    let isFirst = true;
    return {
      onConnection: (socket: IrcSocket) => {
        if (isFirst) socket.onLine((line: string) => serve(socket, line));
        isFirst = false;
        take(socket);
      },
    } as Partial<WebSocketHookOptions>;
  };
  test.each(SOCKET_PLACES)('in %s', async (name, arm, during) => run([name, arm, during], hookFor, false));
  test.each(LAST_PLACES)('in %s: it leaves all the same', async (name, arm, during) => run([name, arm, during], hookFor, true));
});

describe('J5: a client’s listener throws', () => {
  const hookFor = (take: (client: IrcClient) => void): Partial<WebSocketHookOptions> => {
    let isFirst = true;
    return {
      onConnection: undefined,
      onClient: (client: IrcClient) => {
        if (isFirst)
          client.onLine((line) => {
            if (line === 'BYSTANDER') client.writeLine('served');
          });
        isFirst = false;
        take(client);
      },
    } as unknown as Partial<WebSocketHookOptions>;
  };
  test.each(CLIENT_PLACES)('in %s', async (name, arm, during) => run([name, arm, during], hookFor, false));
  test('in onClose: it leaves all the same', async () =>
    run(
      [
        'onClose',
        (client, peer) => {
          client.onLine(() => {}).onClose(fail);
          peer().close(1_000);
        },
        /onClose/,
      ],
      hookFor,
      true,
    ));
});

describe('J5: a hook’s own callbacks throw', () => {
  const echo = (socket: IrcSocket): void => void socket.onLine((line: string) => void socket.writeLine(line));
  test.each<[string, Partial<WebSocketHookOptions>, string, number | null]>([
    ['onConnection throws', { onConnection: fail }, 'onConnection', 1_011],
    ['onConnection rejects', { onConnection: reject }, 'onConnection', 1_011],
    ['onClient throws', { onConnection: undefined, onClient: fail } as never, 'onClient', 1_011],
    ['onClient rejects', { onConnection: undefined, onClient: reject } as never, 'onClient', 1_011],
    ['authorize throws', { onConnection: echo, authorize: fail }, 'authorize', null],
    ['authorize rejects', { onConnection: echo, authorize: reject }, 'authorize', null],
    ['onReject throws', { onConnection: echo, origins: ['https://other.test'], onReject: fail }, 'onReject', null],
    ['onReject rejects', { onConnection: echo, origins: ['https://other.test'], onReject: reject }, 'onReject', null],
  ])('%s', async (_name, options, during, code) => {
    const { world, told } = await open(options as Partial<WebSocketHookOptions>);
    const peer = await WirePeer.open(world.place);
    if (code !== null) {
      await peer.until(() => peer.closeFrame !== null);
      expect(peer.closeFrame).toEqual({ code, reason: 'Internal error' });
    } else expect(peer.head).toMatch(/^HTTP\/1\.1 403 /);
    expect(await comes(() => told.length > 0)).toBe(true);
    expect(told.map(({ error, during: place }) => [error instanceof Fault, place])).toEqual([[true, during]]);
    // What it says of the fault is for the program's author alone.
    expect(peer.head).not.toContain("the server's own");
    await turns();
    expect(uncaught).toEqual([]);
    peer.socket.destroy();
    await world.hook.close();
    await world.stop();
  });

  test('onError itself throws: the fault is still told, and the process lives', async () => {
    const warnings: Error[] = [];
    const take = (warning: Error): void => void warnings.push(warning);
    process.on('warning', take);
    const { world } = await open({ onConnection: fail, onError: fail });
    const peer = await WirePeer.open(world.place);
    await peer.until(() => peer.closeFrame !== null);
    expect(peer.closeFrame?.code).toBe(1_011);
    expect(await comes(() => warnings.length > 0)).toBe(true);
    expect(uncaught).toEqual([]);
    process.off('warning', take);
    peer.socket.destroy();
    await world.hook.close();
    await world.stop();
  });

  test('F3 without onError the process warns, with a code and the whole stack', async () => {
    const warnings: (Error & { code?: string; detail?: string })[] = [];
    const take = (warning: Error): void => void warnings.push(warning);
    process.on('warning', take);
    const { world } = await open({ onConnection: fail, onError: undefined } as never);
    const peer = await WirePeer.open(world.place);
    await peer.until(() => peer.closeFrame !== null);
    expect(await comes(() => warnings.length > 0)).toBe(true);
    expect(warnings[0]?.code).toBe('IRCD_WEBSOCKET_CALLBACK_ERROR');
    expect(`${warnings[0]?.detail}`).toContain('throwing.test');
    expect(uncaught).toEqual([]);
    process.off('warning', take);
    peer.socket.destroy();
    await world.hook.close();
    await world.stop();
  });
});
