/** This library's line face: `onClient`, `onLine`, `writeLine`, `prepareLine`. */
import { createWebSocketHook, type IrcClient, prepareLine, type WebSocketHook } from 'ircd-websocket';
import { listenWith } from './ours.ts';
import type { App, BenchClient, Peer } from './peer.ts';

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

const hookFor = (app: App): WebSocketHook<IrcClient> =>
  createWebSocketHook({
    origins: ['http://bench.example'],
    onClient: (ircClient) => {
      const client = new LineClient(ircClient);
      ircClient.onLine((line) => app.line(client, line));
      ircClient.onClose(() => app.closed(client));
      app.opened(client);
    },
  });

const broadcast = (clients: Iterable<BenchClient>, line: string): void => {
  // As `broadcast` does it; a generator of the clients would be measured with it.
  const prepared = prepareLine(line);
  for (const client of clients) (client as LineClient).client.writeLine(prepared);
};

export const peer: Peer = { listen: (app, certificate) => listenWith(hookFor(app), certificate), broadcast };

/** The same, for `http2.ts`. */
export const http2Peer: Peer = {
  listen: (app, certificate) => listenWith(hookFor(app), certificate, { http2: true }),
  broadcast,
};
