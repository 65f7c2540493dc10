/**
 * One cell of the table of ends: a client in some state, the way in which it ends, and what must be true afterwards.
 *
 * In: a state and a way, each a name with a function. Out: what was wrong, in words; nothing where all was right.
 *
 * Laws of the table, for each client:
 * 1. `'close'` comes once, whatever came before it. A server that does not read gets it after it reads on, as on a `net.Socket`.
 * 2. `closeStatus` is set by then, `hook.clients` does not have the client, `hook.stats()` has counted it once.
 * 3. The transport is closed: no descriptor stays.
 * 4. Each callback of a `write` is called once.
 * 5. `hook.close()` resolves.
 * 6. No `'error'` comes but for a reset, or an error that the server itself gave to `destroy`.
 * 7. What the peer was sent is valid, and nothing follows a Close frame.
 */
import type { IrcSocket, WebSocketHookOptions } from '../../src/index.ts';
import { WirePeer } from '../helpers/wire.ts';
import { comes, type Door, turns, World } from '../helpers/world.ts';

/** Short times, so that what ends by a time limit ends soon; nothing is asserted of how soon. */
const TIMES = { pingInterval: 0, closeTimeout: 60, sendQueueLimit: 64 * 1_048_576 };

/** A client, and all that was seen of it. */
export class Client {
  readonly world: World;
  readonly peer: WirePeer;
  readonly socket: IrcSocket;
  readonly events: string[] = [];
  closes = 0;
  errors: string[] = [];
  /** Callbacks of writes that were not called yet; below zero, one was called twice. */
  owed = 0;
  /** Whether the server has to read on before it can see an end. */
  mustReadOn = false;

  constructor(world: World, peer: WirePeer, socket: IrcSocket) {
    this.world = world;
    this.peer = peer;
    this.socket = socket;
  }

  /** Listens for all that a server may listen for, without reading. */
  watch(): void {
    this.socket.on('close', () => void this.closes++);
    this.socket.on('error', (error: NodeJS.ErrnoException) => void this.errors.push(error.code ?? error.message));
  }

  /** Writes a line, and counts its callback. */
  write(text: string): void {
    this.owed++;
    this.socket.write(text, () => void this.owed--);
  }

  /** Has the kernel's and the transport's buffers full: what is written from now on is held. */
  async fill(): Promise<void> {
    this.peer.socket.pause();
    // Where the end comes by time, it may come before that.
    for (let i = 0; i < 200 && this.socket.closeStatus === null; i++) {
      this.write(`${'x'.repeat(100_000)}\r\n`);
      await turns(1);
      if (this.socket.writableNeedDrain || this.socket.bufferSize > 0) {
        await turns(3);
        if (this.socket.bufferSize > 100_000) return;
      }
    }
    if (this.socket.closeStatus === null) throw new Error('a peer that does not read never made the server wait');
  }
}

export interface State {
  readonly name: string;
  /** Brings a client, which has just come in and is not read yet, into the state. */
  readonly enter: (client: Client) => Promise<void> | void;
  /** Whether the peer answers what it is asked: Close by Close, FIN by FIN. */
  readonly isPolite?: boolean;
  /** Whether lines come by `'data'`. */
  readonly hasData?: false;
  /** Whether the peer does not read what was written: a server that waits for that waits for ever, as on a `net.Socket`. */
  readonly isStuck?: boolean;
}

export interface Way {
  readonly name: string;
  readonly act: (client: Client) => Promise<unknown> | unknown;
  readonly options?: Partial<WebSocketHookOptions>;
  /** Whether the peer begins: a server that does not read has to read on to learn of it. */
  readonly isPeers?: boolean;
  /** Whether the way is one of those who listen for `'data'`. */
  readonly needsData?: boolean;
  /** Whether the server waits until all that it wrote has left: `hook.close()` must bound that. */
  readonly isPatient?: boolean;
  /** Whether an `'error'` is what a `net.Socket` has, too. */
  readonly mayFail?: boolean;
}

/** Plays one cell; what was wrong. */
export async function play(door: Door, state: State, way: Way): Promise<string[]> {
  const wrong: string[] = [];
  let arrive: (socket: IrcSocket) => void = () => {};
  const arrived = new Promise<IrcSocket>((resolve) => {
    arrive = resolve;
  });
  let client: Client | undefined;
  const world = await World.open(door, { ...TIMES, ...way.options, onConnection: (socket) => arrive(socket) });
  try {
    const [peer, socket] = await Promise.all([WirePeer.open(world.place, state.isPolite ?? true), arrived]);
    client = new Client(world, peer, socket);
    client.watch();
    await state.enter(client);
    await way.act(client);
    if (way.isPeers === true && client.mustReadOn) socket.resume();
    if (way.isPatient === true && state.isStuck === true) void world.hook.close();
    // Before anybody reads on: the client is gone from the hook whether the server reads or not.
    if (!(await comes(() => world.hook.clients.size === 0))) wrong.push('still in hook.clients');
    if (!(await comes(() => world.transports.every(({ closed }) => closed)))) wrong.push('a transport is open');
    const { closeStatus } = socket;
    if (closeStatus === null) wrong.push('no closeStatus');
    if (client.mustReadOn) socket.resume();
    if (!(await comes(() => (client as Client).closes > 0))) wrong.push("no 'close'");
    let isClosed = false;
    void world.hook.close().then(() => {
      isClosed = true;
    });
    if (!(await comes(() => isClosed))) wrong.push('hook.close() does not resolve');
    await turns();
    if (client.closes > 1) wrong.push(`'close' ${client.closes} times`);
    if (!(await comes(() => client?.owed === 0, 1_000))) wrong.push(`callbacks of writes: ${client.owed} too few`);
    if (!socket.destroyed) wrong.push('not destroyed');
    if (closeStatus !== null && JSON.stringify(closeStatus) !== JSON.stringify(socket.closeStatus))
      wrong.push(`closeStatus became ${JSON.stringify(socket.closeStatus)} of ${JSON.stringify(closeStatus)}`);
    const { accepted, closed } = world.hook.stats();
    const counted = Object.values(closed).reduce((sum, count) => sum + count, 0);
    if (accepted !== 1 || counted !== 1) wrong.push(`counted ${accepted} in, ${counted} out`);
    const errors = way.mayFail === true ? [] : client.errors.filter((code) => code !== 'ECONNRESET' && code !== 'EPIPE');
    if (errors.length > 0) wrong.push(`'error' ${errors.join(', ')}`);
    wrong.push(...peer.problems);
  } catch (error) {
    wrong.push(String(error instanceof Error ? error.stack : error));
  } finally {
    client?.peer.socket.destroy();
    await world.stop();
  }
  return wrong;
}
