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
  readonly takesPlain: boolean;
}

/** What a prelude leads to. */
export interface PreludeResult {
  readonly socket: Socket;
  readonly proxy: ProxyHeaderFound | null;
  readonly protocol: 'http/1.1' | 'h2' | 'plain';
}

/** The words that an HTTP request may begin with. No IRC line begins with one of them. */
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
    if (certificates === null) findProtocol(raw, proxy);
    else if (options.asksNativeClients) readHello(raw, (hello) => encrypt(certificates, proxy, isNativeClient(hello)));
    else encrypt(certificates, proxy, false);
  }

  function encrypt(over: Certificates, proxy: ProxyHeaderFound | null, asksForCertificate: boolean): void {
    const socket = over.secure(raw, { protocols, asksForCertificate });
    // The first byte that comes over TLS shows that the handshake is over: then it is known which protocol was agreed on.
    if (protocols.includes(HTTP2))
      peek(
        socket,
        () => socket.alpnProtocol,
        (agreed) => findProtocol(socket, proxy, agreed),
      );
    else findProtocol(socket, proxy);
  }

  function findProtocol(socket: Socket | TLSSocket, proxy: ProxyHeaderFound | null, agreed: string | false | null = null): void {
    if (agreed === HTTP2) done({ socket, proxy, protocol: 'h2' });
    else if (!options.takesPlain) done({ socket, proxy, protocol: 'http/1.1' });
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

/** Reads the ClientHello and puts it back. `next` gets `null` for anything else, which TLS then answers by an alert. */
function readHello(raw: Socket, next: (hello: ClientHello | null) => void): void {
  /** With fewer bytes than these the hello cannot be whole. */
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
 * Reads until `decide` returns something else than `undefined`. Then puts everything back, except the bytes that `taken` counts,
 * and calls `next`.
 *
 * It listens to 'readable' and not to 'data': when that listener is removed, the stream is neither flowing nor paused, as if
 * nobody had ever read it.
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
    // In the next tick, when the stream has noticed that its 'readable' listener was removed.
    process.nextTick(() => {
      if (!socket.destroyed) next(finding);
    });
  };
  // Nothing is known of this client yet, so nobody has to be told that it leaves.
  const onEnd = (): void => void socket.destroy();
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
}

/** Collects bytes that come in small pieces. `Buffer.concat` at each piece would take time with the square of their number. */
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
