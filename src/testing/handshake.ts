/**
 * The client's side of the opening handshake, RFC 6455 section 4.1.
 *
 * In: what a client wants to say; then the server's answer, as bytes. Out: the request, as bytes; then the answer, checked as 4.1
 * demands of a client. It does not know streams.
 */
import { randomBytes } from 'node:crypto';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { CloseCode, ProtocolError } from '../errors.ts';
import { acceptKey } from '../protocol/handshake.ts';

/** What a request is made of. */
export interface HandshakeRequest {
  readonly path: string;
  readonly origin: string | undefined;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string | readonly string[] | null>>;
}

/** An answer's header block. */
export interface HandshakeAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Writes the request, and gives the key in it; a field of `headers` takes the place of the usual one, `null` leaves it out.
 *
 * @throws TypeError for what cannot stand in a header
 */
export function formatRequest({ path, origin, protocols, headers }: HandshakeRequest): { request: string; key: string } {
  if (!/^[\x21-\x7e]+$/.test(path)) throw new TypeError(`not a request target: ${JSON.stringify(path)}`);
  const fields = new Map<string, readonly [name: string, value: string | readonly string[] | null]>();
  const set = (name: string, value: string | readonly string[] | null): void =>
    void fields.set(name.toLowerCase(), [name, value]);
  set('Host', 'irc.example.com');
  set('Upgrade', 'websocket');
  set('Connection', 'Upgrade');
  set('Sec-WebSocket-Key', randomBytes(16).toString('base64'));
  set('Sec-WebSocket-Version', '13');
  if (origin !== undefined) set('Origin', origin);
  if (protocols.length > 0) set('Sec-WebSocket-Protocol', protocols.join(', '));
  for (const [name, value] of Object.entries(headers)) set(name, value);
  const lines = [...fields.values()].flatMap(([name, value]) =>
    (value === null ? [] : [value].flat()).map((one) => {
      validateHeaderName(name);
      validateHeaderValue(name, one);
      return `${name}: ${one}\r\n`;
    }),
  );
  const key = [fields.get('sec-websocket-key')?.[1] ?? ''].flat()[0] ?? '';
  return { request: `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, key };
}

/** Reads a header block, `''` at its end included. */
export function parseAnswer(block: string): HandshakeAnswer {
  const [statusLine = '', ...lines] = block.split('\r\n');
  const headers: Record<string, string> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0), headers };
}

/**
 * Checks a 101 as 4.1 has clients do, and gives the subprotocol that was chosen.
 *
 * @throws ProtocolError for an answer on which "the client MUST _Fail the WebSocket Connection_"
 */
export function checkAnswer({ headers }: HandshakeAnswer, key: string, protocols: readonly string[]): string | null {
  const demand = (isMet: boolean, field: string): void => {
    if (!isMet) throw new ProtocolError(CloseCode.PROTOCOL_ERROR, `the 101 has a wrong ${field}: ${headers[field] ?? 'none'}`);
  };
  demand(headers['upgrade']?.toLowerCase() === 'websocket', 'upgrade');
  demand(headers['connection']?.toLowerCase() === 'upgrade', 'connection');
  demand(headers['sec-websocket-accept'] === acceptKey(key), 'sec-websocket-accept');
  demand(headers['sec-websocket-extensions'] === undefined, 'sec-websocket-extensions');
  const protocol = headers['sec-websocket-protocol'];
  // 4.1: "if … this header field indicates the use of a subprotocol that was not present in the client's handshake".
  demand(protocol === undefined || protocols.includes(protocol), 'sec-websocket-protocol');
  return protocol ?? null;
}
