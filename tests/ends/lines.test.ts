/**
 * A client of lines (`onClient`) that is gone is gone: every way in which it can end, in every state in which it can be.
 *
 * `onClose` is called once, with the status that `closeStatus` has; the hook does not have the client any more; its transport is closed; `hook.close()` resolves.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { CloseStatus, IrcClient, WebSocketHookOptions } from '../../src/index.ts';
import { beginWatch, canOpen } from '../helpers/doors.ts';
import { leftOver, takeInventory } from '../helpers/left-over.ts';
import { Op, WirePeer, wireClose, wireFrame, wireText } from '../helpers/wire.ts';
import { comes, DOORS, type Door, turns, World } from '../helpers/world.ts';

beforeAll(beginWatch);

interface Cell {
  readonly world: World;
  readonly peer: WirePeer;
  readonly client: IrcClient;
}

interface State {
  readonly name: string;
  readonly enter: (cell: Cell) => Promise<void> | void;
  /** Whether the server has to read on before it can see what its peer does. */
  readonly isPaused?: true;
  readonly isPolite?: false;
  readonly isStuck?: true;
}

const fill = async ({ client, peer }: Cell, more: number): Promise<void> => {
  peer.socket.pause();
  for (let i = 0; i < 200 && client.queuedSize < 200_000 && client.closeStatus === null; i++) {
    client.writeLine('x'.repeat(100_000));
    await turns(2);
  }
  for (let i = 0; i < more; i++) client.writeLine(`held ${i}`);
};

const STATES: readonly State[] = [
  { name: 'reading', enter: ({ client }) => void client.onLine(() => {}) },
  { name: 'reading bytes', enter: ({ client }) => void client.onLine(() => {}, 'buffer') },
  { name: 'nobody has read yet', isPaused: true, enter: () => {} },
  { name: 'paused', isPaused: true, enter: ({ client }) => void client.onLine(() => {}).pause() },
  {
    name: 'lines held',
    isPaused: true,
    enter: async ({ client, peer }) => {
      let count = 0;
      client.onLine(() => {
        count++;
        client.onLine(null);
      });
      peer.send(Buffer.concat([wireText('1'), wireText('2'), wireText('3')]));
      await comes(() => count > 0);
    },
  },
  ...[0, 1, 2, 1_000].map(
    (count): State => ({
      name: `a peer that does not read, ${count} more lines written`,
      isStuck: true,
      enter: async (cell) => {
        cell.client.onLine(() => {});
        await fill(cell, count);
      },
    }),
  ),
  {
    name: 'closed; the peer has not answered',
    isPolite: false,
    enter: ({ client }) => client.onLine(() => {}).close(4_001, 'of the server'),
  },
  {
    name: 'closed behind a peer that does not read',
    isStuck: true,
    enter: async (cell) => {
      cell.client.onLine(() => {});
      await fill(cell, 2);
      cell.client.close();
    },
  },
  { name: 'made a stream', enter: ({ client }) => void client.toSocket().resume() },
  {
    name: 'half a message received',
    enter: async ({ client, peer }) => {
      client.onLine(() => {});
      peer.send(wireFrame(Op.TEXT, 'half', { fin: false }));
      await turns();
    },
  },
];

interface Way {
  readonly name: string;
  readonly act: (cell: Cell) => unknown;
  readonly options?: Partial<WebSocketHookOptions>;
  readonly isPeers?: true;
}

const fail = (): never => {
  throw new Error("the server's own fault");
};

