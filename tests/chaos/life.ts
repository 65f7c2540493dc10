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
 * 6. A client that can come back loses nothing with its transport, however often and however it loses it, until it is away for
 *    longer than its window. Of one that has ended nothing is kept.
 */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import {
  type ConnectionFacts,
  HandshakeError,
  type IrcClient,
  type IrcSocket,
  type WebSocketHook,
  type WebSocketHookOptions,
} from '../../src/index.ts';
import { Op, WirePeer, wireFrame, wireText } from '../helpers/wire.ts';
import { comes, turns, World } from '../helpers/world.ts';
import { type Served, ServedLines, ServedSocket } from './served.ts';
import type { Pace, Script, Step } from './steps.ts';
import { Wanderer } from './wanderer.ts';

/** One peer, and its client where it came in. */
interface Life {
  readonly peer: WirePeer | Wanderer;
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

/** With `node --expose-gc`. */
const collectGarbage = (globalThis as { gc?: () => void }).gc;

export interface Count {
  lives: number;
  steps: number;
  lines: number;
  /** How often clients came back, and how often their time ran out. */
  resumed: number;
  expired: number;
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
  // Not the errors: their stacks hold on to whoever was called.
  const told: string[] = [];
  let refusals = 0;
  const options = {
    ...CONFIG,
    resumeWindow: script.window,
    defaultMode: script.defaultMode,
    pingInterval: script.hasPings ? 15 : 0,
    pingTimeout: 15,
    handshakeTimeout: 5_000,
    onError: (error: unknown) => void told.push(String(error)),
    ...faces[script.face],
    ...(script.authorize === 'none'
      ? {}
      : {
          authorize: ({ resumes }: ConnectionFacts) => {
            if (script.authorize === 'no') refusals++;
            if (script.authorize === 'not again' && resumes !== null) throw new HandshakeError(403, 'Banned');
            return authorize(script.authorize);
          },
        }),
  } as unknown as Omit<WebSocketHookOptions, 'origins'>;
  const faults: unknown[] = [];
  const release = catchFaults(faults);
  const world = await World.open(script.door, options);
  try {
    await connect(world, lives, arrivals, script.comesBack ? 'to come back' : 0);
    for (const step of script.steps) {
      count.steps++;
      try {
        await act(step, world, lives, arrivals, script);
      } catch (error) {
        wrong.push(`step ${step.do} threw ${error instanceof Error ? error.stack : error}`);
      }
      await pass(step.then);
    }
    wrong.push(...(await finish(script, world, lives)));
    // Each fault of the server's own listeners was told, and nothing else was.
    const thrown = lives.reduce((sum, { served }) => sum + (served?.faults ?? 0), 0) + refusals;
    if (told.length !== thrown) wrong.push(`${thrown} faults, ${told.length} told: ${told.join(', ')}`);
    count.lines += lives.reduce((sum, { peer, served }) => sum + peer.lines.length + linesOf(served), 0);
    count.lives += lives.length;
    const { resumed, expired } = world.hook.stats();
    count.resumed += resumed;
    count.expired += expired;
    wrong.push(...(await kept(world, lives, arrivals)));
  } finally {
    for (const { peer } of lives) destroy(peer);
    await world.stop();
    await turns();
    release();
  }
  wrong.push(...faults.map((fault) => `uncaught: ${fault instanceof Error ? fault.stack : fault}`));
  return wrong;
}

function linesOf(served: Served | null): number {
  return (served?.input.split('\r\n').length ?? 1) - 1;
}

function authorize(how: Script['authorize']): Promise<void> | undefined {
  if (how === 'at once' || how === 'not again') return undefined;
  return new Promise((resolve, reject) => {
    if (how === 'later') setTimeout(resolve, 2);
    else setImmediate(reject, new Error('no'));
  });
}

/** @param lines how many it says behind its request, or that it can come back */
async function connect(world: World, lives: Life[], arrivals: Arrivals, lines: number | 'to come back' = 0): Promise<void> {
  if (lives.length >= 6) return;
  const url = `/${lives.length}`;
  let served: Served | null = null;
  let life: Life | null = null;
  arrivals.set(url, (arrived) => {
    served = arrived;
    if (life !== null) life.served = served;
  });
  const said = Array.from({ length: lines === 'to come back' ? 0 : lines }, (_, i) => `P0${i}`);
  const peer =
    lines === 'to come back'
      ? await Wanderer.open(world.place, url)
      : await WirePeer.open(world.place, true, { url, behind: Buffer.concat(said.map(wireText)) });
  life = { peer, served, said: said.map((line) => `${line}\r\n`).join(''), garbledAt: null, hasLeft: false, count: 0 };
  lives.push(life);
}

async function act(step: Step, world: World, lives: Life[], arrivals: Arrivals, script: Script): Promise<void> {
  if (step.do === 'connect') return connect(world, lives, arrivals);
  if (step.do === 'connect with lines behind the request') return connect(world, lives, arrivals, 3);
  if (step.do === 'connect, to come back') return connect(world, lives, arrivals, 'to come back');
  if (operate(step, world.hook)) {
    if (step.do.startsWith('close the hook')) for (const { served } of lives) if (served !== null) served.isLeaving = true;
    return undefined;
  }
  const life = lives[step.who % lives.length] as Life;
  if (life.peer instanceof Wanderer && (await wander(step, life, life.peer, script))) return undefined;
  if (await say(step, life)) return undefined;
  life.served?.act(step);
  return undefined;
}

/** The steps of a peer that can come back; `false` where it is none. */
async function wander(step: Step, life: Life, peer: Wanderer, script: Script): Promise<boolean> {
  const garble = (count: number): void => {
    if (life.hasLeft || !peer.canSend) return;
    life.garbledAt ??= life.said.length;
    peer.acknowledge(count);
  };
  peer.mayBeRefused = () => mayBeRefused(life, peer, script);
  peer.hasGarbled = life.garbledAt !== null;
  switch (step.do) {
    case 'acknowledge':
      if (!life.hasLeft) peer.acknowledge();
      break;
    case 'ask for an acknowledgement':
      if (!life.hasLeft) void peer.ask();
      break;
    case 'acknowledge less':
      // Behind an `ack` of all that came, it goes backwards.
      if (peer.lines.length === 0) break;
      if (!life.hasLeft) peer.acknowledge();
      garble(peer.lines.length - 1);
      break;
    case 'acknowledge more':
      garble(peer.lines.length + 1_000_000);
      break;
    case 'lose the transport':
      if (!life.hasLeft) peer.lose(step.how);
      break;
    case 'send FIN':
      if (!life.hasLeft) peer.lose('FIN');
      break;
    case 'reset':
      if (!life.hasLeft) peer.lose('RST');
      break;
    case 'come back':
      if (!life.hasLeft) await peer.comeBack(step.how, step.turns);
      break;
    case 'claim in vain':
      // The session ends: somebody has its token who may not have it.
      if (step.how === 'another origin' && life.served !== null) life.served.isHarsh = true;
      await peer.claimInVain(step.how);
      break;
    default:
      return false;
  }
  return true;
}

function mayBeRefused({ served, garbledAt }: Life, { window }: Wanderer, { authorize: how }: Script): boolean {
  if (served === null || served.isHarsh || served.isLeaving || served.closeStatus !== null) return true;
  return garbledAt !== null || window < 1_000 || how === 'not again';
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
  const tell = (lines: readonly string[], ...messages: readonly Buffer[]): void => {
    if (life.hasLeft) return;
    life.said += lines.map((line) => `${line}\r\n`).join('');
    peer.tell(...messages);
  };
  const send = (bytes: Uint8Array): void => {
    if (!life.hasLeft) peer.send(bytes);
  };
  // One that has no transport has nobody to say it to.
  const isAway = peer instanceof Wanderer && !peer.canSend;
  const garble = (bytes: Uint8Array): void => {
    if (life.hasLeft || isAway) return;
    life.garbledAt ??= life.said.length;
    if (peer instanceof Wanderer) peer.hasGarbled = true;
    peer.send(bytes);
  };
  const leave = (how: () => void): void => {
    if (isAway) return;
    if (!life.hasLeft) how();
    life.hasLeft = true;
  };
  switch (step.do) {
    case 'say a line': {
      const line = next();
      tell([line], wireText(line));
      break;
    }
    case 'say lines': {
      const lines = Array.from({ length: step.count }, next);
      tell(lines, ...lines.map(wireText));
      break;
    }
    case 'say a line in two parts': {
      const line = next();
      const bytes = wireText(line);
      if (life.hasLeft) break;
      life.said += `${line}\r\n`;
      await peer.tellInParts(bytes, Math.min(step.cut, bytes.length - 1));
      break;
    }
    case 'say a fragmented line': {
      const line = next();
      const parts = [Buffer.from(line).subarray(0, 2), Buffer.from(line).subarray(2)] as const;
      const ping = wireFrame(Op.PING, 'between');
      const first = wireFrame(Op.TEXT, parts[0], { fin: false });
      tell([line], Buffer.concat([first, ping, wireFrame(Op.CONTINUATION, parts[1])]));
      break;
    }
    case 'say two lines in a message': {
      const lines = [next(), next()];
      tell(lines, wireText(`${lines.join('\r\n')}\r\n`));
      break;
    }
    case 'say an empty line':
      tell([], wireText(''));
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
    case 'say what is no control message':
      // To any other client this is a line.
      if (peer instanceof Wanderer) garble(wireFrame(Op.BINARY, 'resumed 0'));
      break;
    case 'acknowledge':
    case 'ask for an acknowledgement':
    case 'acknowledge less':
    case 'acknowledge more':
    case 'lose the transport':
    case 'come back':
    case 'claim in vain':
      // For those who can.
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
      leave(() => peer instanceof Wanderer || peer.reset());
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
async function finish(script: Script, world: World, lives: readonly Life[]): Promise<string[]> {
  const { last, hasPings, steps } = script;
  const wrong: string[] = [];
  const closesHook = steps.some(({ do: name }) => name === 'close the hook' || name === 'close the hook slowly');
  for (const { peer, served } of lives) {
    for (const socket of socketsOf(peer)) socket.resume();
    if (served === null) continue;
    served.readOn();
  }
  // A client that can come back does so until all has arrived, or it may not any more.
  for (const [i, life] of lives.entries())
    if (life.peer instanceof Wanderer && !(await catchUp(life, life.peer, script)))
      wrong.push(`${i}: it does not catch up: ${describe(life)}`);
  // What two sides that mean well said to each other arrives.
  for (const [i, life] of lives.entries()) {
    const { peer, served } = life;
    if (peer instanceof Wanderer) continue;
    if (served === null || hasPings || closesHook || served.isHarsh || life.garbledAt !== null) continue;
    if (!life.hasLeft && !(await comes(() => served.isHarsh || peer.lines.length >= served.lines.length)))
      wrong.push(`${i}: the peer has ${peer.lines.length} of ${served.lines.length} lines`);
    if (!served.isLeaving && !(await comes(() => served.isHarsh || served.isLeaving || served.input.length >= life.said.length)))
      wrong.push(`${i}: the server has ${served.input.length} of ${life.said.length} characters`);
  }
  for (const life of lives) {
    const { peer, served, hasLeft, garbledAt } = life;
    peer.isPolite = true;
    if (peer instanceof Wanderer && last !== 'the server ends' && last !== 'the hook closes') {
      if (!(await leaveForGood(life, peer, last === 'the peers send FIN'))) wrong.push(`no end: ${describe(life)}`);
      continue;
    }
    if (peer instanceof Wanderer && last === 'the hook closes') continue;
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
  const { accepted, closed, clients, suspended } = world.hook.stats();
  const counted = Object.values(closed).reduce((sum, count) => sum + count, 0);
  const entered = lives.filter(({ served }) => served !== null).length;
  if (accepted !== entered || counted !== entered || clients !== 0 || suspended !== 0)
    wrong.push(`${entered} came in; stats: ${accepted} accepted, ${counted} closed, ${clients} in, ${suspended} suspended`);
  return wrong;
}

function describe({ peer, served, said }: Life): string {
  return `the peer has ${peer.lines.length} of ${served?.lines.length} lines, the server ${served?.input.length} of ${said.length} characters`;
}

/** Whether nothing more can be asked of a client that can come back. */
function isSettled({ peer, served, said, garbledAt, hasLeft }: Life): boolean {
  if (served === null || served.isHarsh || served.isLeaving || served.closeStatus !== null || garbledAt !== null || hasLeft)
    return true;
  return peer.lines.length >= served.lines.length && served.input.length >= said.length;
}

/** The answer to a question comes behind all that was on its way: so often without anything new, nothing more will come. */
const MOST_QUESTIONS = 10;

/** Has a client come back until all has arrived, or it may not any more. Returns `false` where something does not arrive. */
async function catchUp(life: Life, peer: Wanderer, script: Script): Promise<boolean> {
  peer.mayBeRefused = () => mayBeRefused(life, peer, script);
  let before = -1;
  for (let questions = 0; !isSettled(life) && !peer.isRefused && questions < MOST_QUESTIONS; ) {
    const now = peer.lines.length + (life.served?.input.length ?? 0);
    if (now !== before) questions = 0;
    before = now;
    if (!peer.canSend) await peer.comeBack('well', 0);
    else if (await peer.ask()) questions++;
    await pass('3 ms');
  }
  return isSettled(life) || peer.isRefused;
}

/** Leaves with a Close that arrives; or, where the window is short, by being away for longer. */
async function leaveForGood(life: Life, peer: Wanderer, byLoss: boolean): Promise<boolean> {
  const { served } = life;
  if (served === null) return true;
  if (byLoss && peer.window < 1_000) peer.lose('FIN');
  else
    while (served.closeStatus === null && !peer.isRefused) {
      await peer.comeBack('well', 0);
      peer.close(1_000);
      if (!(await comes(() => served.closeStatus !== null || peer.hasEnded))) return false;
    }
  return comes(() => served.closes > 0);
}

/** What the hook keeps of clients that are gone. */
async function kept(world: World, lives: Life[], arrivals: Arrivals): Promise<string[]> {
  if (collectGarbage === undefined) return [];
  // Callbacks, not loops: a suspended function keeps what its last loop held.
  const faces = lives.flatMap(({ served }) => (served === null ? [] : [new WeakRef(served.face)]));
  lives.forEach(({ peer }) => void destroy(peer));
  // Whoever holds a transport holds what was on it.
  world.transports.length = 0;
  lives.length = 0;
  arrivals.clear();
  // A weak reference that was looked at holds for a turn, and Node holds what a request was about for some.
  for (let round = 0; round < MOST_COLLECTIONS; round++) {
    await pass('3 ms');
    collectGarbage();
    if (faces.every((face) => face.deref() === undefined)) return [];
  }
  return ['a client that is gone is kept'];
}

const MOST_COLLECTIONS = 50;

function socketsOf(peer: WirePeer | Wanderer): readonly Socket[] {
  return peer instanceof Wanderer ? peer.sockets : [peer.socket];
}

function destroy(peer: WirePeer | Wanderer): void {
  for (const socket of socketsOf(peer)) socket.destroy();
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
