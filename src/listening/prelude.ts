/**
 * What comes before the HTTP request on a bare connection: a PROXY header, a TLS handshake, or no HTTP at all.
 *
 * In: a socket of which no byte is read yet. Out: the same socket, or the TLS one over it, with everything that was read but the PROXY header put back, and what was found. It
 * does not know HTTP beyond the first word of a request.
 */
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket, type TlsOptions } from 'node:tls';
import { type ProxyHeaderFound, readProxyHeader } from '../admission/proxy-protocol.ts';

/** What to look for, in this order. */
export interface PreludeOptions {
  /** Whether a PROXY header comes first. */
  readonly proxyProtocol: boolean;
  /** Whether TLS comes next. */
  readonly tls: TlsOptions | undefined;
  /** Whether to tell HTTP from plain IRC. */
  readonly tellsPlain: boolean;
}

/** What a prelude comes to. */
export interface PreludeResult {
  readonly socket: Socket;
  readonly proxy: ProxyHeaderFound | null;
  /** Whether the connection is something other than HTTP. */
  readonly isPlain: boolean;
}

/** The methods that a request may begin with: an IRC line begins with none of these and a blank. */
const METHODS = ['GET ', 'HEAD ', 'POST ', 'PUT ', 'DELETE ', 'OPTIONS ', 'PATCH ', 'CONNECT ', 'TRACE '];

/**
 * Reads a prelude; a connection that has a wrong one is destroyed. How long it may take is for the caller to limit.
 *
 * @param done is called once, unless the socket is gone before
 */
export function readPrelude(
  raw: Socket,
  { proxyProtocol, tls, tellsPlain }: PreludeOptions,
  done: (result: PreludeResult) => void,
): void {
  readProxy((proxy) => {
    const socket = tls === undefined ? raw : encrypt(raw, tls);
    if (!tellsPlain) done({ socket, proxy, isPlain: false });
    else peek(socket, isPlainIrc, (isPlain) => done({ socket, proxy, isPlain }));
  });

  function readProxy(next: (found: ProxyHeaderFound | null) => void): void {
    if (!proxyProtocol) {
      next(null);
      return;
    }
    peek(
      raw,
      (bytes) => {
        const found = readProxyHeader(bytes);
        if (found === 'incomplete') return undefined;
        return found;
      },
      (found) => {
        if (found === null) raw.destroy();
        else next(found);
      },
      (found) => found?.size ?? 0,
    );
  }
}

/**
 * Reads until `decide` gives something else than `undefined`; puts everything back but the bytes that the finding took.
 *
 * By 'readable' rather than 'data': when its listener goes, the stream is as if nobody had ever read it, neither flowing nor paused.
 */
function peek<T>(
  socket: Socket,
  decide: (bytes: Buffer) => T | undefined,
  next: (finding: T) => void,
  taken: (finding: T) => number = () => 0,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const onReadable = (): void => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) bytes = Buffer.concat([bytes, chunk]);
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
  // Whoever leaves before anything is known is nobody.
  const onEnd = (): void => void socket.destroy();
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
}

/** Tells plain IRC by the first bytes; `undefined` while it can be either: `P` may become `POST ` or `PASS`. */
function isPlainIrc(bytes: Buffer): boolean | undefined {
  const text = bytes.toString('latin1', 0, 8);
  for (const method of METHODS) {
    if (text.startsWith(method)) return false;
    if (method.startsWith(text)) return undefined;
  }
  return true;
}

/** Puts TLS over a socket, as the server; no client certificate is asked for. */
function encrypt(raw: Socket, tls: TlsOptions): TLSSocket {
  const socket = new TLSSocket(raw, {
    ...tls,
    isServer: true,
    requestCert: false,
    secureContext: tls.secureContext ?? createSecureContext(tls),
  });
  socket.on('error', () => socket.destroy());
  return socket;
}
