/**
 * HTTP answers to requests that do not become WebSockets.
 *
 * In: a {@link HandshakeError}. Out: the same answer in one form, on a bare socket, on a `ServerResponse` or on an HTTP/2
 * stream. It does not know the cause.
 */
import { type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { HandshakeError } from '../errors.ts';

/** An answer that can be written, whatever the program's own JavaScript put into the error. */
interface Reply {
  readonly status: number;
  readonly body: string;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Answers on the socket and ends it. What the peer still sends is read and dropped, or the kernel's RST could overtake the
 * answer. The caller sets the time after which the socket is destroyed.
 */
export function replyOnSocket(socket: Duplex, error: HandshakeError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body, fields } = replyOf(error);
  const lines = Object.entries({ Connection: 'close', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
  dropRest(socket);
}

/** Answers by Node's own response, which leaves out the body for HEAD. */
export function replyOnResponse(response: ServerResponse, error: HandshakeError): void {
  const { status, body, fields } = replyOf(error);
  response.writeHead(status, { Connection: 'close', ...fields });
  response.end(body);
}

/** Answers on an HTTP/2 stream and ends it. The other streams of the session go on. An answer to HEAD has no body. */
export function replyOnStream(stream: ServerHttp2Stream, error: HandshakeError, isHead: boolean): void {
  // For a HEAD request Node ends our side of the stream at once, so it is not writable.
  if (stream.destroyed || stream.headersSent || !(stream.writable || isHead)) {
    stream.destroy();
    return;
  }
  const { status, body, fields } = replyOf(error);
  // RFC 9113 section 8.2.2: a message with connection-specific header fields, such as Upgrade, is malformed.
  const { Upgrade: _none, ...rest } = fields;
  stream.respond({ ':status': status, ...rest }, { endStream: isHead });
  if (!isHead) stream.end(body);
  // The stream closes by itself when both sides have ended. If it were destroyed when the request ends, an answer that is still
  // on its way would be lost.
  stream.resume();
}

/** Reads and drops what still comes. The end of it is the end of the socket, as soon as the answer has left. */
export function dropRest(socket: Duplex): void {
  const destroy = (): void => void socket.destroy();
  socket.on('end', () => {
    if (socket.writableFinished) destroy();
    else socket.once('finish', destroy);
  });
  socket.resume();
}

/** InspIRCd's answers have no length and no type: a client could not tell a whole one from one that was cut. */
function replyOf({ status, reason, headers }: HandshakeError): Reply {
  const body = String(reason ?? '');
  const valid = Object.entries(headers ?? {}).filter(([name, value]) => isField(name, value));
  return {
    status: Number.isInteger(status) && status >= 300 && status <= 599 ? status : 500,
    body,
    fields: { 'Content-Type': 'text/plain', 'Content-Length': String(Buffer.byteLength(body)), ...Object.fromEntries(valid) },
  };
}

/** A field that cannot be sent must not take the answer with it. */
function isField(name: string, value: unknown): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value as string);
    return true;
  } catch {
    return false;
  }
}
