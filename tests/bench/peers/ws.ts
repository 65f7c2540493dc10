/** `ws`, as its documentation has it; compression is off by default. */
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { BenchClient, Peer } from './peer.ts';

class WsClient implements BenchClient {
  readonly socket: WebSocket;
  /** Asked for as `ws` documents it: of the request, which is there when a client comes. */
  readonly address: string | undefined;

  constructor(socket: WebSocket, request: IncomingMessage | null) {
    this.socket = socket;
    this.address = request?.socket.remoteAddress;
  }

  send(line: string): void {
    this.socket.send(line);
  }
}

export const peer: Peer = {
  listen: (app, certificate) =>
    new Promise((resolve) => {
      const server = certificate === undefined ? createServer() : createHttpsServer({ ...certificate, noDelay: true });
      const sockets = new WebSocketServer({ server, clientTracking: false });
      sockets.on('connection', (socket, request) => {
        const client = new WsClient(socket, app.asksForAddress ? request : null);
        socket.on('message', (data) => app.line(client, (data as Buffer).toString()));
        socket.on('error', () => {});
        socket.on('close', () => app.closed(client));
        app.opened(client);
      });
      server.listen(0, '127.0.0.1', 4_096, () => resolve((server.address() as AddressInfo).port));
    }),
  broadcast(clients: Iterable<BenchClient>, line) {
    const bytes = Buffer.from(line);
    const options = { binary: false };
    for (const client of clients) (client as WsClient).socket.send(bytes, options);
  },
};
