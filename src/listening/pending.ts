/**
 * A socket before it is a WebSocket: while its request is read, while `authorize` decides, while a plain request or a refusal
 * is answered.
 *
 * In: a socket. Out: the guarantee that it cannot crash the process (`guard.ts`), cannot stay longer than it may, and that its
 * input is kept meanwhile. It does not know HTTP.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { guardSocket } from '../connection/guard.ts';
import { clock, NOWHERE, type Sweeper, type Ticking } from '../connection/sweeper.ts';

/** The bytes that are kept for a client that is not let in yet. With more, the socket is not read. */
const HELD_INPUT = 16_384;

/** Milliseconds for a whole request, body included, as Node's `server.requestTimeout` has it by default. */
export const REQUEST_TIMEOUT = 300_000;

/** What the watch of a socket needs from the hook. */
export interface WatchContext {
  readonly sweeper: Sweeper;
  /** Milliseconds until a client must be let in. */
  readonly handshakeTimeout: () => number;
}

/** The watchers of sockets, from before their request is read. */
const watchers = new WeakMap<Duplex, PendingSocket>();

/** Begins to watch a socket: it is destroyed where it does not become a client within `handshakeTimeout`. */
export function watchSocket(socket: Duplex, context: WatchContext): PendingSocket {
  const pending = new PendingSocket(socket, context.handshakeTimeout(), context.sweeper, () => socket.destroy());
  watchers.set(socket, pending);
  return pending;
}

/** Watches the TLS socket over a socket in place of the socket itself. */
export function watchInstead(socket: Duplex, pending: PendingSocket): void {
  pending.moveTo(socket);
  watchers.set(socket, pending);
}

/** Returns the watcher of a socket, where it has one. */
export function watcherOf(socket: Duplex): PendingSocket | undefined {
  return watchers.get(socket);
}

/** Forgets the watcher of a socket that has been released. */
export function unwatch(socket: Duplex): void {
  watchers.delete(socket);
}

/** Watches one socket until it is released, has been answered, or has closed. */
export class PendingSocket implements Ticking {
  place: number = NOWHERE;
  #socket: Duplex;
  readonly #sweeper: Sweeper;
  #onTimeout: () => void;
  #deadline: number;
  #held: Uint8Array[] | null = null;
  #heldSize = 0;
  #abort: AbortController | null = null;
  #isOver = false;
  #answering: Answering | null = null;

  /** @param timeout milliseconds from now until `onTimeout` */
  constructor(socket: Duplex, timeout: number, sweeper: Sweeper, onTimeout: () => void) {
    guardSocket(socket);
    this.#socket = socket;
    this.#sweeper = sweeper;
    this.#onTimeout = onTimeout;
    this.#deadline = clock() + timeout;
    socket.on('close', this.#gone);
    sweeper.add(this);
  }

  /** A signal that aborts when the client leaves, or when its time is over. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** Whether the socket was released, is answered, or has closed: nothing else may be done with it here. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Keeps what comes, up to 16 KiB, so that the end of the socket is noticed without losing a byte of it.
   *
   * @param onTimeout called when the time is over, from now on
   */
  hold(onTimeout: () => void): void {
    this.#onTimeout = onTimeout;
    this.#held = [];
    this.#socket.on('data', this.#keep);
    this.#socket.on('end', this.#gone);
  }

  /** Sets what is done when the time is over, from now on. */
  onTimeout(action: () => void): void {
    this.#onTimeout = action;
  }

  /** Stops watching. Returns what came meanwhile. */
  release(): Uint8Array[] {
    this.#isOver = true;
    this.#sweeper.remove(this);
    this.#socket.off('data', this.#keep);
    this.#socket.off('end', this.#gone);
    this.#socket.off('close', this.#gone);
    const held = this.#held ?? [];
    if (this.#held !== null) this.#socket.pause();
    this.#held = null;
    return held;
  }

  /** Stops the clock, while the client waits for the program. */
  suspend(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** Goes on with the TLS socket that lies over the present one. */
  moveTo(socket: Duplex): void {
    guardSocket(socket);
    this.#socket.off('close', this.#gone);
    this.#socket = socket;
    socket.on('close', this.#gone);
  }

  /**
   * Call this for a plain request, or for an HTTP/2 stream. The program may take any time for its answer. The client must send
   * the rest of its request without a pause of `timeout` milliseconds, and all of it within {@link REQUEST_TIMEOUT}.
   *
   * @param waitsForProgram returns whether the whole request is there, or the client cannot send because the program does not
   *   read
   * @param onIncomplete called when the client is too slow
   */
  beginAnswer(waitsForProgram: () => boolean, timeout: number, onIncomplete: () => void): void {
    const now = clock();
    // Requests arrive one after the other, so only the newest can be incomplete.
    this.#answering = {
      count: (this.#answering?.count ?? 0) + 1,
      waitsForProgram,
      timeout,
      onIncomplete,
      lastByteAt: now,
      bytesRead: -1,
      end: now + Math.max(REQUEST_TIMEOUT, timeout),
    };
    this.suspend();
  }

  /** Call this when one answer is finished. After the last one, the next request must come within `timeout` milliseconds. */
  endAnswer(timeout: number): void {
    if (this.#answering === null || --this.#answering.count > 0) return;
    this.#answering = null;
    if (!this.#isOver) this.#deadline = clock() + timeout;
  }

  /**
   * Call this when the final answer is written. The peer may read it for `timeout` milliseconds; then the socket is destroyed.
   */
  linger(timeout: number): void {
    this.#deadline = clock() + timeout;
    this.#isOver = true;
    this.#answering = null;
    this.#abort?.abort();
    this.#socket.off('data', this.#keep);
    // The end of the peer is not the end of the socket: a peer that does not read would keep the answer, and the socket, for
    // ever.
    this.#socket.off('end', this.#gone);
    this.#held = null;
    // After 'close' no event takes the socket out of the sweeper, so it is taken out here.
    if (this.#socket.closed) this.#gone();
  }

  tick(now: number): void {
    if (this.#answering !== null && !this.#isOver) this.#checkRequest(this.#answering, now);
    if (now < this.#deadline) return;
    if (this.#isOver) this.#socket.destroy();
    else this.#onTimeout();
  }

  #checkRequest(answering: Answering, now: number): void {
    const { bytesRead = 0 } = this.#socket as Partial<Socket>;
    const waitsForProgram = answering.waitsForProgram();
    if (bytesRead !== answering.bytesRead || waitsForProgram) {
      answering.bytesRead = bytesRead;
      answering.lastByteAt = now;
    }
    const isLate = now - answering.lastByteAt >= answering.timeout || now >= answering.end;
    if (isLate && !waitsForProgram) answering.onIncomplete();
  }

  readonly #keep = (chunk: Uint8Array): void => {
    this.#held?.push(chunk);
    this.#heldSize += chunk.length;
    if (this.#heldSize >= HELD_INPUT) this.#socket.pause();
  };

  readonly #gone = (): void => {
    this.#sweeper.remove(this);
    if (this.#isOver) return;
    this.#isOver = true;
    this.#abort?.abort();
    this.#socket.destroy();
  };
}

/** The requests of one socket whose answers are not finished. */
interface Answering {
  count: number;
  readonly waitsForProgram: () => boolean;
  readonly timeout: number;
  readonly onIncomplete: () => void;
  lastByteAt: number;
  bytesRead: number;
  /** When the whole request must be there. */
  readonly end: number;
}
