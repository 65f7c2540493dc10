/**
 * One web client: lines over a connection, and for a while perhaps over none.
 *
 * In: messages from a {@link Connection}; frames of lines from the object that the server holds. Out: lines to a listener or to a
 * stream; the end, once. It does not know frames, HTTP, the shape of a `net.Socket`, or how a client that lost its connection
 * proves who it is. Lines in are the {@link Inbox}'s, lines out the {@link Outbox}'s; what is left here is one client's life, and
 * one file because each of its states concerns all of it.
 *
 * No server ever holds this object: it holds an `IrcClient` or an `IrcSocket`, whose properties it may replace at will. Nothing
 * here reads them.
 *
 * | state | connection | what ends or changes it |
 * | --- | --- | --- |
 * | attached | one | lost, and the client can come back: suspended. Ended in any other way: over |
 * | suspended | none; lines wait in the outbox | {@link Client.reattach}: attached. Expired, over its limit, closed or destroyed by the server: over |
 * | over | none, or one that takes its last bytes to the peer | nothing |
 */
import { Duplex } from 'node:stream';
import { canonicalAddress } from '../address/ranges.ts';
import { type ConnectionFacts, isRewritten, withClient, withMode } from '../admission/facts.ts';
import {
  type CloseStatus,
  CONTROL,
  Connection,
  type ConnectionOwner,
  type ConnectionSettings,
  IDLE_CONTROL,
} from '../connection/connection.ts';
import type { Journal } from '../connection/journal.ts';
import { Outbox, type OutboxOwner } from '../connection/outbox.ts';
import { diagnostics, publish } from '../diagnostics.ts';
import { CloseCode, WebSocketError } from '../errors.ts';
import { Inbox, type InboxOwner, type LineStream } from './inbox.ts';
import type { LineEncoding } from './lines.ts';

/** What all clients of one configuration share. */
export interface ClientSettings extends ConnectionSettings {
  readonly nativePing: boolean;
  readonly text: LineEncoding;
  readonly binary: LineEncoding;
  /** Called when a client is in no more: its WebSocket has ended. */
  readonly onClosed: (client: Client) => void;
  /** Called with whatever the program's own code threw or rejected. */
  readonly onFault: (error: unknown, during: FaultPlace, client: Client) => void;
}

/** The events, by the name of the method that adds a listener. */
type ClientEvent = 'onDrain' | 'onClose' | 'onSuspend' | 'onResume';

type Listener = (argument: never) => unknown;

/** Where the program's own code threw. */
export type FaultPlace =
  | 'onConnection'
  | 'onClient'
  | 'onLine'
  | 'onDrain'
  | 'onClose'
  | 'onSuspend'
  | 'onResume'
  | 'ping'
  | 'authorize'
  | 'onReject'
  | 'onRequest'
  | 'plain'
  | 'write'
  | 'end'
  | (string & {});

/** The stream over a client, where the server holds one. */
export interface ClientStream extends LineStream {
  /** Called for each message that comes. */
  active(): void;
  drained(): void;
  /** Called when the connection is lost, and the client may come back: nothing can wait for a transport to drain. */
  suspended(): void;
  /** Closes the client, behind what the stream still holds. */
  closeWith(code: number, reason: string): void;
  /** Called when the client is gone at once. `error` is the transport's own. */
  broken(error: Error | null): void;
}

/** What a client that can come back tells of its connection; `resume/` implements it. */
export interface Resumption {
  /** Whether a connection that ended like this was only lost. */
  survives(status: CloseStatus): boolean;
  /** Called for each text message, with its size in bytes. */
  received(size: number): void;
  /** Takes a control message. */
  control(bytes: Buffer): ControlOutcome;
  /** Called when the server says goodbye: from now on a loss is the end. */
  closing(): void;
  suspended(): void;
  ended(): void;
}

/** What a control message was: one that says something new, one that does not, or a fault. */
export type ControlOutcome = 'news' | 'nothing new' | { readonly problem: string };

/** What a connection is made of. */
export interface TransportParts {
  readonly transport: Duplex;
  /** What the peer gets first of all, a byte string. It leaves with the greeting, in one write. */
  readonly first: string;
  /** What came behind the request. */
  readonly head: Uint8Array;
  readonly facts: ConnectionFacts;
}

/** One web client. */
export class Client implements ConnectionOwner, OutboxOwner, InboxOwner {
  // The fields that each outgoing line needs come first. In a broadcast to thousands of clients no client is in a cache, and each
  // cache line that is read costs time.
  readonly #outbox: Outbox;
  #connection: Connection | null;
  #encoding: LineEncoding;
  #isOver = false;
  readonly #settings: ClientSettings;

