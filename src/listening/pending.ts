/**
 * A socket before it is a WebSocket: while its request is read, while `authorize` decides, while a plain request or a refusal
 * is answered.
 *
 * In: a socket. Out: the guarantee that it cannot crash the process, cannot stay longer than it may, and that its input is kept
 * meanwhile. It does not know HTTP.
 *
 * At an `upgrade` event a socket has no `'error'` listener at all: a reset during an `await` would end the process
 * (hostile-inputs N1).
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { guardSocket } from '../connection/guard.ts';
import { clock, NOWHERE, type Sweeper, type Ticking } from '../connection/sweeper.ts';

/** What a client may send before it is let in, in bytes. Beyond it the socket is not read. */
const HELD_INPUT = 16_384;

/** Milliseconds for a whole request, body included, as Node's `server.requestTimeout` has it by default. */
export const REQUEST_TIMEOUT = 300_000;

/** Watches one socket until it is released or gone. */
export class PendingSocket implements Ticking {
  #socket: Duplex;
  place: number = NOWHERE;
  readonly #sweeper: Sweeper;
  #onTimeout: () => void;
  #deadline: number;
  #held: Uint8Array[] | null = null;
  #heldSize = 0;
  #abort: AbortController | null = null;
  #isReleased = false;
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

  /** Aborts when the client goes away, or when its time is over. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** Whether the socket was released, answered, or is gone. */
  get isOver(): boolean {
    return this.#isReleased;
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
    this.#isReleased = true;
    this.#sweeper.remove(this);
    this.#socket.off('data', this.#keep);
    this.#socket.off('end', this.#gone);
    this.#socket.off('close', this.#gone);
    const held = this.#held ?? [];
    if (this.#held !== null) this.#socket.pause();
    this.#held = null;
    return held;
  }

  /** Stops the clock: the program has to do something first. */
  suspend(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** Goes on with the socket over the present one: TLS. */
  moveTo(socket: Duplex): void {
    guardSocket(socket);
    this.#socket.off('close', this.#gone);
    this.#socket = socket;
    socket.on('close', this.#gone);
  }

  /**
   * A plain request has come, or an HTTP/2 stream. The program may take its time over the answer. The client must send the rest
   * of its request without a pause of `timeout` milliseconds, and all of it within {@link REQUEST_TIMEOUT}.
   *
   * @param waitsForProgram whether the request is there to its last byte, or the client cannot send because the program does
   * not read
   * @param onIncomplete called when the client does not
   */
  beginAnswer(waitsForProgram: () => boolean, timeout: number, onIncomplete: () => void): void {
    const now = clock();
    // Requests are received in order: only the newest can be incomplete.
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

  /** One answer is finished. After the last one, the next request must come within `timeout` milliseconds. */
  endAnswer(timeout: number): void {
    if (this.#answering === null || --this.#answering.count > 0) return;
    this.#answering = null;
    if (!this.#isReleased) this.#deadline = clock() + timeout;
  }

  /** Destroys the socket in `timeout` milliseconds: its answer is written, and the peer may read it until then. */
  linger(timeout: number): void {
    this.#deadline = clock() + timeout;
    this.#isReleased = true;
    this.#answering = null;
    this.#abort?.abort();
    this.#socket.off('data', this.#keep);
    // The end of the peer is not the end of the socket: a peer that does not read would keep the answer, and the socket, for ever.
    this.#socket.off('end', this.#gone);
    this.#held = null;
    // A socket that has emitted 'close' already would never leave the sweeper.
    if (this.#socket.closed) this.#gone();
  }

  tick(now: number): void {
    if (this.#answering !== null && !this.#isReleased) this.#checkRequest(this.#answering, now);
    if (now < this.#deadline) return;
    if (this.#isReleased) this.#socket.destroy();
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
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#abort?.abort();
    this.#socket.destroy();
  };
}

/** Requests of a socket that are not answered to the end yet. */
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
