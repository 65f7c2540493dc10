/**
 * From a handshake to a client, or to an HTTP error.
 *
 * In: a {@link Handshake}: a request with the stream that it came on. Out: a client, or an answer on the stream. It does not
 * know who may come in (`admission/`), nor what a client is (`client/`), nor how HTTP/2 writes its answers (`http2.ts`).
 *
 * Laws of this file:
 * 1. Synchronous up to the first listener: nothing is awaited before the stream has its `'error'` listener.
 * 2. Never throws for what a peer does.
 * 3. Whatever happens, the stream is a client's, answered and closing, or destroyed.
 *
 * One file, although long: it is the steps of one handshake, in order.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AdmissionRequest, Admitted, Peer } from '../admission/admission.ts';
import type { ConnectionFacts } from '../admission/facts.ts';
import { claimsSession, RESUME_SUBPROTOCOL } from '../admission/resumption.ts';
import { webSocketOffer } from '../admission/web-socket-offer.ts';
import { takeSocket } from '../connection/connection.ts';
import { guardSocket } from '../connection/guard.ts';
import { CloseCode, HandshakeError, WebSocketError } from '../errors.ts';
import { encodeClosePayload } from '../protocol/close.ts';
import { encodeFrame, Opcode } from '../protocol/frame.ts';
import { switchingProtocols } from '../protocol/handshake.ts';
import type { Ticket } from '../resume/sessions.ts';
import { ResumeCode } from '../resume/wire.ts';
import { peerOf } from './peer.ts';
import { type PendingSocket, unwatch, type WatchContext, watcherOf, watchSocket } from './pending.ts';
import { dropRest, replyOnSocket } from './reply.ts';
import { unfinishedResponse } from './unfinished.ts';

/** What the handshakes need from their hook; `hook.ts` implements it. */
export interface UpgradeContext extends WatchContext {
  /** Decides who may come in. @throws HandshakeError for a client that may not */
  admit(request: AdmissionRequest, peer: Peer): Admission;
  /** Milliseconds that an answer may take to be read. */
  readonly closeTimeout: () => number;
  readonly rejectMode: () => 'http' | 'close-frame';
  readonly authorize:
    | ((facts: ConnectionFacts, request: IncomingMessage, signal: AbortSignal) => Promise<void> | void)
    | undefined;
  /**
   * Makes a client of a stream that was let in.
   *
   * @param answer what the client gets before all frames: the 101, or nothing over HTTP/2
   * @param head what came behind the request
   */
  welcome(transport: Duplex, answer: string, head: Uint8Array, admitted: Admission, request: IncomingMessage): void;
  /**
   * Hands a client that wants a session of another node back to whoever can reach that node. Returns `false` where nobody takes
   * it.
   */
  relay(node: string, transport: Duplex, head: Uint8Array, facts: ConnectionFacts, request: IncomingMessage): boolean;
  rejected(error: HandshakeError, request: IncomingMessage): void;
  /**
   * Takes what the program's own code threw, where there is no client to end. A `HandshakeError` from `authorize` does not come
   * here: it is an answer.
   */
  failed(error: unknown, during: 'authorize' | 'onReject' | 'onRequest' | 'plain', request: IncomingMessage | null): void;
  /** Whether new clients are refused, because the hook is closing. */
  isClosing(): boolean;
  /** Takes the milliseconds from a request to its 101. */
  handshaken(milliseconds: number): void;
}

/** What was negotiated, and what a client that comes back may have. */
export interface Admission extends Admitted {
  /** The session that the client may have back; `null` for a new client. */
  readonly ticket: Ticket | null;
  /** The node that has the session, where that is not this one and can be reached. */
  readonly foreignNode: string | null;
}

/** One handshake, as HTTP/1.1 or HTTP/2 has it. */
export interface Handshake {
  /** The stream that becomes the client's, or is answered. */
  readonly transport: Duplex;
  /** The request as the program sees it. */
  readonly request: IncomingMessage;
  /** The request as admission sees it. */
  readonly asked: AdmissionRequest;
  /** What came behind the request. */
  readonly head: Uint8Array;
  /** Returns the peer; `null` for a client that is gone. */
  peer(): Peer | null;
  /** Lets the client in. Returns the bytes that it gets before all frames. */
  accept(admitted: Pick<Admitted, 'key' | 'subprotocol'>): string;
  /** Writes the HTTP error. */
  refuse(error: HandshakeError): void;
}

/** An upgrade request of HTTP/1.1, RFC 6455 section 4.2. */
export class Http1Handshake implements Handshake {
  readonly request: IncomingMessage;
  readonly transport: Duplex;
  readonly head: Uint8Array;

  constructor(request: IncomingMessage, socket: Duplex, head: Uint8Array) {
    this.request = request;
    this.transport = socket;
    this.head = head;
  }

  get asked(): AdmissionRequest {
    return this.request;
  }

  peer(): Peer | null {
    return peerOf(this.transport);
  }

  accept({ key, subprotocol }: Pick<Admitted, 'key' | 'subprotocol'>): string {
    return switchingProtocols(key, subprotocol);
  }

  refuse(error: HandshakeError): void {
    replyOnSocket(this.transport, error);
  }
}

/**
 * Takes one handshake to its end.
 *
 * @throws WebSocketError `ERR_SOCKET_TAKEN` for a stream that was handed over before
 */