  /** Where lines from the client wait for a listener or a stream. */
  readonly inbox: Inbox;
  #stream: ClientStream | null = null;
  #followsFirstMessage: boolean;
  #facts: ConnectionFacts;
  #resumption: Resumption | null = null;
  #face: object | null = null;
  /** The first listener of the end: nearly every client of lines has this one, and no other. */
  #onClose: Listener | null = null;
  #rarities: Rarities | null = null;

  /** @param followsFirstMessage whether the first message decides between text and binary */
  constructor({ transport, first, head, facts }: TransportParts, followsFirstMessage: boolean, settings: ClientSettings) {
    this.#settings = settings;
    this.#facts = facts;
    this.#followsFirstMessage = followsFirstMessage;
    this.#encoding = facts.mode === 'text' ? settings.text : settings.binary;
    this.inbox = new Inbox(this);
    this.#outbox = new Outbox(this, settings);
    this.#connection = new Connection(transport, head, this.#outbox, this, settings);
    this.#connection.begin(first);
  }

  /** Lets messages come: the server has had its say. */
  start(): void {
    this.#connection?.start();
  }

  get settings(): ClientSettings {
    return this.#settings;
  }

  get facts(): ConnectionFacts {
    return this.#facts;
  }

  /** How lines leave. */
  get encoding(): LineEncoding {
    return this.#encoding;
  }

  /** The transport; `undefined` while there is none. */
  get transport(): Duplex | undefined {
    return this.#connection?.transport;
  }

