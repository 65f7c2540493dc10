/** The floor: IRC lines over plain TCP. */
import { type AddressInfo, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { BenchClient, Peer } from './peer.ts';
import { type SocketClient, serveSocket } from './socket-lines.ts';

export const peer: Peer = {
  listen: (app, certificate) =>
    new Promise((resolve) => {
      const server =
        certificate === undefined
          ? createServer({ noDelay: true }, (socket) => serveSocket(socket, app))
          : createTlsServer({ ...certificate, noDelay: true }, (socket) => serveSocket(socket, app));
      server.listen(0, '127.0.0.1', 4_096, () => resolve((server.address() as AddressInfo).port));
    }),
  broadcast(clients: Iterable<BenchClient>, line) {
    const bytes = Buffer.from(`${line}\r\n`);
    for (const client of clients) (client as SocketClient).socket.write(bytes);
  },
};
