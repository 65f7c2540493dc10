/**
 * A connection in memory: two ends, what is written to one is read from the other.
 *
 * In: who is on the other end. Out: two streams with what the hook reads of a `net.Socket`. It does not know HTTP or frames.
 *
 * Laws of this file:
 * 1. Nothing arrives in the turn of the call that wrote it, as on a real socket; and no timer is used, so that faked ones do not
 *    stop it.
 * 2. A reader that does not read stops the writer: `write` returns `false`, `'drain'` follows.
 */
import { Duplex } from 'node:stream';

/** What one end says of itself and of its peer. */
export interface MemoryEndpoint {
  /** `unix` for a Unix domain socket. */
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly encrypted: boolean;
}

/** One end. */
export class MemorySocket extends Duplex implements MemoryEndpoint {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly encrypted: boolean;
  bytesRead = 0;
  bytesWritten = 0;
  #peer: MemorySocket | null = null;
  /** The callback of the peer's write that this end has no room for. */
  #held: (() => void) | null = null;
  #hasEnd = false;

  private constructor(endpoint: MemoryEndpoint) {
    super();
    this.encrypted = endpoint.encrypted;
    if (endpoint.remoteAddress !== undefined) this.remoteAddress = endpoint.remoteAddress;
    if (endpoint.remotePort !== undefined) this.remotePort = endpoint.remotePort;
    if (endpoint.localAddress !== undefined) this.localAddress = endpoint.localAddress;
    if (endpoint.localPort !== undefined) this.localPort = endpoint.localPort;
  }

  /** Makes both ends. */
  static pair(one: MemoryEndpoint, other: MemoryEndpoint): [MemorySocket, MemorySocket] {
    const [first, second] = [new MemorySocket(one), new MemorySocket(other)];
    first.#peer = second;
    second.#peer = first;
    return [first, second];
  }

  get remoteFamily(): string | undefined {
    return familyOf(this.remoteAddress);
  }

  get localFamily(): string | undefined {
    return familyOf(this.localAddress);
  }

  address(): { address: string; port: number; family: string } | Record<string, never> {
    const { localAddress, localPort, localFamily } = this;
    if (localAddress === undefined || localPort === undefined || localFamily === undefined) return {};
    return { address: localAddress, port: localPort, family: localFamily };
  }

  // What only a kernel's socket has, and does nothing here.

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  override _read(): void {
    const held = this.#held;
    this.#held = null;
    held?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    // A copy, as the kernel makes one: the reader unmasks in place.
    const bytes = Buffer.from(chunk);
    this.bytesWritten += bytes.length;
    process.nextTick(() => (this.#peer as MemorySocket).#take(bytes, callback));
  }

  override _final(callback: () => void): void {
    process.nextTick(() => (this.#peer as MemorySocket).#end());
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this._read();
    process.nextTick(() => (this.#peer as MemorySocket).#end());
    callback(error);
  }

  #take(bytes: Buffer, callback: () => void): void {
    // Nobody is there: it is lost, as what TCP had in flight.
    if (this.destroyed || this.#hasEnd) {
      callback();
      return;
    }
    this.bytesRead += bytes.length;
    if (this.push(bytes)) callback();
    else this.#held = callback;
  }

  #end(): void {
    if (this.#hasEnd || this.destroyed) return;
    this.#hasEnd = true;
    this.push(null);
  }
}

function familyOf(address: string | undefined): string | undefined {
  if (address === undefined || address === 'unix') return undefined;
  return address.includes(':') ? 'IPv6' : 'IPv4';
}
