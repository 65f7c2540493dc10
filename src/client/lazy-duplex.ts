/**
 * A `Duplex` that costs nothing before somebody needs a stream.
 *
 * In: a subclass with `_read`, `_write` and so on, and the options of its stream. Out: a base that is a `Duplex` to whoever looks (`instanceof`, methods,
 * properties, events), whose constructor makes no stream; it is made by the first call that needs one. It does not know what flows through it.
 *
 * A client that is given its lines, or the `'data'` of them, as they come needs no stream before it leaves: 460 bytes and nine objects for each.
 *
 * Laws of this file:
 * 1. What a subclass inherits makes the stream by itself. A stream's functions, Node's and others', find its state by two names, `_readableState` and
 *    `_writableState`; here these are accessors that make it, until properties of the stream's own take their place. Nothing of ours reads what they hold.
 * 2. What servers ask of each socket, again and again, is answered without a stream: as one that was just made would answer.
 * 3. Listeners need no stream, but for what a stream alone says (`'readable'`, `'resume'`). The one listener for `'data'`, `'error'` or `'close'` that each server
 *    has needs no `EventEmitter` either (210 bytes): it is held here, and becomes the emitter's when there is a second one, or a stream.
 * 4. As in any stream a listener for `'data'` resumes. A subclass may `emit('data')` itself, as long as there is no stream; then `resume` is its own as well.
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

/** What there is of it. */
const Form = {
  /** Neither a stream nor an emitter: at most one listener for each of three events. */
  BARE: 0,
  EMITTER: 1,
  STREAM: 2,
} as const;
type Form = (typeof Form)[keyof typeof Form];

/** Is whatever it is given. */
class Itself {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: fields of a class behind this one become the object's.
    return object;
  }
}

/**
 * What Duplex's constructor gives its stream, as an object's own properties: its prototype has accessors of these names. `Object.defineProperty` does it as well, in
 * 1.1 µs a stream.
 */
class StreamFields extends Itself {
  _readableState = undefined;
  _writableState = undefined;
  allowHalfOpen = undefined;
}

/** What is declared here, where the rest is a Duplex's. */
class UnmadeDuplex {
  #form: Form = Form.BARE;
  /** The only listeners that there are, while it is bare. */
  #dataListener: Listener | null = null;
  #closeListener: Listener | null = null;
  #errorListener: Listener | null = null;

  /** Whether the stream was made. */
  get hasStream(): boolean {
    return this.#form === Form.STREAM;
  }

  get destroyed(): boolean {
    return this.hasStream && (destroyed.get.call(this) as boolean);
  }

  set destroyed(value: boolean) {
    destroyed.set.call(this, value);
  }

  get readable(): boolean {
    return !this.hasStream || (readable.get.call(this) as boolean);
  }

  set readable(value: boolean) {
    readable.set.call(this, value);
  }

  get writable(): boolean {
    return !this.hasStream || (writable.get.call(this) as boolean);
  }

  set writable(value: boolean) {
    writable.set.call(this, value);
  }

  get writableEnded(): boolean {
    return this.hasStream && (writableEnded.get.call(this) as boolean);
  }

  get writableLength(): number {
    return this.hasStream ? (writableLength.get.call(this) as number) : 0;
  }

  get writableNeedDrain(): boolean {
    return this.hasStream && (writableNeedDrain.get.call(this) as boolean);
  }

  get writableCorked(): number {
    return this.hasStream ? (writableCorked.get.call(this) as number) : 0;
  }

  on(event: string | symbol, listener: Listener): this {
    if (event === 'readable' || event === 'resume') this.makeStream();
    if (this.hasStream) {
      Duplex.prototype.on.call(this as unknown as Duplex, event, listener);
      return this;
    }
    if (!this.#hold(event, listener)) {
      this.#release();
      EventEmitter.prototype.on.call(this as unknown as EventEmitter, event, listener);
    }
    if (event === 'data') (this as unknown as Duplex).resume();
    return this;
  }

  addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  removeListener(event: string | symbol, listener: Listener): this {
    if (this.#form === Form.BARE) {
      const held = this.#held(event) as (Listener & { listener?: Listener }) | null;
      // `once` wraps what it is given.
      if (held !== null && (held === listener || held.listener === listener)) this.#setHeld(event, null);
    } else {
      (this.hasStream ? Duplex : EventEmitter).prototype.removeListener.call(this as unknown as Duplex, event, listener);
    }
    return this;
  }

