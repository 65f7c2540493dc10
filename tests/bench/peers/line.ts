/** This library's line face: `onLine`, `writeLine`, `prepareLine`. */
import { type IrcSocket, prepareLine } from 'ircd-websocket';
import { listenWithHook } from './ours.ts';
import type { BenchClient, Peer } from './peer.ts';

class LineClient implements BenchClient {
  readonly socket: IrcSocket;

  constructor(socket: IrcSocket) {
    this.socket = socket;
  }

  get address(): string | undefined {
    return this.socket.remoteAddress;
  }

  send(line: string): void {
    this.socket.writeLine(line);
  }
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
    // As `broadcast` does it; a generator of the clients' sockets would be measured with it.
    const prepared = prepareLine(line);
    for (const client of clients) (client as LineClient).socket.writeLine(prepared);
  },
};
