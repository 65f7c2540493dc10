/**
 * Shows: a server that has bind hooks, and a configuration as InspIRCd writes it. `<bind hook="websocket">` makes a port
 * one for browsers; any other is plain TCP.
 *
 * Run: `npm run example registry -- examples/registry/ircd.conf`. SIGHUP reads the file again; clients stay connected.
 * Try: open http://127.0.0.1:8067/, which answers that it has no page, and type into the browser's console (F12):
 *
 *     socket = new WebSocket('ws://127.0.0.1:8067/')
 *     socket.onmessage = ({ data }) => console.log(data)
 *     socket.send('PING 1') // PONG 1
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { configFromTags, createWebSocketHook, parseTags, type WebSocketHook } from 'ircd-websocket';

const path = process.argv[2] ?? 'ircd.conf';
const tags = parseTags(readFileSync(path, 'utf8'));

const hooks = new Map<string, Pick<WebSocketHook, 'createListener'>>();
const websocket = createWebSocketHook({ ...configFromTags(tags), onConnection: accept });
websocket.register(hooks);

for (const { name, line, entries } of tags) {
  if (name !== 'bind') continue;
  const server = listener(entries.get('hook'), line);
  server.listen(Number(entries.get('port')), entries.get('address'), () => console.log('listening', server.address()));
}

process.on('SIGHUP', () => {
  try {
    websocket.rehash(configFromTags(parseTags(readFileSync(path, 'utf8'))));
    console.log('rehashed');
  } catch (error) {
    // All or nothing: the old configuration is still in force.
    console.log(`not rehashed: ${(error as Error).message}`);
  }
});

function listener(hook: string | undefined, line: number): Server {
  if (hook === undefined) return createServer(accept);
  const found = hooks.get(hook);
  if (found === undefined) throw new Error(`${path}:${line}: no such hook: ${hook}`);
  return found.createListener();
}

/** The IRC server, for both kinds of client: what it takes is a `net.Socket`. */
function accept(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.write(`NOTICE * :Hello ${socket.remoteAddress}\r\n`);
  createInterface(socket)
    .on('line', (line) => {
      if (line.startsWith('PING ')) socket.write(`PONG ${line.slice(5)}\r\n`);
    })
    // Node hands the socket's errors on to the interface, too. Without a listener here they end the process.
    .on('error', () => {});
}
