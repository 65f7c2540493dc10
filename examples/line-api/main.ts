/**
 * Shows: lines in place of a stream. `onLine` passes whole lines, `writeLine` sends one, `broadcast` sends one to many
 * (text, binary and TCP clients alike), and `prepareLine` encodes a line once that is sent more than once.
 *
 * Run: `npm run example line-api -- 8067 6667`, the second port for plain IRC clients
 * Try: open http://127.0.0.1:8067/, which answers that it has no page, and type into the browser's console (F12):
 *
 *     socket = new WebSocket('ws://127.0.0.1:8067/')
 *     socket.onmessage = ({ data }) => console.log(data)
 *     socket.send('NICK ada') // :ada JOIN #chat
 */
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { broadcast, createWebSocketHook, type PreparedLine, prepareLine } from 'ircd-websocket';

const HISTORY_SIZE = 10;
const nicks = new Map<Socket, string>();
const history: PreparedLine[] = [];

const hook = createWebSocketHook({
  // Your pages. The other two are for trying it on this machine: in an origin, * stands for any text.
  origins: ['https://chat.example.com', 'http://127.0.0.1:*', 'http://localhost:*'],
  onConnection: (socket) => {
    socket.onLine((line) => handle(socket, line, (answer) => socket.writeLine(answer)));
    socket.on('close', () => leave(socket));
  },
});

const plain = createServer((socket) => {
  createInterface(socket)
    .on('line', (line) => handle(socket, line, (answer) => socket.write(`${answer}\r\n`)))
    // Node hands the socket's errors on to the interface, too. Without a listener here they end the process.
    .on('error', () => {});
  socket.on('error', () => socket.destroy()).on('close', () => leave(socket));
});

function handle(socket: Socket, line: string, answer: (line: string) => void): void {
  const nick = nicks.get(socket);
  const [command, ...params] = line.split(' ');
  if (command === 'NICK' && nick === undefined) {
    nicks.set(socket, params[0] ?? '*');
    for (const said of history) broadcast([socket], said);
    broadcast(nicks.keys(), `:${params[0]} JOIN #chat`);
  } else if (command === 'PRIVMSG' && nick !== undefined) {
    // Now to all others, later to whoever joins: encoded once.
    const said = prepareLine(`:${nick} PRIVMSG ${params.join(' ')}`);
    broadcast(
      [...nicks.keys()].filter((other) => other !== socket),
      said,
    );
    history.push(said);
    if (history.length > HISTORY_SIZE) history.shift();
  } else {
    answer(`:irc.example.com 421 ${nick ?? '*'} ${command} :Unknown command`);
  }
}

function leave(socket: Socket): void {
  const nick = nicks.get(socket);
  if (nicks.delete(socket)) broadcast(nicks.keys(), `:${nick} QUIT`);
}

const web = hook.createListener();
web.listen(Number(process.argv[2] ?? 8067), '127.0.0.1', () => console.log('listening', web.address()));
plain.listen(Number(process.argv[3] ?? 6667), '127.0.0.1', () => console.log('listening', plain.address()));