  get closeStatus(): CloseStatus | null {
    return this.#rarities?.status ?? null;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether lines can be sent: they leave, or wait for the client to come back. */
  get writable(): boolean {
    return !this.#isOver && (this.#connection === null || this.#connection.isOpen);
  }

  get isSuspended(): boolean {
    return this.#connection === null && !this.#isOver;
  }

  /** Whether the client is behind. */
  get congested(): boolean {
    return this.#outbox.congested;
  }

  /** Bytes that wait for the transport, or in it. */
  get queuedSize(): number {
    return this.#isOver ? 0 : this.#outbox.size;
  }

  // Lines out.

  /**
   * Sends frames, a byte string. Returns `false` when the client is behind: the listeners of `onDrain` are called later.
   *
   * @param lines how many lines are in them
   * @param areShared whether other clients get the same string
   */
  send(frames: string, lines: number, areShared: boolean): boolean {
    if (!this.writable) return false;
    if (frames !== '') {
      this.#settings.counters.linesOut += lines;
      this.#outbox.queue(frames, areShared);
    }
    if (!this.#outbox.congested) return true;
    this.#rare.owesDrain = true;
    return false;
  }

  /** Ends the client where `more` bytes, which wait somewhere else, take its queue over the limit. */
  checkQueue(more: number): void {
    if (this.writable) this.#outbox.check(more);
  }

  ping(callback?: (roundTrip: number) => void): boolean {
    if (!this.#settings.nativePing || this.#connection === null) return false;
    const guarded = callback && ((roundTrip: number): void => this.call('ping', () => callback(roundTrip)));
    return this.#connection.sendPing(guarded);
  }

  // Lines in.

  /** The stream over this client, where there is one. */
  get stream(): ClientStream | null {
    return this.#stream;
  }

  /** Has lines go to a stream from now on, where there is no listener. */
  setStream(stream: ClientStream): void {
    this.#stream = stream;
  }

  readLines(reads: boolean): void {
    if (reads) this.#connection?.resume();
    else this.#connection?.pause();
  }

  // Callbacks of the server.

  /** Has `listener` called at each event of this kind, behind those that were there before. */
  on(event: ClientEvent, listener: Listener): void {
    // The client has closed already, and the other listeners were called.
    if (event === 'onClose' && this.#rarities?.hasToldClosed === true)
      process.nextTick(() => this.call('onClose', () => listener(this.closeStatus as never)));
    else if (event === 'onClose' && this.#onClose === null) this.#onClose = listener;
    else this.#rare.listeners.push({ event, listener });
  }

  /** Calls the listeners of an event. */
  #emit(event: ClientEvent, argument?: unknown): void {
    const first = this.#onClose;
    if (event === 'onClose' && first !== null) this.call(event, () => first(argument as never));
    for (const { event: awaited, listener } of this.#rarities?.listeners ?? [])
      if (awaited === event) this.call(event, () => listener(argument as never));
  }

  /** Calls the program's own code. What it throws or rejects ends this client, and nobody else. */
  call(during: FaultPlace, code: () => unknown): void {
    try {
      const result = code();
      if (result !== undefined) this.watch(during, result);
    } catch (error) {
      this.fault(error, during);
    }
  }

  /** Watches what the program's own code returned: an `async` listener may reject. */
  watch(during: FaultPlace, result: unknown): void {
    if (typeof (result as Promise<unknown> | null)?.then === 'function')
      (result as Promise<unknown>).then(undefined, (error) => this.fault(error, during));
  }

  // The end.

  /**
   * Ends this client for an error of the program's own code: 1011, without details ("may be security-sensitive", as other
   * libraries say).
   */
  fault(error: unknown, during: FaultPlace): void {
    this.#rare.fault = { error };
    this.inbox.close();
    this.#settings.onFault(error, during, this);
    if (this.isSuspended) this.finish({ code: CloseCode.INTERNAL_ERROR, reason: 'Internal error', clean: false });
    else this.#connection?.fail(CloseCode.INTERNAL_ERROR, 'Internal error');
  }

  /** Begins the closing handshake, behind what was sent before. A client without a connection is over at once. */
  close(code: number, reason: string): void {
    this.#resumption?.closing();
    if (this.isSuspended) this.finish({ code, reason, clean: false });
    else this.#connection?.close(code, reason);
  }

  /**
   * Ends a client that may not be here any more: with a Close frame where it has a connection, and without waiting for an answer.
   */
  expel(code: number, reason: string): void {
    this.#resumption?.closing();
    if (this.isSuspended) this.finish({ code, reason, clean: false });
    else this.#connection?.fail(code, reason);
  }

  /** Closes the client for the hook: behind what was written before, and within `closeTimeout`. */
  dismiss(code: number, reason: string): void {
    if (this.#stream === null) this.close(code, reason);
    else this.#stream.closeWith(code, reason);
    this.limitTime();
  }

  /** Begins the time after which the connection is destroyed, whatever it waits for. */
  limitTime(): void {
    this.#connection?.limitTime();
  }

  /** Ends the client at once. */
  destroy(): void {
    if (this.#isOver) return;
    this.#connection?.destroy();
    this.finish(ABNORMAL);
  }

  /** Ends the client by RST, where its transport can. */
  reset(): void {
    this.#connection?.reset();
    this.finish(ABNORMAL);
  }

  /** Ends the client for good. The hook is called at once, the server in the next tick. */
  finish(status: CloseStatus): void {
    this.#leave(status);
    if (this.#isOver) return;
    this.#isOver = true;
    this.inbox.close();
    this.#outbox.close();
    const stream = this.#stream;
    if (stream === null) {
      process.nextTick(() => this.tellClosed());
    } else {
      // A stream that has ended this client by itself ignores this call.
      stream.broken(null);
    }
  }

  /** Calls the listeners of the end. Call this once, in a tick of its own. */
  tellClosed(): void {
    if (this.#rare.hasToldClosed) return;
    this.#rare.hasToldClosed = true;
    publish(diagnostics.close, () => ({ ...this.describe(), ...this.closeStatus }));
    this.#emit('onClose', this.closeStatus);
  }

  /** @throws WebSocketError `ERR_ADDRESS_SET` the second time, `ERR_ADDRESS` for a text that is no address */
  setRemoteAddress(address: string, port?: number): void {
    if (isRewritten(this.#facts))
      throw new WebSocketError('ERR_ADDRESS_SET', `the client's address was set before, to ${this.#facts.client.address}`);
    const canonical = canonicalAddress(address);
    if (canonical === null) throw new WebSocketError('ERR_ADDRESS', `not an address: ${JSON.stringify(address.slice(0, 100))}`);
    this.#facts = withClient(this.#facts, Object.freeze({ address: canonical, port }), 'setRemoteAddress');
  }

  // Coming back.

  /** Makes this a client that can come back. */
  makeResumable(resumption: Resumption, journal: Journal): void {
    this.#resumption = resumption;
    this.#outbox.keep(journal);
  }

  /** Sends a control message, past what can be lost. Without a connection there is nobody to get it. */
  sendControl(frame: string): void {
    if (this.#connection?.isOpen === true) this.#outbox.queue(frame);
  }

  /** Moves the client to a new connection, with new facts. An older connection that is still there is closed with `replaced`. */
  reattach(
    { transport, first, head, facts }: TransportParts,
    replaced: { readonly code: number; readonly reason: string },
  ): void {
    const before = this.#connection;
    this.#outbox.detach();
    before?.abandon(replaced.code, replaced.reason);
    this.#facts = facts;
    this.#connection = new Connection(transport, head, this.#outbox, this, this.#settings);
    this.#connection.begin(first);
    if (this.inbox.wantsLines) this.#connection.resume();
    this.#connection.start();
    this.#emit('onResume', facts);
    // The flush of the queue comes first. If the client is not behind after it, no 'drain' would ever follow, so it is called
    // here.
    if (this.#rare.owesDrain)
      setImmediate(() => {
        if (!this.#outbox.congested) this.drained();
      });
  }

  // ConnectionOwner and OutboxOwner: the connection and the outbox call these methods.

  message(chunk: Buffer, start: number, end: number, isText: boolean, content: number): number {
    if (this.#followsFirstMessage) this.#followMode(isText);
    if (this.#resumption !== null) {
      if (!isText) return this.#control(chunk.subarray(start, end));
      this.#resumption.received(end - start);
    }
    this.#stream?.active();
    return this.inbox.take(chunk, start, end, content);
  }

  readEnded(): void {
    this.inbox.readEnded();
  }

  get survivesLoss(): boolean {
    return this.#resumption?.survives(ABNORMAL) === true;
  }

  drained(): void {
    const rarities = this.#rarities;
    this.#stream?.drained();
    if (rarities?.owesDrain !== true) return;
    // This is reset before the listeners are called: they may write so much that it is set again.
    rarities.owesDrain = false;
    this.#emit('onDrain');
  }

  ended(status: CloseStatus): void {
    if (this.#isOver || this.#suspendAfter(status)) return;
    if (this.#stream === null) {
      this.finish(status);
      return;
    }
    this.#leave(status);
    this.inbox.end();
  }

  broken(status: CloseStatus, error: Error | null): void {
    if (this.#isOver || this.#suspendAfter(status)) return;
    this.#leave(status);
    if (this.#stream === null) this.finish(status);
    else this.#stream.broken(error);
  }

  threw(error: unknown): void {
    this.fault(error, 'onLine');
  }

  fellBehind(): void {
    this.#connection?.awaitDrain();
  }

  writeFailed(error: Error): void {
    this.#connection?.transportFailed(error);
  }

  overflowed(): void {
    publish(diagnostics.flood, () => ({ ...this.describe(), reason: 'SendQ exceeded' }));
    const status: CloseStatus = { code: CloseCode.POLICY_VIOLATION, reason: 'SendQ exceeded', clean: false };
    this.#resumption?.ended();
    this.#resumption = null;
    if (this.#connection === null) this.finish(status);
    else this.#connection.break(status);
  }

  /** What the server was given of this client: an `IrcClient` or an `IrcSocket`. */
  get face(): object | null {
    return this.#face;
  }

  set face(face: object) {
    this.#face = face;
  }

  describe(): object {
    const faces = this.#face instanceof Duplex ? { socket: this.#face, client: null } : { socket: null, client: this.#face };
    return { ...faces, ...this.#rarities?.fault };
  }

  get #rare(): Rarities {
    this.#rarities ??= new Rarities();
    return this.#rarities;
  }

  /** Makes the client one that is in no more. */
  #leave(status: CloseStatus): void {
    if (this.#rarities !== null && this.#rarities.status !== null) return;
    this.#rare.status = status;
    this.#resumption?.ended();
    this.#resumption = null;
    this.#settings.onClosed(this);
  }

  /** Suspends the client where its connection was only lost. Returns `false` where it is the end. */
  #suspendAfter(status: CloseStatus): boolean {
    if (this.#resumption === null || !this.#resumption.survives(status)) return false;
    this.#connection = null;
    this.#outbox.detach();
    this.#resumption.suspended();
    this.#stream?.suspended();
    // The stream may have held back the server's goodbye. In that case the client is closed, not suspended.
    if (!this.#isOver) this.#emit('onSuspend');
    return true;
  }

  #control(bytes: Buffer): number {
    const outcome = this.#resumption?.control(bytes) ?? 'nothing new';
    if (typeof outcome === 'object') this.#connection?.fail(CloseCode.PROTOCOL_ERROR, outcome.problem);
    return outcome === 'nothing new' ? IDLE_CONTROL : CONTROL;
  }

  #followMode(isText: boolean): void {
    this.#followsFirstMessage = false;
    const mode = isText ? 'text' : 'binary';
    if (mode === this.#facts.mode) return;
    this.#facts = withMode(this.#facts, mode);
    this.#encoding = isText ? this.#settings.text : this.#settings.binary;
  }
}

const ABNORMAL: CloseStatus = Object.freeze({ code: CloseCode.ABNORMAL, reason: '', clean: false });

/** What most clients never have, or only as they end. */
class Rarities {
  /** All but the first of `onClose`, in the order in which they were added. */
  readonly listeners: { readonly event: ClientEvent; readonly listener: Listener }[] = [];
  status: CloseStatus | null = null;
  /** Whether a write returned `false`. */
  owesDrain = false;
  hasToldClosed = false;
  /** What the program's own code threw. */
  fault: { readonly error: unknown } | null = null;
}
