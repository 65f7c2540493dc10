/**
 * A network in memory for the page's half: a native `WebSocket` class, and what a server sees of each connection.
 *
 * In: a server's handler; what happens to each connection. Out: the class. Time is `setTimeout`, which tests fake. It knows
 * messages and their length in bytes, not frames.
 *
 * Laws of this file:
 * 1. Each direction is a pipe: first in, first out. A cut after any byte drops the messages that are not whole before it, and all
 *    that follow.
 * 2. An end learns of a loss only when it is told (`lose`), or by a message of the other one.
 */

/** What a browser says when it connects. */
export interface OpeningRequest {
  readonly url: string;
  readonly protocols: readonly string[];
}

/** What becomes of the next connection. */
export interface Fate {
  /** From one end to the other, in milliseconds. */
  readonly latency: number;
  /** How long the request takes besides: with it an older attempt arrives behind a newer one. */
  readonly detour: number;
  /** `unreachable`: the request is lost. `unanswered`: the answer and all that follows it. `refused`: no connection, at once. */
  readonly outcome: 'through' | 'unreachable' | 'unanswered' | 'refused';
}

export const THROUGH: Fate = { latency: 20, detour: 0, outcome: 'through' };

type Payload = string | Uint8Array;
type Item =
  | { readonly kind: 'message'; readonly data: Payload }
  | { readonly kind: 'close'; readonly code: number }
  | { readonly kind: 'end' };

/** One direction. */
class Pipe {
  readonly #latency: number;
  readonly #deliver: (item: Item) => void;
  #written = 0;
  #delivered = 0;
  #limit = Number.POSITIVE_INFINITY;

  constructor(latency: number, deliver: (item: Item) => void) {
    this.#latency = latency;
    this.#deliver = deliver;
  }

  write(item: Item): void {
    this.#written += item.kind === 'message' ? 2 + Buffer.byteLength(item.data) : item.kind === 'close' ? 4 : 1;
    const end = this.#written;
    setTimeout(() => {
      if (end > this.#limit) return;
      this.#delivered = end;
      this.#deliver(item);
    }, this.#latency);
  }

  /** Nothing passes after this many bytes of what is on its way. */
  cut(bytes: number): void {
    this.#limit = Math.min(this.#limit, this.#delivered + bytes);
  }
}

/** One connection, as the server has it. */
export class FakeTransport {
  readonly request: OpeningRequest;
  onmessage: (data: Payload) => void = () => {};
  /** The close code; 1006 without Close. Called once. */
  onclose: (code: number) => void = () => {};
  readonly toPage: Pipe;
  readonly toServer: Pipe;
  readonly #native: FakeNative;
  #isClosed = false;

  constructor(request: OpeningRequest, native: FakeNative, latency: number) {
    this.request = request;
    this.#native = native;
    this.toPage = new Pipe(latency, (item) => native.take(item));
    this.toServer = new Pipe(latency, (item) => this.#take(item));
  }

  /** Whether nothing passes any more, as far as the server knows. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  accept(protocol: string): void {
    this.toPage.write({ kind: 'message', data: `101 ${protocol}` });
  }

  send(data: Payload): void {
    if (!this.#isClosed) this.toPage.write({ kind: 'message', data });
  }

  /** Sends Close, and is done. */
  close(code: number): void {
    if (this.#isClosed) return;
    this.toPage.write({ kind: 'close', code });
    this.#isClosed = true;
  }

  /** The server learns that this connection is lost. */
  lose(): void {
    this.#end(1006);
  }

  /** The page learns it: with 1006, or with the Close of a proxy. */
  losePage(code = 1006): void {
    this.#native.take({ kind: 'close', code });
  }

  #take(item: Item): void {
    if (this.#isClosed) return;
    if (item.kind === 'message') this.onmessage(item.data);
    else if (item.kind === 'close') {
      this.toPage.write(item);
      this.#end(item.code);
    } else this.#end(1006);
  }

  #end(code: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onclose(code);
  }
}

/** How long a native WebSocket waits for the answer to its Close. */
const CLOSE_TIMEOUT = 10_000;

class CloseEventLike extends Event {
  readonly code: number;
  readonly reason = '';
  readonly wasClean: boolean;
  constructor(code: number) {
    super('close');
    this.code = code;
    this.wasClean = code !== 1006;
  }
}

/** The native class, for one network. */
abstract class FakeNative extends EventTarget {
  readonly url: string;
  protocol = '';
  readonly extensions = '';
  readyState = 0;
  binaryType = 'blob';
  readonly bufferedAmount = 0;
  protected transport: FakeTransport | null = null;

  constructor(url: string) {
    super();
    this.url = url;
  }

  send(data: Payload): void {
    if (this.readyState === 0) throw new DOMException('connecting', 'InvalidStateError');
    if (this.readyState === 1) this.transport?.toServer.write({ kind: 'message', data });
  }

  close(code = 1005): void {
    if (this.readyState > 1) return;
    const wasOpen = this.readyState === 1;
    this.readyState = 2;
    this.transport?.toServer.write(wasOpen ? { kind: 'close', code } : { kind: 'end' });
    setTimeout(() => this.finish(1006), wasOpen ? CLOSE_TIMEOUT : 0);
  }

  take(item: Item): void {
    if (this.readyState === 3) return;
    if (item.kind !== 'message') {
      // It answers the server's Close, and lets go of the connection.
      if (this.readyState === 1) this.transport?.toServer.write({ kind: 'end' });
      this.finish(item.kind === 'close' ? item.code : 1006);
    } else if (this.readyState === 0) {
      this.readyState = 1;
      this.protocol = String(item.data).slice('101 '.length);
      this.dispatchEvent(new Event('open'));
    } else if (this.readyState === 1) {
      const data = typeof item.data === 'string' ? item.data : new Uint8Array(item.data).buffer;
      this.dispatchEvent(new MessageEvent('message', { data, origin: 'ws://irc.example.com' }));
    }
  }

  protected finish(code: number): void {
    if (this.readyState === 3) return;
    const failed = this.protocol === '' && this.transport?.request.protocols.length !== 0;
    this.readyState = 3;
    if (failed) this.dispatchEvent(new Event('error'));
    this.dispatchEvent(new CloseEventLike(code));
  }
}

/** A network with one server. */
export class FakeNetwork {
  /** What `globalThis.WebSocket` is to be. */
  readonly WebSocket: typeof WebSocket;
  /** Asked for each connection. */
  fate: (request: OpeningRequest) => Fate = () => THROUGH;
  /** The server. */
  onconnection: (transport: FakeTransport) => void = () => {};
  /** Every connection, in the order in which the page made them; `null` where the server never hears of it. */
  readonly transports: (FakeTransport | null)[] = [];
  readonly requests: OpeningRequest[] = [];

  constructor() {
    const network = this;
    this.WebSocket = class extends FakeNative {
      constructor(url: string, protocols: string | string[] = []) {
        super(url);
        const request = { url, protocols: [protocols].flat() };
        network.requests.push(request);
        const { latency, detour, outcome } = network.fate(request);
        if (outcome === 'refused') setTimeout(() => this.finish(1006));
        if (outcome === 'refused' || outcome === 'unreachable') {
          network.transports.push(null);
          return;
        }
        const transport = new FakeTransport(request, this, latency);
        this.transport = transport;
        network.transports.push(transport);
        if (outcome === 'unanswered') transport.toPage.cut(0);
        setTimeout(() => network.onconnection(transport), latency + detour);
      }
    } as unknown as typeof WebSocket;
  }
}
