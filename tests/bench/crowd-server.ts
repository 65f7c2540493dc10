/** The server of `crowd.ts`: it greets nobody, and keeps everybody alive. `crowd-server.js line|stream|ws` */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createWebSocketHook } from 'ircd-websocket';
import { type WebSocket, WebSocketServer } from 'ws';
import { sampleProcess } from './sample.ts';

const clients = new Set<object>();

/** Both faces with the defaults: a native ping after 30 s of silence. */
function ours(face: 'line' | 'stream'): Server {
  const origins = ['http://bench.example'];
  const hook =
    face === 'line'
      ? createWebSocketHook({
          origins,
          onClient: (client) => {
            clients.add(client);
            client.onLine(() => {});
            client.onClose(() => clients.delete(client));
          },
        })
      : createWebSocketHook({
          origins,
          onConnection: (socket) => {
            clients.add(socket);
            socket.on('data', () => {});
            socket.on('close', () => clients.delete(socket));
          },
        });
  return hook.createListener();
}

/** As its documentation has it, "How to detect and close broken connections?". */
function ws(): Server {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  const alive = new WeakSet<WebSocket>();
  sockets.on('connection', (socket) => {
    clients.add(socket);
    alive.add(socket);
    socket.on('error', () => {});
    socket.on('message', () => {});
    socket.on('pong', () => alive.add(socket));
    socket.on('close', () => clients.delete(socket));
  });
  setInterval(() => {
    for (const socket of sockets.clients) {
      if (!alive.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }, 30_000);
  return server;
}

const face = process.argv[2];
const server = face === 'ws' ? ws() : ours(face === 'stream' ? 'stream' : 'line');
server.listen(0, '0.0.0.0', 8_192, () => process.send?.({ type: 'listening', port: (server.address() as AddressInfo).port }));

process.on('message', (message: { type: 'sample'; collects: boolean }) => {
  void sampleProcess(message.collects).then((sample) => process.send?.({ type: 'sample', ...sample, clients: clients.size }));
});
process.on('disconnect', () => process.exit());
