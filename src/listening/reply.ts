/**
 * HTTP answers to requests that do not become WebSockets.
 *
 * In: a {@link HandshakeError}. Out: the answer, on a bare socket or a `ServerResponse`, in one form. It does not know why.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HandshakeError } from '../errors.ts';

/**
 * Answers on the socket and ends it. What the peer still sends is read and dropped, or the kernel's RST could overtake the answer; who calls it sets the
 * time after which the socket is destroyed.
 */
export function replyOnSocket(socket: Duplex, error: HandshakeError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const fields = Object.entries(replyFields(error)).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\n${fields.join('')}\r\n${error.reason}`);
  socket.on('end', () => socket.destroy());
  socket.resume();
}

/** Answers by way of Node's own response, which leaves the body out for HEAD. */
export function replyOnResponse(response: ServerResponse, error: HandshakeError): void {
  response.writeHead(error.status, replyFields(error));
  response.end(error.reason);
}

/** The documents' answers have no length and no type: a client could not tell a whole one from one that was cut. */
function replyFields({ reason, headers }: HandshakeError): Record<string, string> {
  return { Connection: 'close', 'Content-Type': 'text/plain', 'Content-Length': String(Buffer.byteLength(reason)), ...headers };
}
