/** The states in which a client can be when it ends. */
import type { IrcSocket } from '../../src/index.ts';
import { Op, wireFrame, wireText } from '../helpers/wire.ts';
import { turns } from '../helpers/world.ts';
import type { Client, State } from './cell.ts';

const read = (socket: IrcSocket): unknown => socket.on('data', () => {});

/** Holds some writes behind a peer that does not read. */
const held = (count: number): State => ({
  name: `a peer that does not read, ${count} more writes held`,
  isStuck: true,
  enter: async (client) => {
    read(client.socket);
    await client.fill();
    for (let i = 0; i < count; i++) client.write(`held ${i}\r\n`);
  },
});

/** Lines have come that the server does not take: it has paused. */
async function pauseBehindLines(client: Client, count: number): Promise<void> {
  client.mustReadOn = true;
  // In one chunk: a server that pauses in the first has the others parsed already.
  client.peer.send(Buffer.concat(Array.from({ length: count }, (_, i) => wireText(`line ${i}`))));
  const { bytesRead } = client.socket;
  for (let i = 0; i < 200 && client.socket.bytesRead === bytesRead; i++) await turns(1);
  await turns(2);
}

export const STATES: readonly State[] = [
  { name: "reading 'data'", enter: ({ socket }) => void read(socket) },
  { name: 'reading lines', hasData: false, enter: ({ socket }) => void socket.onLine(() => {}) },
  { name: 'resumed, with no listener', enter: ({ socket }) => void socket.resume() },
  {
    name: "reading by 'readable'",
    hasData: false,
    enter: ({ socket }) =>
      void socket.on('readable', () => {
        while (socket.read() !== null);
      }),
  },
  {
    name: 'nobody has read yet',
    enter: (client) => {
      client.mustReadOn = true;
    },
  },
  {
    name: 'paused',
    enter: (client) => {
      read(client.socket);
      client.socket.pause();
      client.mustReadOn = true;
    },
  },
  {
    name: 'paused, with bytes unread',
    enter: async (client) => {
      read(client.socket);
      client.socket.pause();
      await pauseBehindLines(client, 5);
    },
  },
  {
    name: 'lines, paused',
    hasData: false,
    enter: (client) => {
      client.socket.onLine(() => {});
      client.socket.pause();
      client.mustReadOn = true;
    },
  },
  {
    name: 'lines held',
    hasData: false,
    enter: async (client) => {
      client.socket.onLine((line: string) => {
        if (line === 'line 0') client.socket.pause();
      });
      await pauseBehindLines(client, 5);
    },
  },
  held(0),
  held(1),
  held(2),
  held(1_000),
  {
    name: 'lines read, a peer that does not read, 2 more writes held',
    hasData: false,
    isStuck: true,
    enter: async (client) => {
      client.socket.onLine(() => {});
      await client.fill();
      for (let i = 0; i < 2; i++) client.write(`held ${i}\r\n`);
    },
  },
  {
    name: 'paused, a peer that does not read, 2 more writes held',
    isStuck: true,
    enter: async (client) => {
      read(client.socket);
      client.socket.pause();
      client.mustReadOn = true;
      await client.fill();
      for (let i = 0; i < 2; i++) client.write(`held ${i}\r\n`);
    },
  },
  {
    name: 'corked, 3 writes',
    enter: (client) => {
      read(client.socket);
      client.socket.cork();
      for (let i = 0; i < 3; i++) client.write(`corked ${i}\r\n`);
    },
  },
  {
    name: 'corked behind a peer that does not read',
    isStuck: true,
    enter: async (client) => {
      read(client.socket);
      await client.fill();
      client.socket.cork();
      for (let i = 0; i < 3; i++) client.write(`corked ${i}\r\n`);
    },
  },
  {
    name: 'half a line written',
    enter: (client) => {
      read(client.socket);
      client.write('half');
    },
  },
  {
    name: 'ended; the peer has not answered',
    isPolite: false,
    enter: ({ socket }) => {
      read(socket);
      socket.end();
    },
  },
  {
    name: 'ended behind a peer that does not read',
    isStuck: true,
    enter: async (client) => {
      read(client.socket);
      await client.fill();
      for (let i = 0; i < 2; i++) client.write(`held ${i}\r\n`);
      client.socket.end();
    },
  },
  { name: 'a peer that answers nothing', isPolite: false, enter: ({ socket }) => void read(socket) },
  {
    name: 'a ping under way, an idle timer set',
    enter: ({ socket }) => {
      read(socket);
      socket.ping(() => {});
      socket.setTimeout(600_000, () => {});
    },
  },
  {
    name: 'half a message received',
    enter: async ({ socket, peer }) => {
      read(socket);
      peer.send(wireFrame(Op.TEXT, 'half a ', { fin: false }));
      await turns();
    },
  },
];