export function upgrade(handshake: Handshake, context: UpgradeContext): void {
  const startedAt = performance.now();
  const { transport, request } = handshake;
  let watcher = watcherOf(transport);
  if (watcher === undefined) guardSocket(transport);
  if (!takeSocket(transport))
    throw new WebSocketError(
      'ERR_SOCKET_TAKEN',
      'handleUpgrade was called twice for one socket: are two handlers on one server?',
    );

  const unfinished = unfinishedResponse(transport);
  if (unfinished !== undefined) {
    refuseBehind(unfinished);
    return;
  }

  const peer = handshake.peer();
  if (peer === null || transport.destroyed) {
    transport.destroy();
    return;
  }
  let admitted: Admission;
  try {
    admitted = context.admit(handshake.asked, peer);
  } catch (error) {
    refuse(asHandshakeError(error, 500, 'WebSocket: Internal error'));
    return;
  }
  if (admitted.foreignNode !== null) relay(admitted.foreignNode);
  else if (context.authorize === undefined) enter();
  else authorize(context.authorize);

  /**
   * Refuses a request that was pipelined behind one whose response is not finished: an answer now would stand in the middle of
   * that response. A client that leaves meanwhile is noticed, because its socket is read.
   */
  function refuseBehind(response: NonNullable<typeof unfinished>): void {
    watch().hold(() => transport.destroy());
    watch().suspend();
    const answer = (): void =>
      refuse(new HandshakeError(400, 'WebSocket: Received an upgrade request behind an unfinished response'));
    response.once('finish', answer);
    response.once('close', answer);
  }

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

  function relay(node: string): void {
    watcher?.release();
    unwatch(transport);
    if (context.relay(node, transport, handshake.head, admitted.facts, request)) return;
    watcher = undefined;
    refuse(new HandshakeError(410, 'WebSocket: Unknown session'));
  }

  /** Refuses for what `authorize` threw. Anything but a `HandshakeError` is a fault of the program, and goes to `onError`. */
  function refuseFor(error: unknown): void {
    if (!(error instanceof HandshakeError)) context.failed(error, 'authorize', request);
    // A client that was banned meanwhile does not come back. Its session ends now, and not when its window ends.
    else if (error.status < 500) admitted.ticket?.session.client?.expel(CloseCode.POLICY_VIOLATION, error.reason);
    refuse(asHandshakeError(error, 403, 'WebSocket: Connection refused'));
  }

  /** Returns the watcher, which is made only where it is needed: a client that is let in at once has none. */
  function watch(): PendingSocket {
    watcher ??= watchSocket(transport, context);
    return watcher;
  }

  function enter(): void {
    // While `authorize` was pending, the client has left or its time has run out.
    if (watcher?.isOver === true || !transport.writable) return;
    if (context.isClosing()) {
      refuse(new HandshakeError(503, 'WebSocket: Server is shutting down'));
      return;
    }
    const { ticket } = admitted;
    if (ticket !== null && !ticket.session.isCurrent(ticket.claim)) {
      refuse(new HandshakeError(410, 'WebSocket: A newer attempt has come, or the session has ended'));
      return;
    }
    const held = watcher?.release() ?? [];
    unwatch(transport);
    context.handshaken(performance.now() - startedAt);
    const answer = handshake.accept(admitted);
    const { head } = handshake;
    context.welcome(transport, answer, held.length === 0 ? head : Buffer.concat([head, ...held]), admitted, request);
  }

  function refuse(error: HandshakeError): void {
    const pending = watch();
    if (pending.isOver) return;
    pending.linger(context.closeTimeout());
    // A page cannot read the status of a refused upgrade. Without a Close frame it tries to resume again until its window ends.
    // After a 5xx that is right, because its session lives, unless all sessions are about to end.
    const claims = claimsSession(handshake.asked);
    const isForGood = error.status < 500 || context.isClosing();
    const code = claims ? ResumeCode.REFUSED : CloseCode.POLICY_VIOLATION;
    const byFrame = claims ? isForGood : context.rejectMode() === 'close-frame';
    if (byFrame && transport.writable && refuseByFrame(handshake, error, code)) {
      // The page's JavaScript can read the reason.
    } else {
      handshake.refuse(error);
    }
    context.rejected(error, request);
  }
}

/**
 * Accepts the WebSocket and closes it with the reason, which is all that a browser's JavaScript can see. Returns `false` where
 * the request does not ask for a WebSocket.
 */
function refuseByFrame(handshake: Handshake, error: HandshakeError, code: number): boolean {
  const offer = webSocketOffer(handshake.asked);
  if (offer === null) return false;
  const { transport } = handshake;
  const answer = handshake.accept(code === ResumeCode.REFUSED ? { key: offer.key, subprotocol: RESUME_SUBPROTOCOL } : offer);
  if (answer !== '') transport.write(answer, 'latin1');
  transport.end(encodeFrame(Opcode.CLOSE, encodeClosePayload(code, String(error.reason ?? ''))));
  dropRest(transport);
  return true;
}

/** Returns the error to answer with: a {@link HandshakeError} as it is, anything else without its details. */
function asHandshakeError(error: unknown, status: number, reason: string): HandshakeError {
  return error instanceof HandshakeError ? error : new HandshakeError(status, reason, {}, { cause: error });
}

function isThenable(value: unknown): value is Promise<void> {
  return typeof (value as Promise<void> | undefined)?.then === 'function';
}
