/** This library's stream face: the plain TCP server's code, unchanged. */
import { createWebSocketHook } from 'ircd-websocket';
import { listenWith } from './ours.ts';
import type { BenchClient, Peer } from './peer.ts';
import { type SocketClient, serveSocket } from './socket-lines.ts';

export const peer: Peer = {
  listen: (app, certificate) =>
    listenWith(
      createWebSocketHook({ origins: ['http://bench.example'], onConnection: (socket) => serveSocket(socket, app) }),
      certificate,
    ),
  broadcast(clients: Iterable<BenchClient>, line) {
    const bytes = Buffer.from(`${line}\r\n`);
    for (const client of clients) (client as SocketClient).socket.write(bytes);
  },
};
