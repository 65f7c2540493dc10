/**
 * Plays a script, and checks what must be true of every life.
 *
 * In: a script. Out: a list of what was wrong. Laws, whatever happens:
 * 1. `'close'` comes once; `closeStatus` is set; `hook.clients` is empty, `hook.stats()` adds up, `hook.close()` resolves, no transport stays open.
 * 2. What the server read is the beginning of what the peer said; what the peer read is the beginning of what the server wrote: nothing twice, nothing out of
 *    order, nothing lost in between. Where nobody used force, nothing is lost at all.
 * 3. Each write's callback is called once. No `'error'` but for a reset, a write error, or what the server did to itself.
 * 4. The server sends valid frames, and nothing behind Close.
 * 5. No exception but the model's own reaches the process, and of those none.
 */

import type { IncomingMessage } from 'node:http';
import type { IrcClient, IrcSocket, WebSocketHook, WebSocketHookOptions } from '../../src/index.ts';
import { Op, WirePeer, wireFrame, wireText } from '../helpers/wire.ts';
import { comes, turns, World } from '../helpers/world.ts';
import { type Served, ServedLines, ServedSocket } from './served.ts';
import type { Pace, Script, Step } from './steps.ts';

/** One peer, and its client where it came in. */
interface Life {
  readonly peer: WirePeer;
  served: Served | null;
  /** What the peer said, as lines. */
  said: string;
  /** How much of it came before the peer said something that is wrong. */
  garbledAt: number | null;
  hasLeft: boolean;
  count: number;
}

/** What is to be told of each client, by the URL that it asked for. */
type Arrivals = Map<string, (served: Served) => void>;

const CONFIG = { origins: ['https://*.example.com'], closeTimeout: 50, sendQueueLimit: 32 * 1_048_576, maxMessageSize: 4_000 };

export interface Count {
  lives: number;
  steps: number;
  lines: number;
}

export async function play(script: Script, count: Count): Promise<string[]> {
  const wrong: string[] = [];
  const lives: Life[] = [];
  const arrivals: Arrivals = new Map();
  const faces = {
    socket: {
      onConnection: (socket: IrcSocket, request: IncomingMessage) => arrivals.get(`${request.url}`)?.(new ServedSocket(socket)),
    },
    lines: {
      onClient: (client: IrcClient, request: IncomingMessage) => arrivals.get(`${request.url}`)?.(new ServedLines(client)),
    },
    'lines, then a socket': {
      onClient: (client: IrcClient, request: IncomingMessage) =>
        arrivals.get(`${request.url}`)?.(new ServedSocket(client.toSocket())),
    },
  };
  const told: unknown[] = [];
  let refusals = 0;
  const options = {
    ...CONFIG,
    defaultMode: script.defaultMode,
    pingInterval: script.hasPings ? 15 : 0,
    pingTimeout: 15,
    handshakeTimeout: 5_000,
    onError: (error: unknown) => void told.push(error),
    ...faces[script.face],
    ...(script.authorize === 'none'
      ? {}
      : {
          authorize: () => {
            if (script.authorize === 'no') refusals++;
            return authorize(script.authorize);
          },
        }),
  } as unknown as Omit<WebSocketHookOptions, 'origins'>;
  const faults: unknown[] = [];
  const release = catchFaults(faults);
  const world = await World.open(script.door, options);
  try {
    await connect(world, lives, arrivals);
    for (const step of script.steps) {
      count.steps++;
      try {
        await act(step, world, lives, arrivals);
      } catch (error) {
        wrong.push(`step ${step.do} threw ${error instanceof Error ? error.stack : error}`);
      }
      await pass(step.then);
    }
    wrong.push(...(await finish(script, world, lives)));
    // Each fault of the server's own listeners was told, and nothing else was.
    const thrown = lives.reduce((sum, { served }) => sum + (served?.faults ?? 0), 0) + refusals;
    if (told.length !== thrown) wrong.push(`${thrown} faults, ${told.length} told: ${told.join(', ')}`);
    for (const { peer, served } of lives) count.lines += peer.lines.length + (served?.input.split('\r\n').length ?? 1) - 1;
    count.lives += lives.length;
  } finally {
    for (const { peer } of lives) peer.socket.destroy();
    await world.stop();
    await turns();
    release();
  }
  wrong.push(...faults.map((fault) => `uncaught: ${fault instanceof Error ? fault.stack : fault}`));
  return wrong;
}

