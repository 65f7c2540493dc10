/**
 * Shows: the three places where bans are checked. In `authorize`, before a client is in; where `setRemoteAddress` changes an address, as who was a gateway a moment
 * ago is somebody else now; and on all who are in, when a ban is new.
 *
 * Run: `node examples/ban-check/main.ts 8067 192.0.2.0/24 2001:db8::/32`, the bans behind the port. `BAN address` and `WEBIRC secret …` are lines to try.
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
  origins: ['https://chat.example.com'],
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

/** Who said anything but WEBIRC: for them it is too late. */
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
