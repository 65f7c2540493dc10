/**
 * From an upgrade request to a client, or to the documented HTTP error.
 *
 * In: a request, its socket and the bytes behind it, as `http.Server` gives them with `'upgrade'`. Out: a {@link Client}, or an answer on the socket. It does not
 * know who may come in (`admission/`), nor what a client is (`client.ts`).
 *
 * Laws of this file:
 * 1. Synchronous up to the first listener; nothing is awaited before the socket has its `'error'` listener.
 * 2. Never throws for what a peer does.
 * 3. Whatever happens, the socket is a client's, answered and closing, or destroyed.
 */
import type { IncomingMessage } from 'node:http';
import { type Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { UNIX, UNKNOWN } from '../address/ranges.ts';
import { type Admitted, type Forwarded, type Peer, webSocketOffer } from '../admission/admission.ts';
import type { ConnectionFacts } from '../admission/facts.ts';
import { takeSocket } from '../connection/connection.ts';
import { guardSocket } from '../connection/guard.ts';
import type { Sweeper } from '../connection/sweeper.ts';
import { CloseCode, HandshakeError, WebSocketError } from '../errors.ts';
import { encodeClosePayload } from '../protocol/close.ts';
import { encodeFrame, Opcode } from '../protocol/frame.ts';
import { switchingProtocols } from '../protocol/handshake.ts';
import { PendingSocket } from './pending.ts';
import { replyOnSocket } from './reply.ts';
import { unfinishedResponse } from './unfinished.ts';

/** What an upgrade needs to know of its hook. */
export interface UpgradeContext {
  readonly sweeper: Sweeper;
  /** Decides who may come in. @throws HandshakeError for whoever may not */
  admit(request: IncomingMessage, peer: Peer): Admitted;
  /** Milliseconds until a client must be through. */
  readonly handshakeTimeout: () => number;
  /** Milliseconds that an answer may take to be read. */
  readonly closeTimeout: () => number;
  readonly rejectMode: () => 'http' | 'close-frame';
  readonly authorize:
    | ((facts: ConnectionFacts, request: IncomingMessage, signal: AbortSignal) => Promise<void> | void)
    | undefined;
  /** Makes a client of a socket that was let in: `answer` is the 101 that it gets first of all, `head` what came behind the request. */
  welcome(socket: Duplex, answer: string, head: Uint8Array, admitted: Admitted, request: IncomingMessage): void;
  rejected(error: HandshakeError, request: IncomingMessage): void;
  /** Takes what `authorize` threw, where that was no refusal in words. */
  failed(error: unknown, during: 'authorize' | 'onReject', request: IncomingMessage): void;
  /** Whether newcomers are refused: the hook is closing. */
  isClosing(): boolean;
  /** Takes the milliseconds from a request to its 101. */
  handshaken(milliseconds: number): void;
}

/** Sockets that {@link watchSocket} has under observation since before their request was read. */
const watched = new WeakMap<Duplex, PendingSocket>();

/** Begins the time of a socket whose request is not read yet. */
export function watchSocket(socket: Duplex, context: UpgradeContext): PendingSocket {
  const pending = new PendingSocket(socket, context.handshakeTimeout(), context.sweeper, () => socket.destroy());
  watched.set(socket, pending);
  return pending;
}

/** The sockets below the TLS sockets that this library has made. */
const encryptedSockets = new WeakMap<Duplex, Duplex>();

/** Goes on watching a connection by another socket: the TLS one over it. */
export function watchInstead(socket: Duplex, pending: PendingSocket): void {
  guardSocket(socket);
  encryptedSockets.set(socket, pending.socket);
  watched.set(socket, pending);
}

/** What the PROXY protocol said of a socket's client, before its request. */
const forwardedClients = new WeakMap<Duplex, Forwarded>();

/** Remembers what the PROXY protocol said. */
export function setForwarded(socket: Duplex, forwarded: Forwarded): void {
  forwardedClients.set(socket, forwarded);
}

/** Gives the watcher of a socket, where it has one. */
export function watcherOf(socket: Duplex): PendingSocket | undefined {
  return watched.get(socket);
}

/** Takes one upgrade request to its end. */
export function upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array, context: UpgradeContext): void {
  const startedAt = performance.now();
  let watcher = watched.get(socket);
  if (watcher === undefined) guardSocket(socket);
  if (!takeSocket(socket))
    throw new WebSocketError(
      'ERR_SOCKET_TAKEN',
      'handleUpgrade was called twice for one socket: are two handlers on one server?',
    );

  const unfinished = unfinishedResponse(socket);
  if (unfinished !== undefined) {
    // An answer now would stand in the middle of that response.
    unfinished.once('close', () =>
      refuse(new HandshakeError(400, 'WebSocket: Received an upgrade request behind an unfinished response')),
    );
    return;
  }

  const peer = peerOf(socket);
  if (peer === null || socket.destroyed) {
    socket.destroy();
    return;
  }
  let admitted: Admitted;
  try {
    admitted = context.admit(request, peer);
  } catch (error) {
    refuse(asHandshakeError(error, 500, 'WebSocket: Internal error'));
    return;
  }
  if (context.authorize === undefined) enter();
  else authorize(context.authorize);

  function authorize(check: NonNullable<UpgradeContext['authorize']>): void {
    let verdict: Promise<void> | void;
    try {
      verdict = check(admitted.facts, request, watch().signal);
    } catch (error) {
      refuseFor(error);
      return;
    }
    if (!isThenable(verdict)) {
      enter();
      return;
    }
    watch().hold(() => refuse(new HandshakeError(503, 'WebSocket: The handshake took too long')));
    verdict.then(enter, refuseFor);
  }

  /** Refuses for what `authorize` threw. Anything but a refusal in words is the author's own fault, and must not be lost. */
  function refuseFor(error: unknown): void {
    if (!(error instanceof HandshakeError)) context.failed(error, 'authorize', request);
    refuse(asHandshakeError(error, 403, 'WebSocket: Connection refused'));
  }

  /** Nobody who comes in at once needs a watcher. */
  function watch(): PendingSocket {
    watcher ??= watchSocket(socket, context);
    return watcher;
  }

  function enter(): void {
    // Gone, or out of time, while `authorize` was pending.
    if (watcher?.isOver === true || !socket.writable) return;
    if (context.isClosing()) {
      refuse(new HandshakeError(503, 'WebSocket: Server is shutting down'));
      return;
    }
    const held = watcher?.release() ?? [];
    watched.delete(socket);
    context.handshaken(performance.now() - startedAt);
    const answer = switchingProtocols(admitted.key, admitted.subprotocol);
    context.welcome(socket, answer, held.length === 0 ? head : Buffer.concat([head, ...held]), admitted, request);
  }

  function refuse(error: HandshakeError): void {
    const pending = watch();
    if (pending.isOver) return;
    pending.linger(context.closeTimeout());
    if (context.rejectMode() === 'close-frame' && socket.writable && refuseByFrame(request, socket, error)) {
      // Said in a way that the page's JavaScript can read.
    } else {
      replyOnSocket(socket, error);
    }
    context.rejected(error, request);
  }
}

