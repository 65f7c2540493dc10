/**
 * Shows: an IRC server that was written for `net.Socket`, with browsers in front of it. `servers.ts` has three, each with its own way to find lines; the one line
 * that brings the web clients is the same for all.
 *
 * Run: `node examples/existing-server/main.ts carry 6667 8067` (or `readline`, or `buffer`)
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
const hook = createWebSocketHook({ origins: ['https://chat.example.com'], onConnection: (socket) => ircServer.accept(socket) });
const web = hook.createListener();
web.listen(Number(webPort), '127.0.0.1', () => console.log('listening', web.address()));
