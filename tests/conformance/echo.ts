/**
 * A plain RFC 6455 echo server on the public entry point `ircd-websocket/protocol`, for any conformance suite: `npm run conformance:echo -- --port 9001`.
 *
 * Messages of up to 64 MiB in any number of fragments; no IRC. SIGTERM and SIGINT close every connection by 1001, then the listener.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { acceptKey, WebSocketSession } from 'ircd-websocket/protocol';

const MAX_MESSAGE_SIZE = 64 * 1024 * 1024;
/** Milliseconds that a peer may take to close its end. */
const CLOSE_TIMEOUT = 2_000;

const { values } = parseArgs({
  options: { port: { type: 'string', default: '9001' }, host: { type: 'string', default: '127.0.0.1' } },
});

const sessions = new Map<WebSocketSession, Socket>();

function open(socket: Socket, head: Buffer): void {
  const session: WebSocketSession = new WebSocketSession(
    { maxMessageSize: MAX_MESSAGE_SIZE, maxFragments: Number.POSITIVE_INFINITY },
    {
      write: (bytes) => {
        // Who does not read its echo is not read either.
        if (socket.writable && !socket.write(bytes)) socket.pause();
      },
      message: (bytes, isText) => void (isText ? session.sendText(bytes) : session.sendBinary(bytes)),
      closed: () => {
        sessions.delete(session);
        socket.end();
        setTimeout(() => socket.destroy(), CLOSE_TIMEOUT).unref();
        socket.resume();
      },
    },
  );
  sessions.set(session, socket);
  socket.setNoDelay(true);
  socket.on('drain', () => socket.resume());
  socket.on('data', (chunk) => session.receive(chunk));
  socket.on('end', () => session.receiveEnd());
  socket.on('close', () => session.receiveEnd());
  if (head.length > 0) session.receive(head);
}

const server = createServer((_request, response) => {
  response.writeHead(426, { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }).end('WebSocket echo server\n');
});

server.on('upgrade', (request: IncomingMessage, stream, head: Buffer) => {
  const socket = stream as Socket;
  socket.on('error', () => socket.destroy());
  const key = request.headers['sec-websocket-key'];
  if (key === undefined) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`,
  );
  open(socket, head);
});

server.listen(Number(values.port), values.host, () => {
  const { address, port } = server.address() as AddressInfo;
  console.log(`echo server on ws://${address}:${port}/`);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close();
    // What is no WebSocket yet has nothing to be closed by, and would keep the process for a minute.
    server.closeAllConnections();
    for (const [session, socket] of sessions) {
      session.close(1001, 'echo server is shutting down');
      setTimeout(() => socket.destroy(), CLOSE_TIMEOUT).unref();
    }
  });
}
