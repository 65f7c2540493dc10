/**
 * The same server with two doors: plain TCP by `net`, WebSockets by the hook. What a server does with a socket can be done with both, and compared.
 *
 * In: what the server does with a socket. Out: a peer that says lines and reads lines, whichever door it came through.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { WirePeer, wireText } from './wire.ts';
import { comes, World } from './world.ts';

/** A peer, through either door. */
export interface Guest {
  readonly lines: readonly string[];
  say(...lines: string[]): void;
  /** Ends the client in the words of its door: a Close frame, or FIN. */
  leave(): void;
  reset(): void;
  /** What the server has it see, once it is there; fails where it never comes. */
  sees(what: 'lines' | 'end', count?: number, limit?: number): Promise<void>;
  destroy(): void;
}

export interface TwoDoors {
  readonly world: World;
  /** Comes in, and gives the server's socket with the peer. */
  comeIn(door: 'net' | 'hook'): Promise<{ socket: Socket; guest: Guest }>;
  stop(): Promise<void>;
}

/** @param take is called with each socket as soon as there is one, as a server's handler is */
export async function openTwoDoors(
  take: (socket: Socket) => void,
  options: Partial<Parameters<typeof World.open>[1]> = {},
): Promise<TwoDoors> {
  const waiting: ((socket: Socket) => void)[] = [];
  const arrive = (socket: Socket): void => {
    waiting.shift()?.(socket);
    take(socket);
  };
  const world = await World.open('tcp', { closeTimeout: 1_000, pingInterval: 0, ...options, onConnection: arrive });
  const server: Server = createServer(arrive).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let last: Promise<unknown> = Promise.resolve();
  return {
    world,
    comeIn: (door) => {
      // One after the other: who comes in is who the server gets.
      const next = last.then(async () => {
        const arrived = new Promise<Socket>((resolve) => void waiting.push(resolve));
        const guest = door === 'hook' ? await throughHook(world) : await throughNet(port);
        return { socket: await arrived, guest };
      });
      last = next.catch(() => {});
      return next;
    },
    stop: async () => {
      await world.stop();
      server.close();
    },
  };
}

async function throughHook(world: World): Promise<Guest> {
  const peer = await WirePeer.open(world.place);
  return {
    lines: peer.lines,
    say: (...lines) => peer.send(Buffer.concat(lines.map(wireText))),
    leave: () => peer.close(1_000),
    reset: () => peer.reset(),
    sees: (what, count = 0, limit) =>
      saw(() => (what === 'end' ? peer.hasEnded || peer.isClosed : peer.lines.length >= count), limit),
    destroy: () => void peer.socket.destroy(),
  };
}

async function throughNet(port: number): Promise<Guest> {
  const peer = await WirePeer.connect({ port });
  const lines: string[] = [];
  let rest = '';
  peer.socket.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('latin1')).split('\r\n');
    rest = parts.pop() as string;
    lines.push(...parts);
  });
  return {
    lines,
    say: (...said) => peer.send(Buffer.from(said.map((line) => `${line}\r\n`).join(''))),
    leave: () => void peer.socket.end(),
    reset: () => peer.reset(),
    sees: (what, count = 0, limit) => saw(() => (what === 'end' ? peer.hasEnded || peer.isClosed : lines.length >= count), limit),
    destroy: () => void peer.socket.destroy(),
  };
}

async function saw(condition: () => boolean, limit?: number): Promise<void> {
  if (!(await comes(condition, limit))) throw new Error('the peer never saw it');
}