  off(event: string | symbol, listener: Listener): this {
    return this.removeListener(event, listener);
  }

  removeAllListeners(...events: (string | symbol)[]): this {
    // Removing those for 'readable' changes how a stream flows.
    this.makeStream();
    (Duplex.prototype.removeAllListeners as (...events: (string | symbol)[]) => unknown).apply(this, events);
    return this;
  }

  emit(event: string | symbol, ...args: unknown[]): boolean {
    if (this.#form === Form.BARE) {
      const listener = this.#held(event);
      listener?.apply(this, args);
      if (listener !== null || event !== 'error') return listener !== null;
    }
    return EventEmitter.prototype.emit.call(this as unknown as EventEmitter, event, ...args);
  }

  /** Makes the stream, where there is none yet. */
  makeStream(): void {
    if (this.hasStream) return;
    const wasBare = this.#form === Form.BARE;
    this.#form = Form.STREAM;
    new StreamFields(this);
    // Node's documentation, "Implementing a Duplex stream": what pre-ES6 classes do in their constructors.
    (Duplex as unknown as (this: object, options: DuplexOptions) => void).call(
      this,
      (this as unknown as StreamOwner).streamOptions(),
    );
    (this as unknown as StreamOwner).streamMade();
    if (wasBare) this.#handOver();
  }

  static {
    // A class that extends Duplex would have to call its constructor.
    Object.setPrototypeOf(UnmadeDuplex.prototype, Duplex.prototype);
    for (const name of ['prependListener', 'prependOnceListener', 'listeners', 'rawListeners', 'listenerCount', 'eventNames']) {
      const method = (EventEmitter.prototype as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
      Object.defineProperty(UnmadeDuplex.prototype, name, {
        value(this: UnmadeDuplex, ...args: unknown[]) {
          this.#release();
          return method?.apply(this, args);
        },
        writable: true,
        configurable: true,
      });
    }
    for (const name of Object.keys(new StreamFields({}))) {
      Object.defineProperty(UnmadeDuplex.prototype, name, {
        get(this: UnmadeDuplex) {
          this.makeStream();
          return (this as unknown as Record<string, unknown>)[name];
        },
        set(this: UnmadeDuplex, value) {
          this.makeStream();
          (this as unknown as Record<string, unknown>)[name] = value;
        },
      });
    }
  }

  /** Holds a listener, where it is the first one of its event. */
  #hold(event: string | symbol, listener: Listener): boolean {
    if (this.#form !== Form.BARE || !isHeld(event) || this.#held(event) !== null || typeof listener !== 'function') return false;
    this.#setHeld(event, listener);
    return true;
  }

  #held(event: string | symbol): Listener | null {
    if (event === 'data') return this.#dataListener;
    if (event === 'close') return this.#closeListener;
    return event === 'error' ? this.#errorListener : null;
  }

  #setHeld(event: string | symbol, listener: Listener | null): void {
    if (event === 'data') this.#dataListener = listener;
    else if (event === 'close') this.#closeListener = listener;
    else this.#errorListener = listener;
  }

  /** Becomes an emitter, where it is not yet. */
  #release(): void {
    if (this.#form !== Form.BARE) return;
    this.#form = Form.EMITTER;
    this.#handOver();
  }

  /** Makes the held listeners the emitter's, or the stream's. */
  #handOver(): void {
    for (const event of HELD) {
      const listener = this.#held(event);
      if (listener === null) continue;
      this.#setHeld(event, null);
      (this.hasStream ? Duplex : EventEmitter).prototype.on.call(this as unknown as Duplex, event, listener);
    }
  }
}

/** The events whose first listener is held. */
const HELD = ['data', 'close', 'error'] as const;

function isHeld(event: string | symbol): boolean {
  return event === 'data' || event === 'close' || event === 'error';
}

/** Is a Duplex whose stream is made when it is first needed. */
export const LazyDuplex: abstract new () => Duplex & { readonly hasStream: boolean; makeStream(): void } = UnmadeDuplex as never;

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
