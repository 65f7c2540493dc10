/** The clients of `crowd.ts`: raw sockets from several loopback addresses that answer pings and say nothing. */
import { connect, type Socket } from 'node:net';
import { encodeFrame, Opcode } from 'ircd-websocket/protocol';

const UPGRADE = Buffer.from(
  'GET / HTTP/1.1\r\nHost: bench.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://bench.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
);
const PONG = encodeFrame(Opcode.PONG, Buffer.alloc(0), { maskKey: Uint8Array.of(1, 2, 3, 4) });
/** An address has 28,000 ports by default. */
const CLIENTS_AN_ADDRESS = 20_000;

const sockets: Socket[] = [];
const readBuffer = Buffer.allocUnsafe(65_536);
let pings = 0;

function open(port: number, index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOpen = false;
    const callback = (): boolean => {
      if (isOpen) {
        // The server says nothing but pings.
        pings++;
        socket.write(PONG);
      } else {
        isOpen = true;
        resolve();
      }
      return true;
    };
    const socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: `127.0.0.${2 + Math.floor(index / CLIENTS_AN_ADDRESS)}`,
      onread: { buffer: readBuffer, callback },
    });
    socket.on('connect', () => socket.write(UPGRADE));
    socket.on('error', reject);
    sockets.push(socket);
  });
}

async function openAll(port: number, clients: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < clients) await open(port, next++);
  };
  await Promise.all(Array.from({ length: 100 }, worker));
}

process.on('message', (message: { type: 'connect'; port: number; clients: number } | { type: 'sample' }) => {
  if (message.type === 'sample') process.send?.({ type: 'sample', pings });
  else void openAll(message.port, message.clients).then(() => process.send?.({ type: 'connected' }));
});
process.on('disconnect', () => process.exit());
