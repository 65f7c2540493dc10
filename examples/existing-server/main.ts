/**
 * Shows: an IRC server that was written for `net.Socket`, with browsers in front of it. `servers.ts` has three servers,
 * each with its own way to find lines. The one line that brings the web clients is the same for all.
 *
 * Run: `npm run example existing-server -- carry 6667 8067` (or `readline`, or `buffer`)
 * Try: open http://127.0.0.1:8067/, which answers that it has no page, and type into the browser's console (F12):
 *
 *     socket = new WebSocket('ws://127.0.0.1:8067/')
 *     socket.onmessage = ({ data }) => console.log(data)
 *     socket.send('WHOAMI') // :irc.example.com NOTICE * :You are 127.0.0.1
 */
import { createServer } from 'node:net';
import { createWebSocketHook } from 'ircd-websocket';
import { BufferServer, CarryServer, ReadlineServer } from './servers.ts';

const [kind = 'carry', tcpPort = 6667, webPort = 8067] = process.argv.slice(2);
const ircServer = { readline: new ReadlineServer(), carry: new CarryServer(), buffer: new BufferServer() }[kind];
if (ircServer === undefined) throw new Error(`no such server: ${kind}`);

// As it always was.
const plain = createServer((socket) => ircServer.accept(socket));
plain.listen(Number(tcpPort), '127.0.0.1', () => console.log('listening', plain.address()));

// And for browsers.
const hook = createWebSocketHook({
  // Your pages. The other two are for trying it on this machine: in an origin, * stands for any text.
  origins: ['https://chat.example.com', 'http://127.0.0.1:*', 'http://localhost:*'],
  onConnection: (socket) => ircServer.accept(socket),
});
const web = hook.createListener();
web.listen(Number(webPort), '127.0.0.1', () => console.log('listening', web.address()));
