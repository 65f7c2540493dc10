/**
 * A `Duplex` that costs nothing before somebody needs a stream.
 *
 * In: a subclass with `_read`, `_write` and so on, and the options of its stream. Out: a base that is a `Duplex` to whoever looks (`instanceof`, methods,
 * properties, events), whose constructor makes no stream; it is made by the first call that needs one. It does not know what flows through it.
 *
 * A server that takes lines by `onLine` and sends by `writeLine` needs no stream before its client leaves: 460 bytes and nine objects for each client.
 *
 * Laws of this file:
 * 1. What a subclass inherits makes the stream by itself. A stream's functions, Node's and others', find its state by two names, `_readableState` and
 *    `_writableState`; here these are accessors that make it, until properties of the stream's own take their place. Nothing of ours reads what they hold.
 * 2. What servers ask of each socket, again and again, is answered without a stream: as one that was just made would answer.
 * 3. Listeners need no stream, but for `'data'` and `'readable'`, which set it flowing.
 */
import { EventEmitter } from 'node:events';
import { Duplex, type DuplexOptions } from 'node:stream';

type Listener = (...args: unknown[]) => void;

/** What the subclass says of its stream. */
export interface StreamOwner {
  /** Gives the options of the stream, when it is made. */
  streamOptions(): DuplexOptions;
  /** Brings the stream, which was just made, into the state that it would be in by now. */
  streamMade(): void;
}

/** What is declared here, where the rest is a Duplex's. */
class UnmadeDuplex {
  #isMade = false;

  /** Whether the stream was made. */
  get hasStream(): boolean {
    return this.#isMade;
  }

  get destroyed(): boolean {
    return this.#isMade && (destroyed.get.call(this) as boolean);
  }

  set destroyed(value: boolean) {
    destroyed.set.call(this, value);
  }

  get readable(): boolean {
    return !this.#isMade || (readable.get.call(this) as boolean);
  }

  set readable(value: boolean) {
    readable.set.call(this, value);
  }

  get writable(): boolean {
    return !this.#isMade || (writable.get.call(this) as boolean);
  }

  set writable(value: boolean) {
    writable.set.call(this, value);
  }

  get writableEnded(): boolean {
    return this.#isMade && (writableEnded.get.call(this) as boolean);
  }

  get writableLength(): number {
    return this.#isMade ? (writableLength.get.call(this) as number) : 0;
  }

  get writableNeedDrain(): boolean {
    return this.#isMade && (writableNeedDrain.get.call(this) as boolean);
  }

  get writableCorked(): number {
    return this.#isMade ? (writableCorked.get.call(this) as number) : 0;
  }

  on(event: string | symbol, listener: Listener): this {
    if (event === 'data' || event === 'readable') this.#make();
    (this.#isMade ? Duplex : EventEmitter).prototype.on.call(this as unknown as Duplex, event, listener);
    return this;
  }

  addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  removeListener(event: string | symbol, listener: Listener): this {
    (this.#isMade ? Duplex : EventEmitter).prototype.removeListener.call(this as unknown as Duplex, event, listener);
    return this;
  }

  off(event: string | symbol, listener: Listener): this {
    return this.removeListener(event, listener);
  }

  static {
    // A class that extends Duplex would have to call its constructor.
    Object.setPrototypeOf(UnmadeDuplex.prototype, Duplex.prototype);
    // What Duplex's constructor gives its stream.
    for (const name of ['_readableState', '_writableState', 'allowHalfOpen']) {
      Object.defineProperty(UnmadeDuplex.prototype, name, {
        get(this: UnmadeDuplex) {
          this.#make();
          return Object.getOwnPropertyDescriptor(this, name)?.value;
        },
        set(value) {
          Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
        },
      });
    }
  }

  #make(): void {
    if (this.#isMade) return;
    this.#isMade = true;
    // Node's documentation, "Implementing a Duplex stream": what pre-ES6 classes do in their constructors.
    (Duplex as unknown as (this: object, options: DuplexOptions) => void).call(
      this,
      (this as unknown as StreamOwner).streamOptions(),
    );
    (this as unknown as StreamOwner).streamMade();
  }
}

/** Is a Duplex whose stream is made when it is first needed. */
export const LazyDuplex: abstract new () => Duplex & { readonly hasStream: boolean } = UnmadeDuplex as never;

const destroyed = accessor('destroyed');
const readable = accessor('readable');
const writable = accessor('writable');
const writableEnded = accessor('writableEnded');
const writableLength = accessor('writableLength');
const writableNeedDrain = accessor('writableNeedDrain');
const writableCorked = accessor('writableCorked');

/** A Duplex's own accessor; some are its prototype's, some of a prototype behind that. */
function accessor(name: keyof Duplex): Required<PropertyDescriptor> {
  let owner: object = Duplex.prototype;
  while (!Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object;
  return Object.getOwnPropertyDescriptor(owner, name) as Required<PropertyDescriptor>;
}
