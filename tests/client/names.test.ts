/**
 * A socket that a server holds is the server's: it may set any name on it that it may set on a `net.Socket`, and nothing in the library changes by it.
 *
 * Each name is set on a socket of each door, a whole life long. What a life over plain TCP bears, a life over the hook must bear.
 */
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { IrcSocket } from '../../src/index.ts';
import { type Guest, openTwoDoors } from '../helpers/two-doors.ts';
import { comes, turns } from '../helpers/world.ts';

/** Names that servers use; some of them ended the process of version 0.1. */
const SERVERS_NAMES = [
  ...[
    'start',
    'ended',
    'gone',
    'server',
    'timeout',
    'connecting',
    'encrypted',
    'name',
    'nick',
    'buffer',
    'client',
    'user',
    'channels',
  ],
  ...[
    'id',
    'ping',
    'session',
    'state',
    'data',
    'send',
    'lines',
    'owner',
    'transport',
    'closed',
    'host',
    'hostname',
    'realname',
    'modes',
  ],
  ...[
    'password',
    'registered',
    'lastPing',
    'lastActivity',
    'queue',
    'connection',
    'socket',
    'stream',
    'message',
    'messageIn',
    'close',
  ],
  ...[
    'makeStream',
    'streamOptions',
    'streamMade',
    'messagesIn',
    'drained',
    'broken',
    'fault',
    'facts',
    'closeStatus',
    'websocket',
  ],
  ...[
    'onLine',
    'writeLine',
    'closeWebSocket',
    'setRemoteAddress',
    'deliver',
    'quit',
    'error',
    'ip',
    'address',
    'port',
    'secure',
    'tls',
  ],
  ...[
    'authorized',
    'proxy',
    'handle',
    'parser',
    'tick',
    'place',
    'flush',
    'then',
    'catch',
    'toJSON',
    'inspect',
    'constructor',
    'isIRC',
  ],
  ...[
    'onmessage',
    'onclose',
    'onerror',
    'onopen',
    'ondata',
    'onread',
    'readyState',
    'protocol',
    'url',
    'binaryType',
    'size',
    'length',
  ],
];

/** All names of a socket and of what it inherits; `__proto__` and its like are no properties. */
function namesOf(socket: object): Set<string> {
  const names = new Set<string>();
  for (let owner: object | null = socket; owner !== null && owner !== Object.prototype; owner = Object.getPrototypeOf(owner))
    for (const name of Object.getOwnPropertyNames(owner)) names.add(name);
  return names;
}

type When = 'before data' | 'after data';
type End = 'the server ends' | 'the peer leaves' | 'the peer resets' | 'destroy';

/** Where a socket has a function, the server puts its own before it; anywhere else, a value of its own. */
function valueFor(socket: Socket, name: string, kind: 'object' | 'true' | 'null'): unknown {
  let owner: object | null = socket;
  while (owner !== null && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner);
  const original: unknown = owner === null ? undefined : Object.getOwnPropertyDescriptor(owner, name)?.value;
  if (typeof original === 'function')
    return function wrapper(this: Socket, ...args: unknown[]): unknown {
      return original.apply(this, args);
    };
  return kind === 'object' ? { of: 'the server' } : kind === 'true' ? true : null;
}

/** One life: what the server saw, and what the peer saw. */
async function live(
  door: 'net' | 'hook',
  doors: Awaited<ReturnType<typeof openTwoDoors>>,
  name: string | null,
  when: When,
  end: End,
  kind: 'object' | 'true' | 'null',
  limit?: number,
): Promise<string[]> {
  const log: string[] = [];
  const { socket, guest }: { socket: Socket; guest: Guest } = await doors.comeIn(door);
  // As the server's own handler has them: what it needs of the socket it calls by Node's own functions, so that a name that is set is the library's business alone.
  const on = socket.on as unknown as (this: Socket, event: string, listener: (value: never) => void) => Socket;
  const set = (): void => {
    if (name === null) return;
    const value = valueFor(socket, name, kind);
    try {
      (socket as unknown as Record<string, unknown>)[name] = value;
      log.push(`set, and ${(socket as unknown as Record<string, unknown>)[name] === value ? 'there' : 'not there'}`);
    } catch (error) {
      log.push(`threw ${(error as Error).name}`);
    }
  };
  let isClosed = false;
  on.call(socket, 'data', (chunk: Buffer) => {
    for (const line of chunk.toString().split('\r\n').filter(Boolean)) {
      log.push(`data ${line}`);
      if (line === 'one' && when === 'after data') set();
      socket.write(`echo ${line}\r\n`);
    }
  });
  on.call(socket, 'end', () => void log.push('end'));
  on.call(socket, 'error', (error: NodeJS.ErrnoException) => void log.push(`error ${error.code}`));
  on.call(socket, 'close', (hadError: boolean) => {
    log.push(`close ${hadError}`);
    isClosed = true;
  });
  if (when === 'before data') set();
  guest.say('one');
  await guest.sees('lines', 1, limit);
  guest.say('two');
  await guest.sees('lines', 2, limit);
  if (end === 'the server ends') socket.end('goodbye\r\n');
  else if (end === 'the peer leaves') guest.leave();
  else if (end === 'the peer resets') guest.reset();
  else socket.destroy();
  if (!(await comes(() => isClosed, limit))) log.push("no 'close'");
  if (end === 'the server ends') await guest.sees('end', 0, limit);
  log.push(...guest.lines.map((line) => `the peer got ${line}`));
  guest.destroy();
  // Which of 'end' and the reset comes first is the kernel's business.
  return log;
}

