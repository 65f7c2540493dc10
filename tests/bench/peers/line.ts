/** This library's line face: `onClient`, `onLine`, `writeLine`, `prepareLine`. */
import { createWebSocketHook, type IrcClient, prepareLine } from 'ircd-websocket';
import { listenWith } from './ours.ts';
import type { BenchClient, Peer } from './peer.ts';

class LineClient implements BenchClient {
  readonly client: IrcClient;

  constructor(client: IrcClient) {
    this.client = client;
  }

  get address(): string | undefined {
    return this.client.facts.client.address;
  }

  send(line: string): void {
    this.client.writeLine(line);
  }
}

export const peer: Peer = {
  listen: (app, certificate) =>
    listenWith(
      createWebSocketHook({
        origins: ['http://bench.example'],
        onClient: (ircClient) => {
          const client = new LineClient(ircClient);
          ircClient.onLine((line) => app.line(client, line));
          ircClient.onClose(() => app.closed(client));
          app.opened(client);
        },
      }),
      certificate,
    ),
  broadcast(clients, line) {
    // As `broadcast` does it; a generator of the clients would be measured with it.
    const prepared = prepareLine(line);
    for (const client of clients) (client as LineClient).client.writeLine(prepared);
  },
};
