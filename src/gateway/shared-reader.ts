/**
 * What IRC servers send, read into one buffer for all of them.
 *
 * In: a socket's options, then its socket. Out: chunks, valid during the call that gets them. It does not know what they say.
 *
 * Node makes a buffer for each chunk, and the buffer stays until the next garbage collection. Those of lines that are long gone
 * were most of what a gateway held after activity.
 */
import type { OnReadOpts, Socket } from 'node:net';

const SHARED: Buffer = Buffer.allocUnsafeSlow(65_536);

/** What may come before anybody reads: a server's first notices. */
const MAX_HELD = 16_384;

const readers = new WeakMap<Socket, SharedReader>();

/** Hands chunks on, and keeps copies of those that come before there is a listener. */
export class SharedReader {
  #listener: ((chunk: Buffer) => void) | null = null;
  #held: Buffer[] = [];
  #heldSize = 0;

  /** The option `onread` of `net.connect`. */
  readonly onread: OnReadOpts = {
    buffer: SHARED,
    callback: (size) => this.#take(SHARED.subarray(0, size)),
  };

  /** Remembers which socket it reads. */
  bind(socket: Socket): void {
    readers.set(socket, this);
  }

  listen(socket: Socket, listener: (chunk: Buffer) => void): void {
    this.#listener = listener;
    for (const chunk of this.#held) listener(chunk);
    this.#held = [];
    if (this.#heldSize >= MAX_HELD && !socket.isPaused()) socket.resume();
  }

  /** Returns `false` where no more can be taken for now. */
  #take(chunk: Buffer): boolean {
    if (this.#listener !== null) {
      this.#listener(chunk);
      return true;
    }
    this.#held.push(Buffer.from(chunk));
    this.#heldSize += chunk.length;
    return this.#heldSize < MAX_HELD;
  }
}

/** Has `listener` called with each chunk that a socket reads; the chunk is valid during the call. */
export function readChunks(socket: Socket, listener: (chunk: Buffer) => void): void {
  const reader = readers.get(socket);
  if (reader === undefined) socket.on('data', listener);
  else reader.listen(socket, listener);
}