async function lives(...life: Parameters<typeof live>): Promise<string[]> {
  try {
    return await live(...life);
  } catch (error) {
    return [`failed: ${(error as Error).message}`];
  }
}

/** What Node's streams are made of: without it not even Node's own functions come to an end. */
const STATES = new Set(['_readableState', '_writableState', '_events']);

/** Time enough for what goes well. On a slower machine fewer names are tried, and nothing fails that should not. */
const SOON = 400;

describe('J1, J2: any name may be set on a socket', () => {
  test.each<[When, End, 'object' | 'true' | 'null']>([
    ['before data', 'the server ends', 'true'],
    ['before data', 'the peer leaves', 'object'],
    ['before data', 'the peer resets', 'true'],
    ['after data', 'the server ends', 'object'],
    ['after data', 'the peer leaves', 'null'],
    ['after data', 'destroy', 'true'],
  ])('%s; %s; the value: %s', async (when, end, kind) => {
    const doors = await openTwoDoors(() => {});
    const uncaught: string[] = [];
    const release = catchFaults((error) => void uncaught.push(String(error)));
    const probe = await doors.comeIn('hook');
    const names = new Set([...SERVERS_NAMES, ...namesOf(probe.socket), ...namesOf(new Socket())]);
    probe.guest.destroy();
    const expected = await live('net', doors, null, when, end, kind);
    expect(await live('hook', doors, null, when, end, kind)).toEqual(expected);
    const tried = await Promise.all(
      [...names].map(async (name) => ({ name, plain: await lives('net', doors, name, when, end, kind, SOON) })),
    );
    // What does not go well on a net.Socket either is the server's own affair, but for this: the process lives, and the hook closes.
    const isBorne = (plain: readonly string[]): boolean =>
      plain.filter((line) => !line.startsWith('set')).join() === expected.join();
    uncaught.length = 0;
    const wrong: string[] = [];
    await Promise.all(
      tried.map(async ({ name, plain }) => {
        if (!isBorne(plain)) return;
        const ours = await lives('hook', doors, name, when, end, kind);
        if (ours.join() !== plain.join()) wrong.push(`${name}: ${ours.join(', ')}; on a net.Socket: ${plain.join(', ')}`);
      }),
    );
    wrong.push(...uncaught.splice(0));
    await Promise.all(
      tried.map(async ({ name, plain }) =>
        isBorne(plain) || STATES.has(name) ? [] : lives('hook', doors, name, when, end, kind, SOON),
      ),
    );
    expect(wrong).toEqual([]);
    let isClosed = false;
    void doors.world.hook.close().then(() => {
      isClosed = true;
    });
    expect(await comes(() => isClosed)).toBe(true);
    await doors.stop();
    await turns(10);
    release();
  });

  test('methods that a server has replaced are called where the server calls them, and nowhere else', async () => {
    const called: string[] = [];
    const doors = await openTwoDoors((socket) => {
      socket.on('data', () => {});
      for (const name of [
        'write',
        'end',
        'cork',
        'uncork',
        'setTimeout',
        'writeLine',
        'closeWebSocket',
        'ping',
        'address',
        'unref',
      ]) {
        const original = (socket as never)[name] as ((...args: unknown[]) => unknown) | undefined;
        (socket as unknown as Record<string, unknown>)[name] = function replaced(this: Socket, ...args: unknown[]): unknown {
          called.push(name);
          return original?.apply(this, args);
        };
      }
    });
    const { socket, guest } = await doors.comeIn('hook');
    guest.say('a line');
    socket.write('a line\r\n');
    (socket as IrcSocket).writeLine('another');
    await guest.sees('lines', 2);
    expect(called.splice(0)).toEqual(['write', 'writeLine']);
    (socket as IrcSocket).closeWebSocket(4_000, 'enough');
    await comes(() => socket.destroyed);
    await guest.sees('end');
    expect(called.splice(0)).toEqual(['closeWebSocket']);
    const second = await doors.comeIn('hook');
    await doors.world.hook.close();
    await comes(() => second.socket.destroyed);
    await turns();
    expect(called).toEqual([]);
    guest.destroy();
    await doors.stop();
  });
});

function catchFaults(take: (error: unknown) => void): () => void {
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', take);
  return () => {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  };
}
