/**
 * Shows: the three places where bans are checked. In `authorize`, before a client is in. Where `setRemoteAddress` changes
 * an address: the client is somebody else from then on. And for all clients, when a ban is new.
 *
 * Run: `npm run example ban-check -- 8067 192.0.2.0/24 2001:db8::/32`, the bans behind the port
 * Try: open http://127.0.0.1:8067/, which answers that it has no page, and type into the browser's console (F12):
 *
 *     socket = new WebSocket('ws://127.0.0.1:8067/')
 *     socket.onmessage = ({ data }) => console.log(data)
 *     socket.send('hello') // :irc.example.com NOTICE * :127.0.0.1 said hello
 *     socket.onclose = ({ code, reason }) => console.log(code, reason)
 *     socket.send('BAN 127.0.0.1') // 1008 You are banned from this server
 *
 * `WEBIRC secret gateway host 192.0.2.66` as the first line is a banned user behind a gateway.
 */
import { createHash } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
import { createWebirc, createWebSocketHook, HandshakeError, type IrcSocket, parseWebirc } from 'ircd-websocket';

const [port = 8067, ...ranges] = process.argv.slice(2);
const bans = new BlockList();
for (const range of ranges) ban(range);

const password = createHash('sha256').update('secret').digest('hex');
const webirc = createWebirc([{ mask: ['127.0.0.1'], password, hash: 'sha256' }]);

const hook = createWebSocketHook({
  // Your pages. The other two are for trying it on this machine: in an origin, * stands for any text.
  origins: ['https://chat.example.com', 'http://127.0.0.1:*', 'http://localhost:*'],
  // A page's JavaScript sees the reason of a Close frame, and nothing of an HTTP error.
  rejectMode: 'close-frame',
  authorize: ({ client }) => {
    if (isBanned(client.address)) throw new HandshakeError(403, 'You are banned from this server');
  },
  onConnection: (socket) => {
    socket.on('error', () => socket.destroy());
    socket.onLine((line) => handle(socket, line));
  },
});

/** The clients that have sent anything but WEBIRC: for them it is too late. */
const registering = new WeakSet<IrcSocket>();

function handle(socket: IrcSocket, line: string): void {
  if (line.startsWith('WEBIRC ')) {
    // Holds the lines behind it until the verdict is there.
    socket.pause();
    void takeGatewayUser(socket, line);
    return;
  }
  registering.add(socket);
  if (line.startsWith('BAN ')) {
    // An operator's command. Here, anybody's.
    ban(line.slice(4));
    for (const client of hook.clients) enforce(client);
  } else {
    socket.writeLine(`:irc.example.com NOTICE * :${socket.remoteAddress} said ${line}`);
  }
}

async function takeGatewayUser(socket: IrcSocket, line: string): Promise<void> {
  const { client, peer, secure } = socket.websocket;
  const state = { registering: registering.has(socket), rewritten: client !== peer };
  const verdict = await webirc.authenticate(parseWebirc(line), { address: peer.address, secure }, state);
  if (socket.destroyed) return;
  if (!verdict.ok) return socket.closeWebSocket(1008, verdict.error);
  socket.setRemoteAddress(verdict.address, verdict.port);
  if (!enforce(socket)) socket.resume();
}

/** Lets a client go that is banned; whether it was. */
function enforce(socket: IrcSocket): boolean {
  const banned = isBanned(socket.websocket.client.address);
  if (banned) socket.closeWebSocket(1008, 'You are banned from this server');
  return banned;
}

function ban(range: string): void {
  const [address = '', bits] = range.split('/');
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  if (bits === undefined) bans.addAddress(address, family);
  else bans.addSubnet(address, Number(bits), family);
}

function isBanned(address: string): boolean {
  return bans.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

const server = hook.createListener();
server.listen(Number(port), '127.0.0.1', () => console.log('listening', server.address()));