function authorize(how: Script['authorize']): Promise<void> | undefined {
  if (how === 'at once') return undefined;
  return new Promise((resolve, reject) => {
    if (how === 'later') setTimeout(resolve, 2);
    else setImmediate(reject, new Error('no'));
  });
}

async function connect(world: World, lives: Life[], arrivals: Arrivals, lines = 0): Promise<void> {
  if (lives.length >= 6) return;
  const url = `/${lives.length}`;
  let served: Served | null = null;
  let life: Life | null = null;
  arrivals.set(url, (arrived) => {
    served = arrived;
    if (life !== null) life.served = served;
  });
  const said = Array.from({ length: lines }, (_, i) => `P0${i}`);
  const peer = await WirePeer.open(world.place, true, { url, behind: Buffer.concat(said.map(wireText)) });
  life = { peer, served, said: said.map((line) => `${line}\r\n`).join(''), garbledAt: null, hasLeft: false, count: 0 };
  lives.push(life);
}

async function act(step: Step, world: World, lives: Life[], arrivals: Arrivals): Promise<void> {
  if (step.do === 'connect') return connect(world, lives, arrivals);
  if (step.do === 'connect with lines behind the request') return connect(world, lives, arrivals, 3);
  if (operate(step, world.hook)) {
    if (step.do.startsWith('close the hook')) for (const { served } of lives) if (served !== null) served.isLeaving = true;
    return undefined;
  }
  const life = lives[step.who % lives.length] as Life;
  if (await say(step, life)) return undefined;
  life.served?.act(step);
  return undefined;
}

function operate(step: Step, hook: WebSocketHook): boolean {
  if (step.do === 'rehash') hook.rehash({ ...CONFIG, closeTimeout: 60, pingInterval: 0 });
  else if (step.do === 'close the hook') void hook.close('of the model');
  else if (step.do === 'close the hook slowly') void hook.close('of the model', { spread: 30 });
  else if (step.do === 'stats') hook.stats();
  else return false;
  return true;
}