/**
 * Returns the peer of a socket, or `null` where nobody is on the other end any more. A TCP peer that has reset the connection has no address, and must not
 * pass for a Unix domain socket.
 */
export function peerOf(socket: Duplex): Peer | null {
  if (socket.destroyed) return null;
  const tcp = socket as Partial<Socket> & { encrypted?: boolean; server?: { maxHeadersCount?: number | null } };
  let { remoteAddress } = tcp;
  // Each address that is looked at is a call of the kernel's.
  if (remoteAddress === undefined) {
    // A TCP socket that the peer has reset still knows its own address.
    if (tcp.localAddress !== undefined) return null;
    remoteAddress = isUnixSocket(socket) ? UNIX : UNKNOWN;
  }
  return {
    address: remoteAddress,
    port: tcp.remotePort,
    encrypted: tcp.encrypted === true,
    maxHeadersCount: tcp.server?.maxHeadersCount,
    forwarded: forwardedClients.get(socket),
  };
}

/**
 * Whether a socket without addresses is a Unix domain socket, and not some other stream: only the former may be trusted by the name `unix`. A stream of the
 * program's own that stands for one says so by a `remoteAddress` of `unix`.
 */
function isUnixSocket(socket: Duplex): boolean {
  // `pending`: not connected to anything.
  if (!(socket instanceof Socket) || socket.pending) return false;
  if (!(socket instanceof TLSSocket)) return true;
  // TLS can lie over any stream. What it lies over is known where this library has put it there, or where it came from a server that listens on a path.
  const below = encryptedSockets.get(socket);
  if (below !== undefined) return isUnixSocket(below);
  const { server } = socket as { server?: Partial<Server> };
  return typeof server?.address?.() === 'string';
}

/** Accepts the WebSocket and closes it with the reason: all that a browser's JavaScript can see. `false` where the request is not even that. */
function refuseByFrame(request: IncomingMessage, socket: Duplex, error: HandshakeError): boolean {
  const offer = webSocketOffer(request);
  if (offer === null) return false;
  socket.write(switchingProtocols(offer.key, offer.subprotocol), 'latin1');
  socket.end(encodeFrame(Opcode.CLOSE, encodeClosePayload(CloseCode.POLICY_VIOLATION, error.reason)));
  socket.on('end', () => socket.destroy());
  socket.resume();
  return true;
}

/** Maps what was thrown: a {@link HandshakeError} is told to the peer as it is, anything else without details. */
function asHandshakeError(error: unknown, status: number, reason: string): HandshakeError {
  return error instanceof HandshakeError ? error : new HandshakeError(status, reason, {}, { cause: error });
}

function isThenable(value: unknown): value is Promise<void> {
  return typeof (value as Promise<void> | undefined)?.then === 'function';
}
