/**
 * What is to leave for one client: gathered in a turn of the event loop, written once at its end, and bounded.
 *
 * In: byte strings of frames; a transport, while there is one. Out: one `write` a turn; a call where the client is behind or over
 * its limit. It does not know what the bytes say, nor why there is no transport.
 *
 * Laws of this file:
 * 1. A turn of the event loop is one `write`, however many lines it made.
 * 2. Without a transport everything waits, up to the same limit.
 * 3. After {@link Outbox.close} nothing is kept.
 *
 * Two thirds of what a line costs is the kernel's `write`. To gather is worth 7 times in bursts and 10 times and more in a busy
 * channel (benchmarks `burst`, `chat`); a flush at `process.nextTick` loses most of that, since each read callback is a tick of
 * its own. Nothing waits for it: `setImmediate` comes right behind the reads of the same turn. An answer that leaves with the
 * chunk that it answers was measured, and is 12 to 20 % dearer.
 */
import type { Duplex } from 'node:stream';
import type { Counters } from '../metrics/counters.ts';
import { type Journal, textFrames } from './journal.ts';

/** Receives what an {@link Outbox} notices. */
export interface OutboxOwner {
  /** Called when the queue is longer than its limit. */
  overflowed(): void;
  /** Called when the transport says `false` to a write: {@link Outbox.drained} is to be called at its `'drain'`. */
  fellBehind(): void;
  /** Called when the transport threw at a `write`. No stream should. */
  writeFailed(error: Error): void;
}

/** What all outboxes of one configuration share. */
export interface OutboxSettings {
  /** Bytes that may queue for one client. */
  readonly sendQueueLimit: number;
  readonly counters: Counters;
}

/** A turn's output beyond this many bytes leaves at once, so that memory is bounded within a turn too. */
const FLUSH_SIZE = 65_536;

/** Gathers and writes what one client gets. */
export class Outbox {
  #transport: Duplex | null = null;
  /** A byte string: latin1, one character a byte. Node writes it without an allocation of ours. */
  #pending = '';
  #isCongested = false;
  #isClosed = false;
  readonly #owner: OutboxOwner;
  readonly #settings: OutboxSettings;
  /** What is not acknowledged, for a client that can come back. */
  #journal: Journal | null = null;

  constructor(owner: OutboxOwner, settings: OutboxSettings) {
    this.#owner = owner;
    this.#settings = settings;
  }

  /** Whether the transport said `false` to a write and has not drained since, or there is none and something waits. */
  get congested(): boolean {
    return this.#transport === null ? this.#pending !== '' : this.#isCongested;
  }

  /** Bytes that wait here or in the transport. */
  get size(): number {
    return this.#pending.length + (this.#transport?.writableLength ?? 0);
  }

  /** Keeps what leaves from now on until it is acknowledged. */
  keep(journal: Journal): void {
    this.#journal = journal;
  }

  /** Begins to write to `transport`: `first`, a byte string that belongs to this transport alone, then what waited. */
  attach(transport: Duplex, first: string): void {
    this.#transport = transport;
    this.#isCongested = false;
    if (first !== '') this.#write(first);
    if (this.#pending !== '') flushThisTurn(this);
  }

  /**
   * Ends writing: the transport has closed, or another client has it. Lines that were not written wait for the next transport.
   * Pongs and control messages belong to this one, and are dropped.
   */
  detach(): void {
    this.#transport = null;
    this.#isCongested = false;
    // An `ack` of this turn is older than the count that the next transport begins with.
    if (this.#journal !== null) this.#pending = textFrames(this.#pending);
  }

  /** Drops everything, for good. */
  close(): void {
    this.detach();
    this.#isClosed = true;
    this.#pending = '';
    this.#journal = null;
  }

  /**
   * Queues frames, which leave at the end of this turn.
   *
   * @param areShared whether other clients get the same string
   */
  queue(frames: string, areShared = false): void {
    if (this.#isClosed) return;
    const before = this.#pending;
    this.#pending = areShared ? joinShared(before, frames) : before + frames;
    if (this.#transport === null) this.check(0);
    else if (this.#pending.length >= FLUSH_SIZE) this.flush();
    else if (before === '') flushThisTurn(this);
  }

  /** Hands what is queued to the transport. */
  flush(): void {
    const bytes = this.#pending;
    if (bytes === '' || this.#transport === null) return;
    this.#pending = '';
    this.#journal?.add(bytes);
    this.#write(bytes);
    this.check(0);
  }

  /** Calls the owner where the queue and `more` bytes beside it are over the limit. */
  check(more: number): void {
    const kept = this.#transport === null ? (this.#journal?.size ?? 0) : 0;
    if (this.size + kept + more > this.#settings.sendQueueLimit) this.#owner.overflowed();
  }

  /** Called when the transport has taken everything. */
  drained(): void {
    this.#isCongested = false;
  }

  #write(bytes: string): void {
    const transport = this.#transport as Duplex;
    if (!transport.writable) return;
    this.#settings.counters.bytesOut += bytes.length;
    try {
      if (transport.write(bytes, 'latin1') || this.#isCongested) return;
      this.#isCongested = true;
      this.#owner.fellBehind();
    } catch (error) {
      // A transport that throws must not stop the flush of the other clients of this turn.
      this.#owner.writeFailed(error as Error);
    }
  }
}

let gathered: Outbox[] = [];
/** The list of the turn before, empty: two lists take turns, so that no turn allocates one. */
let spare: Outbox[] = [];

/** Has an outbox flushed at the end of this turn. */
function flushThisTurn(outbox: Outbox): void {
  if (gathered.push(outbox) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const batch = gathered;
  gathered = spare;
  // A flush does not throw for anything that a transport or a program does. If it does throw, by a mistake in this library, the
  // other clients of the turn are flushed in the next one.
  let next = 0;
  try {
    while (next < batch.length) (batch[next++] as Outbox).flush();
  } finally {
    if (next < batch.length) {
      for (const outbox of batch.slice(next)) flushThisTurn(outbox);
    }
    batch.length = 0;
    spare = batch;
  }
}

/** What {@link joinShared} joined last. It keeps 64 KiB alive at the most. */
const joined = { left: '', right: '', both: '' };

/**
 * Returns `left + right`, the same string for all members of a channel who get the same lines in a turn: V8 joins lazily, and
 * would copy the lines together once for each of them (benchmark `fan-out`, ten lines a turn: 0.19 of plain TCP became 0.14).
 */
function joinShared(left: string, right: string): string {
  if (left === '') return right;
  if (right !== joined.right || left !== joined.left) {
    joined.left = left;
    joined.right = right;
    joined.both = left + right;
  }
  return joined.both;
}