/** The peer's steps; `false` where it is none. */
async function say(step: Step, life: Life): Promise<boolean> {
  const { peer } = life;
  const next = (): string => `P${++life.count} ${'-'.repeat(life.count % 5)}${life.count % 3 === 0 ? '\u00fc' : ''}`;
  const send = (bytes: Uint8Array, lines: readonly string[] = []): void => {
    if (life.hasLeft) return;
    life.said += lines.map((line) => `${line}\r\n`).join('');
    peer.send(bytes);
  };
  const garble = (bytes: Uint8Array): void => {
    if (life.hasLeft) return;
    life.garbledAt ??= life.said.length;
    peer.send(bytes);
  };
  const leave = (how: () => void): void => {
    if (!life.hasLeft) how();
    life.hasLeft = true;
  };
  switch (step.do) {
    case 'say a line': {
      const line = next();
      send(wireText(line), [line]);
      break;
    }
    case 'say lines': {
      const lines = Array.from({ length: step.count }, next);
      send(Buffer.concat(lines.map(wireText)), lines);
      break;
    }
    case 'say a line in two parts': {
      const line = next();
      const bytes = wireText(line);
      const cut = Math.min(step.cut, bytes.length - 1);
      peer.withinFrame(true);
      send(bytes.subarray(0, cut), [line]);
      await turns(2);
      send(bytes.subarray(cut));
      peer.withinFrame(false);
      break;
    }
    case 'say a fragmented line': {
      const line = next();
      const parts = [Buffer.from(line).subarray(0, 2), Buffer.from(line).subarray(2)] as const;
      const ping = wireFrame(Op.PING, 'between');
      send(Buffer.concat([wireFrame(Op.TEXT, parts[0], { fin: false }), ping, wireFrame(Op.CONTINUATION, parts[1])]), [line]);
      break;
    }
    case 'say two lines in a message': {
      const lines = [next(), next()];
      send(wireText(`${lines.join('\r\n')}\r\n`), lines);
      break;
    }
    case 'say an empty line':
      send(wireText(''));
      break;
    case 'say ping':
      send(wireFrame(Op.PING, 'ping'));
      break;
    case 'say pong':
      send(wireFrame(Op.PONG));
      break;
    case 'stop reading':
      peer.socket.pause();
      break;
    case 'read on':
      peer.socket.resume();
      break;
    case 'be impolite':
      peer.isPolite = false;
      break;
    case 'say garbage':
      garble(Buffer.of(0x01, 0x02, 0xff, 0x7f, 0x00, 0x81, 0x85, 0, 0, 0, 0, 0xc3, 0x28));
      break;
    case 'say a mutated frame': {
      const bytes = wireText('m'.repeat(step.length));
      const at = (step.bit >> 3) % bytes.length;
      bytes[at] = (bytes[at] as number) ^ (1 << (step.bit & 7));
      garble(bytes);
      break;
    }
    case 'say what is not UTF-8':
      garble(wireFrame(Op.TEXT, Buffer.of(0x61, 0xc3, 0x28)));
      break;
    case 'say too much':
      garble(wireText('x'.repeat(CONFIG.maxMessageSize + 1)));
      break;
    case 'send Close':
      leave(() => peer.close(1_000, 'of the peer'));
      break;
    case 'send Close and FIN':
      leave(() => {
        peer.close(1_001);
        peer.socket.end();
      });
      break;
    case 'send FIN':
      leave(() => peer.socket.end());
      break;
    case 'reset':
      leave(() => peer.reset());
      if (life.served !== null) life.served.isHarsh = true;
      break;
    default:
      return false;
  }
  return true;
}

async function pass(pace: Pace): Promise<void> {
  if (pace === 'a microtask') await Promise.resolve();
  else if (pace === 'a turn') await turns(1);
  else if (pace === '3 ms') await new Promise((resolve) => setTimeout(resolve, 3));
}

/** Ends what is left, and checks all. */
async function finish({ last, hasPings, steps }: Script, world: World, lives: readonly Life[]): Promise<string[]> {
  const wrong: string[] = [];
  const closesHook = steps.some(({ do: name }) => name === 'close the hook' || name === 'close the hook slowly');
  for (const { peer, served } of lives) {
    peer.socket.resume();
    if (served === null) continue;
    served.readOn();
  }
  // What two sides that mean well said to each other arrives.
  for (const [i, life] of lives.entries()) {
    const { peer, served } = life;
    if (served === null || hasPings || closesHook || served.isHarsh || life.garbledAt !== null) continue;
    if (!life.hasLeft && !(await comes(() => served.isHarsh || peer.lines.length >= served.lines.length)))
      wrong.push(`${i}: the peer has ${peer.lines.length} of ${served.lines.length} lines`);
    if (!served.isLeaving && !(await comes(() => served.isHarsh || served.isLeaving || served.input.length >= life.said.length)))
      wrong.push(`${i}: the server has ${served.input.length} of ${life.said.length} characters`);
  }
  for (const { peer, served, hasLeft, garbledAt } of lives) {
    peer.isPolite = true;
    if (last === 'the peers send Close' && !hasLeft) peer.close(1_000);
    // What is garbled may have announced more than comes: a Close frame would be a part of it.
    if (last === 'the peers send FIN' || peer.hasEnded || garbledAt !== null) peer.socket.end();
    if (last === 'the server ends') served?.end();
  }
  if (last === 'the server ends' || last === 'the hook closes')
    for (const { served } of lives) if (served !== null) served.isLeaving = true;
  let isClosed = false;
  const close = (): void => {
    void world.hook.close().then(() => {
      isClosed = true;
    });
  };
  if (last === 'the hook closes') close();
  for (const [i, { served }] of lives.entries()) {
    if (served === null) continue;
    if (!(await comes(() => served.closes > 0))) wrong.push(`${i}: no 'close'`);
  }
  close();
  if (!(await comes(() => isClosed))) wrong.push('hook.close() does not resolve');
  if (!(await comes(() => world.transports.every(({ closed }) => closed)))) wrong.push('a transport is open');
  await turns();
  for (const [i, life] of lives.entries()) wrong.push(...check(life).map((problem) => `${i}: ${problem}`));
  if (world.hook.clients.size > 0) wrong.push(`hook.clients has ${world.hook.clients.size}`);
  const { accepted, closed, clients } = world.hook.stats();
  const counted = Object.values(closed).reduce((sum, count) => sum + count, 0);
  const entered = lives.filter(({ served }) => served !== null).length;
  if (accepted !== entered || counted !== entered || clients !== 0)
    wrong.push(`${entered} came in; stats: ${accepted} accepted, ${counted} closed, ${clients} in`);
  return wrong;
}

