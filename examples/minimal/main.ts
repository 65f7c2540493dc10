/**
 * Shows: a chat room of one file. What one browser says, all others hear.
 *
 * Run: `node examples/minimal/main.ts 8067`, then in a browser's console on https://chat.example.com: `new WebSocket('ws://127.0.0.1:8067')`
 */
import { createServer } from 'node:http';
import { broadcast, createWebSocketHook } from 'ircd-websocket';

const hook = createWebSocketHook({
  origins: ['https://chat.example.com'],
  onConnection: (socket) =>
    socket.onLine((line) => {
      if (line.startsWith('PING ')) socket.writeLine(`PONG ${line.slice(5)}`);
      else
        broadcast(
          [...hook.clients].filter((other) => other !== socket),
          line,
        );
    }),
});

const server = createServer(hook.handleRequest).on('upgrade', hook.handleUpgrade);
server.listen(Number(process.argv[2] ?? 8067), '127.0.0.1', () => console.log('listening', server.address()));
