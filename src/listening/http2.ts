/**
 * WebSockets over HTTP/2: RFC 8441.
 *
 * In: a stream of an HTTP/2 session with its header fields. Out: a {@link Handshake} for `upgrade.ts`, or the request as
 * `IncomingMessage`; and a server that reads sessions from TLS sockets that are handed to it. It does not know who may come in.
 *
 * A WebSocket is one stream here, opened by an extended CONNECT. There is no 101, no `Upgrade` and no `Sec-WebSocket-Key` (RFC
 * 8441 section 5); everything that admission checks otherwise is checked in the same order, with the same words.
 */
import { IncomingMessage } from 'node:http';
import {
  constants,
  createServer,
  type Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AdmissionRequest, Admitted, Peer } from '../admission/admission.ts';
import type { HandshakeError } from '../errors.ts';
import { peerOf } from './peer.ts';
import { replyOnStream } from './reply.ts';
import type { Handshake } from './upgrade.ts';

/** Streams of one session at a time. RFC 9113 section 6.5.2: "it is recommended that this value be no smaller than 100". */
const MAX_STREAMS = 128;

/** Takes a stream with its fields, as an object and as a list. */
export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) => void;

/** Makes an HTTP/2 server that never listens: {@link beginSession} hands sockets to it. */
export function createHttp2Reader(onStream: StreamHandler): Http2Server {
  const server = createServer({
    settings: {
      // RFC 8441 section 3: "Upon receipt of SETTINGS_ENABLE_CONNECT_PROTOCOL with a value of 1, a client MAY use the Extended
      // CONNECT".
      enableConnectProtocol: true,
      maxConcurrentStreams: MAX_STREAMS,
    },
  });
  // Node passes a fourth argument that its types do not have.
  server.on('stream', (stream, headers, _flags, ...[rawHeaders = []]: (readonly string[])[]) =>
    onStream(stream, headers, rawHeaders),
  );
  return server;
}

/** Begins a session on a TLS socket that has agreed on `h2`. */
export function beginSession(server: Http2Server, socket: Duplex): ServerHttp2Session | undefined {
  let begun: ServerHttp2Session | undefined;
  const onSession = (session: ServerHttp2Session): void => {
    begun = session;
  };
  // Node makes the session while the event is emitted, or not at all.
  server.once('session', onSession);
  server.emit('connection', socket);
  server.off('session', onSession);
  // The session waits until its socket says that the TLS handshake is over. A socket that no tls.Server made never says so.
  socket.emit('secureConnect');
  return begun;
}

/**
 * Returns whether all of a stream's request is there: an extended CONNECT has no end, and any other request ends with its last
 * DATA frame.
 */
export function isReceived(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.state.state !== constants.NGHTTP2_STREAM_STATE_OPEN;
}

/** Returns whether a stream asks to become something else than an HTTP request: an ordinary or an extended CONNECT. */
export function isConnect(headers: IncomingHttpHeaders): boolean {
  return headers[':method'] === 'CONNECT';
}

/**
 * Makes the request of a stream as HTTP/1.1 servers know it: an `IncomingMessage` whose method is CONNECT, whose `httpVersion`
 * is 2.0, whose `url` is `:path` and whose `headers` have `host` from `:authority` beside the pseudo fields. It has no body,
 * and its `socket` is the session's, which HTTP/2 lets nobody write to.
 */
export function requestOfStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[] = rawHeadersOf(headers),
): IncomingMessage {
  const request = new IncomingMessage(stream.session?.socket as Socket);
  request.method = headers[':method'] ?? '';
  request.url = headers[':path'] ?? '';
  request.httpVersion = '2.0';
  request.httpVersionMajor = 2;
  request.httpVersionMinor = 0;
  request.rawHeaders = withHost(rawHeaders, headers);
  // A program that looks a field up by its name must find what admission has checked.
  request.headers = headersOf(request.rawHeaders, headers);
  request.headersDistinct = distinct(request.rawHeaders);
  request.complete = true;
  request.push(null);
  return request;
}

/**
 * Makes Node's own request and response of a stream that is no CONNECT, as `http2.Http2Server` does for its `'request'` event.
 */
export function requestAndResponse(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): { request: Http2ServerRequest; response: Http2ServerResponse } {
  const response = new Http2ServerResponse(stream);
  // RFC 9110 section 10.1.1: the client may wait for this answer before it sends the body.
  if (headers['expect'] === '100-continue') response.writeContinue();
  return { request: new Http2ServerRequest(stream, headers, {}, rawHeaders), response };
}

/** An extended CONNECT, RFC 8441 section 4. */
export class Http2Handshake implements Handshake {
  readonly transport: ServerHttp2Stream;
  readonly request: IncomingMessage;
  readonly head: Uint8Array = new Uint8Array(0);

  constructor(request: IncomingMessage, stream: ServerHttp2Stream) {
    this.request = request;
    this.transport = stream;
  }

  get asked(): AdmissionRequest {
    return this.request;
  }

  peer(): Peer | null {
    const { session } = this.transport;
    return session === undefined || session.destroyed ? null : peerOf(session.socket);
  }

  accept({ subprotocol }: Pick<Admitted, 'subprotocol'>): string {
    // Section 5: "a 2xx (Successful) response indicates that the tunnel was established"; the fields of the handshake are
    // otherwise those of RFC 6455.
    const protocol = subprotocol === null ? {} : { 'sec-websocket-protocol': subprotocol };
    this.transport.respond({ ':status': 200, ...protocol });
    return '';
  }

  refuse(error: HandshakeError): void {
    replyOnStream(this.transport, error, this.request.method === 'HEAD');
  }
}

/** RFC 9113 section 8.3.1: ":authority" is what HTTP/1.1 has as Host, and wins over it. */
function withHost(rawHeaders: readonly string[], { ':authority': authority }: IncomingHttpHeaders): string[] {
  if (authority === undefined) return [...rawHeaders];
  const others = rawHeaders.filter((_, i) => (rawHeaders[i - (i % 2)] as string).toLowerCase() !== 'host');
  return [...others, 'host', authority];
}

function headersOf(rawHeaders: readonly string[], headers: IncomingHttpHeaders): IncomingMessage['headers'] {
  const host = fieldOf(rawHeaders, 'host');
  return { ...headers, ...(host === undefined ? {} : { host }) };
}

/** As `IncomingMessage` has it: each field's values as they came. */
function distinct(rawHeaders: readonly string[]): NodeJS.Dict<string[]> {
  const values: NodeJS.Dict<string[]> = Object.create(null);
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    values[name] ??= [];
    values[name].push(rawHeaders[i + 1] as string);
  }
  return values;
}

/** The fields as a list, where only Node's object is there. It has joined fields that came twice. */
function rawHeadersOf(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().flatMap((one) => [name, String(one)]),
  );
}

function fieldOf(rawHeaders: readonly string[], name: string): string | undefined {
  const at = rawHeaders.findIndex((field, i) => i % 2 === 0 && field.toLowerCase() === name);
  return at < 0 ? undefined : rawHeaders[at + 1];
}

/** Ends a session that has nothing to do any more: GOAWAY first, so that no request of the client's is lost. */
export function endSession(session: ServerHttp2Session): void {
  if (session.closed) session.destroy(undefined, constants.NGHTTP2_NO_ERROR);
  else session.close();
}
