/**
 * A socket before it is a WebSocket: reading its request, waiting for `authorize`, or being told why not.
 *
 * In: a socket. Out: that it cannot crash the process, cannot stay longer than it may, and that its input is held meanwhile. It does not know HTTP.
 *
 * At an `upgrade` event a socket has no `'error'` listener at all: a reset while somebody awaits would end the process (hostile-inputs N1).
 */
import type { Duplex } from 'node:stream';
import { guardSocket } from '../connection/guard.ts';
import { clock, NOWHERE, type Sweeper, type Ticking } from '../connection/sweeper.ts';

/** What a client may send before it is let in, in bytes; beyond it the socket is not read. */
const HELD_INPUT = 16_384;

/** Watches over one socket until it is released or gone. */
export class PendingSocket implements Ticking {
  readonly socket: Duplex;
  place: number = NOWHERE;
  readonly #sweeper: Sweeper;
  #onTimeout: () => void;
  #deadline: number;
  #held: Uint8Array[] | null = null;
  #heldSize = 0;
  #abort: AbortController | null = null;
  #isReleased = false;

  /** @param timeout milliseconds from now until `onTimeout` */
  constructor(socket: Duplex, timeout: number, sweeper: Sweeper, onTimeout: () => void) {
    guardSocket(socket);
    this.socket = socket;
    this.#sweeper = sweeper;
    this.#onTimeout = onTimeout;
    this.#deadline = clock() + timeout;
    socket.on('close', this.#gone);
    sweeper.add(this);
  }

  /** Aborts when the client goes away, or its time is over. */
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
   * @param onTimeout what to do from now on when the time is over
   */
  hold(onTimeout: () => void): void {
    this.#onTimeout = onTimeout;
    this.#held = [];
    this.socket.on('data', this.#keep);
    this.socket.on('end', this.#gone);
  }

  /** Gives back the socket, and what came meanwhile. */
  release(): Uint8Array[] {
    this.#isReleased = true;
    this.#sweeper.remove(this);
    this.socket.off('data', this.#keep);
    this.socket.off('end', this.#gone);
    this.socket.off('close', this.#gone);
    const held = this.#held ?? [];
    if (this.#held !== null) this.socket.pause();
    this.#held = null;
    return held;
  }

  /** Stops the clock, while a plain request is being answered. */
  suspend(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** Starts the clock anew: the next request, or nothing, within `timeout` milliseconds. */
  restart(timeout: number): void {
    if (!this.#isReleased) this.#deadline = clock() + timeout;
  }

  /** Gives the socket `timeout` milliseconds from now on, after which it is destroyed without a word: its answer is written. */
  linger(timeout: number): void {
    this.#deadline = clock() + timeout;
    this.#isReleased = true;
    this.#abort?.abort();
    this.socket.off('data', this.#keep);
    this.#held = null;
  }

  tick(now: number): void {
    if (now < this.#deadline) return;
    if (this.#isReleased) this.socket.destroy();
    else this.#onTimeout();
  }

  readonly #keep = (chunk: Uint8Array): void => {
    this.#held?.push(chunk);
    this.#heldSize += chunk.length;
    if (this.#heldSize >= HELD_INPUT) this.socket.pause();
  };

  readonly #gone = (): void => {
    this.#sweeper.remove(this);
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#abort?.abort();
    this.socket.destroy();
  };
}
