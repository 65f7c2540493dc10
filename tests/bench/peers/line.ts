/** This library's line face: `onLine`, `writeLine`, `broadcast`. */
import { broadcast, type IrcSocket } from 'ircd-websocket';
import { listenWithHook } from './ours.ts';
import type { BenchClient, Peer } from './peer.ts';

class LineClient implements BenchClient {
  readonly socket: IrcSocket;

  constructor(socket: IrcSocket) {
    this.socket = socket;
  }

  send(line: string): void {
    this.socket.writeLine(line);
  }
}

function* socketsOf(clients: Iterable<BenchClient>): Iterable<IrcSocket> {
  for (const client of clients) yield (client as LineClient).socket;
}

export const peer: Peer = {
  listen: (app) =>
    listenWithHook((socket) => {
      const client = new LineClient(socket);
      socket.onLine((line) => app.line(client, line));
      socket.on('close', () => app.closed(client));
      app.opened(client);
    }),
  broadcast(clients, line) {
    broadcast(socketsOf(clients), line);
  },
};