const WAYS: readonly Way[] = [
  { name: 'Close', isPeers: true, act: ({ peer }) => peer.close(1_001) },
  { name: 'Close and FIN', isPeers: true, act: ({ peer }) => peer.socket.end(wireClose(1_000)) },
  { name: 'FIN', isPeers: true, act: ({ peer }) => peer.socket.end() },
  { name: 'a reset', isPeers: true, act: ({ peer }) => peer.reset() },
  { name: 'silence', isPeers: true, options: { pingInterval: 20, pingTimeout: 20 }, act: () => {} },
  { name: 'a protocol fault', isPeers: true, act: ({ peer }) => peer.send(wireFrame(Op.TEXT, 'x', { rsv: 2 })) },
  {
    name: 'a ping flood',
    isPeers: true,
    act: ({ peer }) => peer.send(Buffer.concat(Array.from({ length: 1_000 }, () => wireFrame(Op.PING)))),
  },
  {
    name: 'SendQ exceeded',
    options: { sendQueueLimit: 500_000 },
    act: async ({ client, peer }) => {
      peer.socket.pause();
      for (let i = 0; i < 400 && client.writable; i++) {
        client.writeLine('x'.repeat(50_000));
        await turns(1);
      }
    },
  },
  { name: 'close()', act: ({ client }) => client.close() },
  { name: 'close(4000), twice', act: ({ client }) => [client.close(4_000, 'a'), client.close(4_002, 'b')] },
  { name: 'destroy()', act: ({ client }) => client.destroy() },
  { name: 'destroy(), twice', act: ({ client }) => [client.destroy(), client.destroy()] },
  { name: 'close(), destroy()', act: ({ client }) => [client.close(), client.destroy()] },
  { name: 'hook.close()', act: ({ world }) => void world.hook.close() },
  { name: 'close() and hook.close()', act: ({ client, world }) => [client.close(), void world.hook.close()] },
  {
    name: 'a listener that throws',
    isPeers: true,
    act: ({ client, peer }) => {
      client.onLine(fail);
      peer.send(wireText('x'));
    },
  },
  {
    name: 'destroy() in a line',
    isPeers: true,
    act: ({ client, peer }) => {
      client.onLine(() => client.destroy());
      peer.socket.end(Buffer.concat([wireText('x'), wireText('y')]));
    },
  },
  {
    name: 'close() in a line, and the peer’s reset',
    isPeers: true,
    act: ({ client, peer }) => {
      client.onLine(() => client.close());
      peer.send(wireText('x'));
      setImmediate(() => peer.reset());
    },
  },
];

async function play(door: Door, state: State, way: Way): Promise<string[]> {
  const wrong: string[] = [];
  let client: IrcClient | undefined;
  const statuses: CloseStatus[] = [];
  const world = await World.open(door, {
    pingInterval: 0,
    closeTimeout: 60,
    sendQueueLimit: 64 * 1_048_576,
    onError: () => {},
    ...way.options,
    onClient: (arrived: IrcClient) => {
      client = arrived.onClose((status) => void statuses.push(status));
    },
  } as unknown as Omit<WebSocketHookOptions, 'origins'>);
  const peer = await WirePeer.open(world.place, state.isPolite ?? true);
  try {
    if (!(await comes(() => client !== undefined))) return ['did not come in'];
    const cell: Cell = { world, peer, client: client as IrcClient };
    await state.enter(cell);
    await way.act(cell);
    // A line listener that the way has set stays; where there is none, somebody begins to read.
    if (way.isPeers === true && state.isPaused === true) {
      if (!way.name.includes('listener') && !way.name.includes('in a line')) cell.client.onLine(() => {});
      cell.client.resume();
    }
    if (way.isPeers !== true && state.isStuck === true && way.name.startsWith('close')) void world.hook.close();
    if (!(await comes(() => world.hook.clients.size === 0))) wrong.push('still in hook.clients');
    if (!(await comes(() => world.transports.every(({ closed }) => closed)))) wrong.push('a transport is open');
    if (!(await comes(() => statuses.length > 0))) wrong.push('onClose was not called');
    let isClosed = false;
    void world.hook.close().then(() => {
      isClosed = true;
    });
    if (!(await comes(() => isClosed))) wrong.push('hook.close() does not resolve');
    await turns();
    if (statuses.length > 1) wrong.push(`onClose ${statuses.length} times`);
    if (cell.client.closeStatus === null || JSON.stringify(statuses[0]) !== JSON.stringify(cell.client.closeStatus))
      wrong.push(`onClose said ${JSON.stringify(statuses[0])}, closeStatus is ${JSON.stringify(cell.client.closeStatus)}`);
    if (cell.client.writable || cell.client.queuedSize !== 0) wrong.push('still writable, or something queued');
    const { accepted, closed } = world.hook.stats();
    if (accepted !== 1 || Object.values(closed).reduce((sum, count) => sum + count, 0) !== 1) wrong.push('not counted once');
    wrong.push(...peer.problems);
  } finally {
    peer.socket.destroy();
    await world.stop();
  }
  return wrong;
}

describe.each(DOORS.filter(canOpen))('over %s', (door) => {
  // TCP takes megabytes before anybody waits: the Unix domain socket has all states.
  const states = STATES.filter(({ name }) => door === 'unix' || !/not read, (0|1|1000) more/.test(name));
  test.each(WAYS.map((way) => [way.name, way] as const))('J6, a client of lines: %s', async (_name, way) => {
    const before = takeInventory();
    const cells = await Promise.all(
      states.map(async (state) => (await play(door, state, way)).map((problem) => `${state.name}: ${problem}`)),
    );
    expect(cells.flat()).toEqual([]);
    expect(await leftOver(before)).toEqual([]);
  });
});
