/** The ways in which a client can end. */
import { Op, wireClose, wireFrame, wireText } from '../helpers/wire.ts';
import type { Client, Way } from './cell.ts';

/** What the server does once it is told of the end. */
const inEnd = (name: string, act: (client: Client) => unknown): Way[] =>
  (['FIN', 'Close'] as const).map((end) => ({
    name: `${end}; the server calls ${name} in 'end'`,
    isPeers: true,
    // To write behind end() is an error.
    mayFail: true,
    act: (client) => {
      client.socket.on('end', () => void act(client));
      if (end === 'FIN') client.peer.socket.end();
      else client.peer.close(1000);
    },
  }));

/** The server ends the client while it takes a line. */
const inLine = (name: string, act: (client: Client) => unknown): Way => ({
  name: `the server calls ${name} as it reads`,
  needsData: true,
  isPeers: true,
  act: (client) => {
    let isFirst = true;
    client.socket.on('data', () => {
      if (isFirst) act(client);
      isFirst = false;
    });
    client.peer.send(Buffer.concat([wireText('one'), wireText('two')]));
    client.peer.socket.end();
  },
});

const throws = (): never => {
  throw new Error("the server's own fault");
};

export const WAYS: readonly Way[] = [
  { name: 'the peer sends Close', isPeers: true, act: ({ peer }) => peer.close(1001, 'tab closed') },
  {
    name: 'the peer sends Close and FIN at once',
    isPeers: true,
    act: ({ peer }) => {
      peer.close(1000);
      peer.socket.end();
    },
  },
  { name: 'the peer sends FIN', isPeers: true, act: ({ peer }) => peer.socket.end() },
  {
    name: 'the peer sends FIN within a frame',
    isPeers: true,
    act: ({ peer }) => {
      peer.send(wireText('torn').subarray(0, 7));
      peer.socket.end();
    },
  },
  {
    name: 'the peer resets the connection',
    isPeers: true,
    act: ({ peer }) => peer.reset(),
  },
  {
    name: 'the peer is silent until the ping timeout',
    isPeers: true,
    options: { pingInterval: 20, pingTimeout: 20 },
    act: () => {},
  },
  {
    name: 'a protocol fault: a frame without a mask',
    isPeers: true,
    act: ({ peer }) => peer.send(wireFrame(Op.TEXT, 'x', { masked: false })),
  },
  { name: 'a protocol fault: not UTF-8', isPeers: true, act: ({ peer }) => peer.send(wireFrame(Op.TEXT, Buffer.of(0xff))) },
  {
    name: 'a protocol fault: too big',
    isPeers: true,
    options: { maxMessageSize: 1_000 },
    act: ({ peer }) => peer.send(wireText('x'.repeat(1_001))),
  },
  {
    name: 'a ping flood',
    isPeers: true,
    act: ({ peer }) => peer.send(Buffer.concat(Array.from({ length: 1_000 }, () => wireFrame(Op.PING, 'x')))),
  },
  {
    name: 'SendQ exceeded',
    // A server that has called end() writes nothing more.
    isPatient: true,
    options: { sendQueueLimit: 1_048_576 },
    act: async (client) => {
      client.peer.socket.pause();
      const { socket } = client;
      for (let i = 0; i < 400 && socket.writable; i++) {
        client.write(`${'x'.repeat(100_000)}\r\n`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  },
  { name: 'end()', isPatient: true, act: ({ socket }) => socket.end() },
  { name: 'end() with a last line', isPatient: true, mayFail: true, act: ({ socket }) => socket.end('ERROR :Closing link\r\n') },
  { name: 'end() twice', isPatient: true, act: ({ socket }) => (socket.end() as typeof socket).end() },
  { name: 'destroy()', act: ({ socket }) => socket.destroy() },
  { name: 'destroy(error)', mayFail: true, act: ({ socket }) => socket.destroy(new Error('of the server')) },
  { name: 'destroySoon()', isPatient: true, act: ({ socket }) => socket.destroySoon() },
  { name: 'resetAndDestroy()', act: ({ socket }) => socket.resetAndDestroy() },
  { name: 'closeWebSocket()', act: ({ socket }) => socket.closeWebSocket(4_000, 'K-lined') },
  {
    name: 'closeWebSocket(), and then destroy()',
    act: ({ socket }) => {
      socket.closeWebSocket(4_000, 'K-lined');
      socket.destroy();
    },
  },
  { name: 'hook.close()', act: ({ world }) => void world.hook.close() },
  {
    name: 'M2 end(), and then hook.close()',
    act: ({ socket, world }) => {
      socket.end();
      void world.hook.close();
    },
  },
  {
    name: 'hook.close(), and then the peer’s FIN',
    act: ({ peer, world }) => {
      void world.hook.close();
      peer.socket.end();
    },
  },
  {
    name: "a 'data' listener that throws",
    needsData: true,
    isPeers: true,
    act: ({ socket, peer }) => {
      socket.on('data', throws);
      peer.send(wireText('x'));
    },
  },
  {
    name: 'a line listener that throws',
    isPeers: true,
    act: (client) => {
      client.mustReadOn = true;
      client.socket.onLine(throws);
      client.peer.send(Buffer.concat([wireText('x'), wireText('y')]));
    },
  },
  {
    name: 'a line listener that pauses, resumes and throws',
    isPeers: true,
    act: (client) => {
      client.mustReadOn = true;
      let seen = 0;
      client.socket.onLine(() => {
        seen++;
        if (seen > 1) throws();
        client.socket.pause();
        setImmediate(() => client.socket.resume());
      });
      client.peer.send(Buffer.concat(Array.from({ length: 4 }, (_, i) => wireText(`line ${i}`))));
    },
  },
  {
    name: 'the server goes back to data, and the peer sends Close',
    isPeers: true,
    act: ({ socket, peer }) => {
      socket.onLine(null);
      socket.on('data', () => {});
      socket.resume();
      peer.send(Buffer.concat([wireText('x'), wireClose(1000)]));
    },
  },
  ...inEnd('end', ({ socket }) => socket.end()),
  ...inEnd('end with a line', ({ socket }) => socket.end('goodbye\r\n')),
  ...inEnd('destroy', ({ socket }) => socket.destroy()),
  ...inEnd('destroySoon', ({ socket }) => socket.destroySoon()),
  ...inEnd('resetAndDestroy', ({ socket }) => socket.resetAndDestroy()),
  ...inEnd('closeWebSocket', ({ socket }) => socket.closeWebSocket(4_000)),
  ...inEnd('write', ({ socket }) => socket.write('too late\r\n')),
  inLine('end', ({ socket }) => socket.end()),
  inLine('destroy', ({ socket }) => socket.destroy()),
  inLine('resetAndDestroy', ({ socket }) => socket.resetAndDestroy()),
  inLine('pause and then resume', ({ socket }) => setImmediate(() => socket.pause().resume())),
];
