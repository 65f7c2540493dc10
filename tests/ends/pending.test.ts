/**
 * A connection that is no client yet: every way in which it can end while `authorize` is pending, or its request is not read.
 *
 * Nothing of it may stay, and whatever `authorize` says afterwards changes nothing.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { HandshakeError } from '../../src/index.ts';
import { beginWatch, canOpen } from '../helpers/doors.ts';
import { leftOver, takeInventory } from '../helpers/left-over.ts';
import { request, WirePeer, wireClose, wireText } from '../helpers/wire.ts';
import { comes, DOORS, type Door, turns, World } from '../helpers/world.ts';

beforeAll(beginWatch);

interface Pending {
  readonly world: World;
  readonly peer: WirePeer;
  readonly say: { yes(): void; no(error?: Error): void };
}

/** How it ends, with what `authorize` says at last. */
const WAYS: readonly (readonly [name: string, act: (pending: Pending) => unknown])[] = [
  ['FIN', ({ peer }) => peer.socket.end()],
  ['FIN behind lines', ({ peer }) => peer.socket.end(Buffer.concat([wireText('NICK x'), wireClose(1000)]))],
  ['a reset', ({ peer }) => peer.reset()],
  ['100,000 bytes of input, and FIN', ({ peer }) => peer.socket.end(wireText('x'.repeat(100_000)))],
  ['silence until handshakeTimeout', () => {}],
  ['hook.close()', ({ world }) => void world.hook.close()],
  ['no', ({ say }) => say.no()],
  ['a refusal', ({ say }) => say.no(new HandshakeError(451, 'banned'))],
  [
    'no, and a peer that neither reads nor ends',
    ({ say, peer }) => {
      peer.isPolite = false;
      peer.socket.pause();
      say.no();
    },
  ],
];

async function play(door: Door, act: (pending: Pending) => unknown, verdict: 'yes' | 'no' | 'never'): Promise<string[]> {
  const wrong: string[] = [];
  let say: Pending['say'] | undefined;
  let isAborted = false;
  let entered = 0;
  const world = await World.open(door, {
    handshakeTimeout: 300,
    closeTimeout: 60,
    pingInterval: 0,
    authorize: (_facts, _request, signal) =>
      new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => {
          isAborted = true;
        });
        say = { yes: resolve, no: (error = new Error('no')) => reject(error) };
      }),
    onConnection: () => void entered++,
  });
  try {
    const peer = await WirePeer.connect(world.place);
    peer.send(Buffer.from(request('/irc')));
    if (!(await comes(() => say !== undefined))) wrong.push('authorize was not asked');
    const pending = { world, peer, say: say as Pending['say'] };
    await act(pending);
    if (!(await comes(() => world.transports.every(({ closed }) => closed)))) wrong.push('the transport is open');
    if (!(await comes(() => isAborted))) wrong.push('the signal does not abort');
    let isClosed = false;
    void world.hook.close().then(() => {
      isClosed = true;
    });
    if (!(await comes(() => isClosed))) wrong.push('hook.close() does not resolve');
    if (verdict !== 'never') pending.say[verdict]();
    await turns();
    if (entered > 0) wrong.push('it came in');
    if (world.hook.clients.size > 0) wrong.push('it is in hook.clients');
    peer.socket.destroy();
  } finally {
    await world.stop();
  }
  return wrong;
}

describe.each(DOORS.filter(canOpen))('over %s, authorize pending', (door) => {
  test.each(WAYS)('%s', async (_name, act) => {
    const before = takeInventory();
    const verdicts = ['yes', 'no', 'never'] as const;
    const wrong = await Promise.all(
      verdicts.map(async (verdict) => (await play(door, act, verdict)).map((one) => `${verdict} at last: ${one}`)),
    );
    expect(wrong.flat()).toEqual([]);
    expect(await leftOver(before)).toEqual([]);
  });

  test('M8 authorize says yes after hook.close() was called: 503, or a client that close() waits for; never a client behind it', async () => {
    let yes: (() => void) | undefined;
    const late: string[] = [];
    let isClosed = false;
    const world = await World.open(door, {
      handshakeTimeout: 20_000,
      closeTimeout: 60,
      authorize: () =>
        new Promise<void>((resolve) => {
          yes = resolve;
        }),
      onConnection: () => void late.push(isClosed ? 'behind close()' : 'before close() resolved'),
    });
    const peer = await WirePeer.connect(world.place);
    peer.send(Buffer.from(request('/irc')));
    await comes(() => yes !== undefined);
    const closing = world.hook.close().then(() => {
      isClosed = true;
    });
    await turns();
    yes?.();
    await peer.until(() => peer.hasEnded || peer.isClosed || peer.closeFrame !== null);
    await closing;
    await turns();
    expect(late).not.toContain('behind close()');
    if (late.length === 0) expect(peer.head).toMatch(/^HTTP\/1\.1 503 /);
    expect(world.hook.clients.size).toBe(0);
    peer.socket.destroy();
    await world.stop();
  });
});

describe.each(DOORS.filter(canOpen))('over %s, the request not read', (door) => {
  test.each([
    ['nothing', ''],
    ['half a request', request('/irc').slice(0, 40)],
    ['garbage', '\x16\x03\x01garbage\r\n\r\n'],
    ['a plain request', 'GET / HTTP/1.1\r\nHost: irc.example.com\r\n\r\n'],
  ])('%s; then FIN, a reset, or silence', async (_name, bytes) => {
    const before = takeInventory();
    const wrong: string[] = [];
    for (const end of ['FIN', 'reset', 'silence'] as const) {
      const world = await World.open(door, { handshakeTimeout: 120, closeTimeout: 60, onConnection: () => {} });
      const peer = await WirePeer.connect(world.place, false);
      peer.send(Buffer.from(bytes));
      await turns();
      if (end === 'FIN') peer.socket.end();
      else if (end === 'reset') peer.reset();
      // What is silent may be kept for as long as Node's server keeps an idle connection; after `stop` nothing may stay.
      if (end !== 'silence' && !(await comes(() => world.transports.every(({ closed }) => closed)))) wrong.push(`${end}: open`);
      peer.socket.destroy();
      await world.hook.close();
      await world.stop();
    }
    expect(wrong).toEqual([]);
    expect(await leftOver(before)).toEqual([]);
  });
});