function check({ peer, served, said, garbledAt }: Life): string[] {
  const wrong: string[] = peer.problems.map((problem) => `the peer got ${problem}`);
  if (served === null) return wrong;
  const { closes, errors, input, lines, owed, mayFail } = served;
  if (closes !== 1) wrong.push(`'close' ${closes} times`);
  if (served.ends > 1) wrong.push(`'end' ${served.ends} times`);
  if (served.closeStatus === null) wrong.push('no closeStatus');
  if (!served.isGone) wrong.push('not gone');
  if (owed !== 0) wrong.push(`${owed} callbacks of writes were not called`);
  const unexpected = mayFail ? [] : errors.filter((code) => code !== 'ECONNRESET' && code !== 'EPIPE');
  if (unexpected.length > 0) wrong.push(`'error' ${unexpected.join(', ')}`);
  if (!isBeginning(input, said, garbledAt) && !(served.isLeaving && (garbledAt !== null || isPart(input, said))))
    wrong.push(`read ${JSON.stringify(input.slice(-200))} of ${JSON.stringify(said.slice(-200))}`);
  // What stands behind the last LF leaves where the end makes a line of it.
  const all = served.rest === '' ? lines : [...lines, served.rest];
  const at = peer.lines.findIndex((line, i) => line !== all[i]);
  if (at >= 0)
    wrong.push(`line ${at} is ${JSON.stringify(peer.lines[at]?.slice(0, 80))}, not ${JSON.stringify(all[at]?.slice(0, 80))}`);
  return wrong;
}

/** Whether what was read is the beginning of what was said; behind a fault of the peer's anything may have been read. */
function isBeginning(input: string, said: string, garbledAt: number | null): boolean {
  const known = garbledAt === null ? said : said.slice(0, garbledAt);
  const both = Math.min(known.length, input.length);
  return input.slice(0, both) === known.slice(0, both) && (garbledAt !== null || input.length <= said.length);
}

/** Whether the lines that were read were said, in that order: a server that has called `end()` and does not read may miss some. */
function isPart(input: string, said: string): boolean {
  const lines = said.split('\r\n');
  let at = 0;
  return input.split('\r\n').every((line) => {
    at = lines.indexOf(line, at) + 1;
    return at > 0;
  });
}

/** Takes what nobody catches, so that a script can be made smaller in place of the process ending. */
function catchFaults(faults: unknown[]): () => void {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const listeners = events.map((event) => process.listeners(event as 'uncaughtException'));
  const take = (fault: unknown): void => void faults.push(fault);
  for (const event of events) process.removeAllListeners(event).on(event, take);
  return () => {
    for (const [i, event] of events.entries()) {
      process.removeAllListeners(event);
      for (const listener of listeners[i] ?? []) process.on(event, listener);
    }
  };
}
