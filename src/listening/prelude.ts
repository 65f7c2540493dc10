/**
 * What comes before the HTTP request on a bare connection: a PROXY header, a TLS handshake, or no HTTP at all.
 *
 * In: a socket of which no byte has been read. Out: the same socket, or the TLS socket over it, with everything put back that
 * was read except the PROXY header, and what was found. It does not know HTTP beyond the first word of a request.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ProxyHeaderFound, readProxyHeader } from '../admission/proxy-protocol.ts';
import type { Certificates } from './certificates.ts';
import { type ClientHello, isIncomplete, readClientHello } from './client-hello.ts';

/** What to look for, in this order. */
export interface PreludeOptions {
  /** Whether a PROXY header comes first. */
  readonly proxyProtocol: boolean;
  /** The certificates for TLS, which comes next; `null` without TLS. */
  readonly certificates: Certificates | null;
  /** The application protocols that TLS agrees to. */
  readonly protocols: readonly string[];
  /** Whether clients that are no browsers are asked for a certificate. */
  readonly asksNativeClients: boolean;
  /** Whether plain IRC may come in place of HTTP. */
  readonly tellsPlain: boolean;
}

/** What a prelude leads to. */
export interface PreludeResult {
  readonly socket: Socket;
  readonly proxy: ProxyHeaderFound | null;
  readonly protocol: 'http/1.1' | 'h2' | 'plain';
}

/** The methods that a request may begin with: no IRC line begins with one of these and a blank. */
const METHODS = ['GET ', 'HEAD ', 'POST ', 'PUT ', 'DELETE ', 'OPTIONS ', 'PATCH ', 'CONNECT ', 'TRACE '];

/** What a browser names in its ClientHello; a native IRC client names `irc`, or nothing. */
const BROWSER_PROTOCOLS: ReadonlySet<string> = new Set(['h2', 'http/1.1']);

/** The name under which HTTP/2 over TLS is registered, RFC 9113 section 3.2. */
const HTTP2 = 'h2';

/**
 * Reads a prelude. A connection with a wrong one is destroyed. The caller limits how long it may take.
 *
 * @param done called once, unless the socket is gone before
 */
export function readPrelude(raw: Socket, options: PreludeOptions, done: (result: PreludeResult) => void): void {
  const { certificates, protocols } = options;
  if (options.proxyProtocol) readProxy(raw, afterProxy);
  else afterProxy(null);

  function afterProxy(proxy: ProxyHeaderFound | null): void {
    if (certificates === null) tellProtocol(raw, proxy);
    else if (options.asksNativeClients) readHello(raw, (hello) => encrypt(certificates, proxy, isNativeClient(hello)));
    else encrypt(certificates, proxy, false);
  }

  function encrypt(over: Certificates, proxy: ProxyHeaderFound | null, asksForCertificate: boolean): void {
    const socket = over.secure(raw, { protocols, asksForCertificate });
    // Which protocol was agreed on is known with the first byte that comes over TLS.
    if (protocols.includes(HTTP2))
      peek(
        socket,
        () => socket.alpnProtocol,
        (agreed) => tellProtocol(socket, proxy, agreed),
      );
    else tellProtocol(socket, proxy);
  }

  function tellProtocol(socket: Socket | TLSSocket, proxy: ProxyHeaderFound | null, agreed: string | false | null = null): void {
    if (agreed === HTTP2) done({ socket, proxy, protocol: 'h2' });
    else if (!options.tellsPlain) done({ socket, proxy, protocol: 'http/1.1' });
    else peek(socket, isPlainIrc, (isPlain) => done({ socket, proxy, protocol: isPlain ? 'plain' : 'http/1.1' }));
  }
}

function readProxy(raw: Socket, next: (found: ProxyHeaderFound) => void): void {
  peek(
    raw,
    (bytes) => {
      const found = readProxyHeader(bytes);
      return found === 'incomplete' ? undefined : found;
    },
    (found) => {
      if (found === null) raw.destroy();
      else next(found);
    },
    (found) => found?.size ?? 0,
  );
}

/** Reads the ClientHello and puts it back. `null` for anything else: TLS answers it. */
function readHello(raw: Socket, next: (hello: ClientHello | null) => void): void {
  /** Fewer bytes need not be looked at. */
  let needed = 0;
  peek(
    raw,
    (bytes) => {
      if (bytes.length < needed) return undefined;
      const hello = readClientHello(bytes);
      if (!isIncomplete(hello)) return hello;
      needed = hello.needed;
      return undefined;
    },
    next,
  );
}

/**
 * Returns whether a client is a native one, and not a browser. A browser must not be asked for a certificate: Chrome gives up
 * the connection instead of showing its question.
 */
function isNativeClient(hello: ClientHello | null): boolean {
  return hello !== null && !hello.protocols.some((name) => BROWSER_PROTOCOLS.has(name));
}

/**
 * Reads until `decide` returns something else than `undefined`. Puts everything back but the bytes that the finding took.
 *
 * By 'readable' rather than 'data': when its listener goes, the stream is as if nobody had ever read it, neither flowing nor
 * paused.
 */
function peek<T>(
  socket: Socket,
  decide: (bytes: Buffer) => T | undefined,
  next: (finding: T) => void,
  taken: (finding: T) => number = () => 0,
): void {
  const read = new GrowingBuffer();
  const onReadable = (): void => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) read.append(chunk);
    const { bytes } = read;
    if (bytes.length === 0) return;
    const finding = decide(bytes);
    if (finding === undefined) return;
    socket.off('readable', onReadable);
    socket.off('end', onEnd);
    const rest = bytes.subarray(taken(finding));
    if (rest.length > 0) socket.unshift(rest);
    // The stream forgets its reader on the next tick.
    process.nextTick(() => {
      if (!socket.destroyed) next(finding);
    });
  };
  // Nobody has to be told of a client that leaves before anything is known of it.
  const onEnd = (): void => void socket.destroy();
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
}

/** Bytes that come in small pieces, in one buffer: joined anew for each piece they would cost the square of their number. */
class GrowingBuffer {
  #buffer: Buffer = Buffer.alloc(0);
  #size = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  append(chunk: Buffer): void {
    const size = this.#size + chunk.length;
    if (this.#size === 0) {
      this.#buffer = chunk;
    } else {
      if (size > this.#buffer.length) {
        const larger = Buffer.allocUnsafeSlow(2 * size);
        this.bytes.copy(larger);
        this.#buffer = larger;
      }
      chunk.copy(this.#buffer, this.#size);
    }
    this.#size = size;
  }
}

/** Returns whether the first bytes are plain IRC; `undefined` while they can be either: `P` may become `POST ` or `PASS`. */
function isPlainIrc(bytes: Buffer): boolean | undefined {
  const text = bytes.toString('latin1', 0, 8);
  for (const method of METHODS) {
    if (text.startsWith(method)) return false;
    if (method.startsWith(text)) return undefined;
  }
  return true;
}
