/** The clients of `crowd.ts`: raw sockets from several loopback addresses that answer pings and say nothing. */
import { connect, type Socket } from 'node:net';
import { encodeFrame, Opcode } from 'ircd-websocket/protocol';

const UPGRADE = Buffer.from(
  'GET / HTTP/1.1\r\nHost: bench.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://bench.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
);
const PONG = encodeFrame(Opcode.PONG, Buffer.alloc(0), { maskKey: Uint8Array.of(1, 2, 3, 4) });
const END_OF_HEAD = '\r\n\r\n';
/** An address has 28,000 ports by default. */
const CLIENTS_AN_ADDRESS = 20_000;

interface ConnectMessage {
  readonly type: 'connect';
  readonly port: number;
  readonly clients: number;
  /** Which of the loads this is. */
  readonly load: number;
}

const sockets: Socket[] = [];
const readBuffer = Buffer.allocUnsafe(65_536);
let pings = 0;

function open(port: number, address: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOpen = false;
    const callback = (size: number): boolean => {
      // A ping may be in the same read as the 101: its pong is due all the same, or `ws` ends this client at its next round.
      const hasFrame = isOpen || readBuffer.indexOf(END_OF_HEAD) + END_OF_HEAD.length < size;
      if (!isOpen) {
        isOpen = true;
        resolve();
      }
      if (hasFrame) {
        // The server says nothing but pings.
        pings++;
        socket.write(PONG);
      }
      return true;
    };
    const socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: `127.0.${Math.floor(address / 250)}.${2 + (address % 250)}`,
      onread: { buffer: readBuffer, callback },
    });
    socket.on('connect', () => socket.write(UPGRADE));
    socket.on('error', reject);
    sockets.push(socket);
  });
}

async function openAll({ port, clients, load }: ConnectMessage): Promise<void> {
  let next = 0;
  // Each load has addresses of its own.
  const first = load * Math.ceil(clients / CLIENTS_AN_ADDRESS);
  const worker = async (): Promise<void> => {
    while (next < clients) await open(port, first + Math.floor(next++ / CLIENTS_AN_ADDRESS));
  };
  await Promise.all(Array.from({ length: 100 }, worker));
}

process.on('message', (message: ConnectMessage | { type: 'sample' }) => {
  if (message.type === 'sample') process.send?.({ type: 'sample', pings });
  else void openAll(message).then(() => process.send?.({ type: 'connected' }));
});
process.on('disconnect', () => process.exit());
