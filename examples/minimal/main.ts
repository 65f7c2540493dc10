/**
 * Shows: a chat room of one file. Every browser hears what the others say.
 *
 * Run: `npm run example minimal -- 8067`
 * Try: open http://127.0.0.1:8067/, which answers that it has no page, and type into the browser's console (F12):
 *
 *     socket = new WebSocket('ws://127.0.0.1:8067/')
 *     socket.onmessage = ({ data }) => console.log(data)
 *     socket.send('PING 1') // PONG 1
 *
 * In a second tab, do the same: it hears what the first one sends.
 */
import { createServer } from 'node:http';
import { broadcast, createWebSocketHook } from 'ircd-websocket';

const hook = createWebSocketHook({
  // Your pages. The other two are for trying it on this machine: in an origin, * stands for any text.
  origins: ['https://chat.example.com', 'http://127.0.0.1:*', 'http://localhost:*'],
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
