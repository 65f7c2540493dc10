/**
 * The class behind `ResumableWebSocket`: one session for the page, over one native `WebSocket` after another.
 *
 * In: what a page asks of a `WebSocket`; the events of native ones; the page's own `online`, `visibilitychange`, `pageshow` and
 * `pagehide`. Out: the events of one connection. It does not know IRC. `docs/resume.md` specifies the protocol; "6455" is the
 * RFC.
 *
 * A *transport* is one native `WebSocket`. Only the events of the present transport count (`#current`). A transport that is
 * given up is no longer present.
 *
 * | state | `readyState` | transport | what happens → state |
 * | --- | --- | --- | --- |
 * | connecting | CONNECTING | one, no `session` yet | `session` → open ; another subprotocol → plain ; failure → closed (1) |
 * | plain | the native one's | one | its events are ours → closed |
 * | open | OPEN | one, attached | loss, given up → suspended ; other close, protocol error → closed (2) |
 * | suspended | OPEN | none | back-off over, `online`, visible → resuming ; window over → closed (2) |
 * | resuming | OPEN | an attempt | `resumed` → open ; loss, failure, 8 s → suspended ; refusal, protocol error → closed (2, 3) |
 * | closing | CLOSING | one, or none | its close, or the next turn → closed |
 * | closed | CLOSED | none | nothing |
 *
 * 1. Where the page asked for no subprotocol, it first tries once more without any.
 * 2. `close()` → closing.
 * 3. The window over → closed.
 *
 * Lost answers. The server resumed and its `resumed` was lost: the page tries again with the token that it has, and a higher
 * attempt. It has counted nothing of that transport. `resumed` came and our `ack` was lost: the next attempt presents the new
 * token, which acknowledges it.
 *
 * One file, although long: it is one state machine, every event reads and writes the same private fields, and the bundle has a
 * limit of bytes.
 */
import { Journal } from './journal.ts';
import {
  ABNORMAL,
  formatControl,
  GIVEN_UP,
  isLoss,
  isText,
  PROTOCOL_ERROR,
  parseControl,
  RESUME,
  SESSION,
  TEXT,
} from './wire.ts';

/**
 * The page sends, and hears nothing at all: after this long it asks. With {@link ANSWER_TIMEOUT} that is less than the 30 s in
 * which a loss is to be noticed.
 */
const SILENCE_TIMEOUT = 20_000;
/**
 * The longest wait for the answer to `ping`, and for an attempt to resume: several round trips of a slow mobile network, less
 * than the 10 s after `online`.
 */
const ANSWER_TIMEOUT = 8_000;
/** Lines are acknowledged after this long: rarely enough for a phone's radio, often enough for the server's memory. */
const ACK_DELAY = 4_000;
/** Or after this many characters, as a fast server's journal is bounded. */
const ACK_SIZE = 32_768;
/** The first attempt: at once, but spread, as all pages lose a restarting proxy together. */
const FIRST_DELAY = 300;
/** The second attempt waits this long, each further one twice as long, at most {@link MAX_DELAY}; each is spread by a half. */
const BASE_DELAY = 500;
const MAX_DELAY = 5_000;
/** A transport that lived this long was a good one: the back-off begins anew. */
const STEADY_TIME = 5_000;

const CONNECTING: number = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** Pages for whose URL the offer of a subprotocol failed, and none at all did not. For the life of the page. */
const plainUrls = new Set<string>();

/** What this file reads of the global object; none of it need be there but `WebSocket`, and that at construction. */
interface Globals {
  readonly WebSocket?: typeof WebSocket;
  /** Node has it from version 23. */
  readonly CloseEvent?: EventClass;
  readonly document?: { readonly hidden: boolean };
  readonly addEventListener?: (
    type: string,
    /** `persisted`: the page may come back as it is. */
    listener: (event: { readonly persisted?: boolean }) => void,
    options: { signal: AbortSignal },
  ) => void;
}

export const globals = globalThis as unknown as Globals;

/** The native class; kept from before a page replaced `globalThis.WebSocket` with the one below. */
let Native = globals.WebSocket;

interface CloseStatus {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** What is read of native events. */
interface NativeEvent extends CloseStatus {
  readonly data: unknown;
  readonly origin: string;
}

/** How a connection ends that is lost, refused, or never was. */
const LOST: CloseStatus = { code: ABNORMAL, reason: '', wasClean: false };

type BinaryType = WebSocket['binaryType'];
type EventClass = new (type: string, init: object) => Event;
type Timer = ReturnType<typeof setTimeout> | undefined;

export class ResumableSocket extends EventTarget {
  /** `readyState`, but for a plain `WebSocket`: that never comes to OPEN here. */
  #state = CONNECTING;
  /** The newest transport. */
  #socket!: WebSocket;
  /** The transport whose events count: the newest, until it is lost or given up. */
  #current: WebSocket | undefined;
  /** Whether this is a plain `WebSocket`. */
  #isPlain = false;
  /** Whether the transport belongs to a session: `session` or `resumed` came on it, and it is not lost. */
  #isAttached = false;

  readonly #url: string;
  /** The subprotocols of each transport, but for the one that names the session. */
  #protocols: string | string[];
  /** The ones that the page asked for. */
  readonly #asked: readonly string[];
  /** Whether {@link RESUME} is offered. */
  #isOffered: boolean;
  /** Whether a failure to connect is answered by one try without subprotocols. */
  #mayFallBack: boolean;
  #binaryType: BinaryType = 'blob';

  readonly #journal = new Journal();
  #token = '';
  #window = 0;
  #received = 0;
  /** Characters received since the last `ack`. */
  #unacknowledged = 0;
  #attempt = 0;
  /** Attempts since the last transport that lived long enough. */
  #tries = 0;
  #attachedAt = 0;
  #isPinging = false;

  /** One at a time: the silence, the answer to `ping`, the back-off, the attempt. */
  #watchTimer: Timer;
  /** While attached, the next `ack`; while suspended, the window. */
  #spanTimer: Timer;
  readonly #ended = new AbortController();

  /** What `onopen` and the others are set to, by the event's type. */
  readonly #handlers: Record<string, { call?(self: unknown, event: Event): void } | null> = {};
  readonly #handle = (event: Event): void => this.#handlers[event.type]?.call?.(this, event);

  static {
    const { prototype } = ResumableSocket;
    const define = (owner: object, name: string, descriptor: PropertyDescriptor): void =>
      void Object.defineProperty(owner, name, { enumerable: true, ...descriptor });
    // WebIDL: attributes and operations are enumerable; members of a class are not.
    for (const name of Object.getOwnPropertyNames(prototype).slice(1)) define(prototype, name, {});
    Object.defineProperty(prototype, Symbol.toStringTag, { value: 'WebSocket', configurable: true });
    // WebIDL: a constant stands on the class and on its prototype.
    for (const [value, name] of ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].entries()) {
      define(ResumableSocket, name, { value });
      define(prototype, name, { value });
    }
    for (const type of ['open', 'message', 'error', 'close', 'suspend', 'resume']) {
      define(prototype, `on${type}`, {
        configurable: true,
        get(this: ResumableSocket) {
          return this.#handlers[type] ?? null;
        },
        // HTML 8.1.8.1: a handler that takes another's place keeps its place among the listeners. What is no object is `null`.
        set(this: ResumableSocket, handler: object | null) {
          const isHandler = Object(handler) === handler;
          this.#handlers[type] = isHandler ? handler : null;
          if (isHandler) this.addEventListener(type, this.#handle);
          else this.removeEventListener(type, this.#handle);
        },
      });
    }
  }

  // The default is WebIDL's; with it `length` is 1, as the native one's.
  constructor(url: string | URL, protocols: string | string[] = []) {
    super();
    // biome-ignore lint/complexity/noArguments: `undefined` is a URL, and no argument is an error.
    if (!arguments.length) new (Native as unknown as new () => WebSocket)();
    const found = globals.WebSocket;
    if (found !== (ResumableSocket as unknown) && !(found?.prototype instanceof ResumableSocket)) Native = found;
    // WebIDL: "(DOMString or sequence<DOMString>)". Copied, as some iterables give what they have only once.
    const list = typeof protocols === 'object' && protocols?.[Symbol.iterator] ? [...protocols] : protocols;
    // A string, as a `URL` may change.
    this.#url = `${url}`;
    this.#asked = ([] as string[]).concat(list);
    this.#mayFallBack = !this.#asked.length && !plainUrls.has(this.#url);
    // A page that offers the subprotocol itself speaks it itself.
    this.#isOffered = this.#mayFallBack || (this.#asked.some(isText) && !this.#asked.includes(RESUME));
    // A server built on `ws` chooses the first one on offer, and a browser fails where it offered some and none is chosen: ours
    // stands behind all others.
    this.#protocols = this.#isOffered ? [...(this.#mayFallBack ? [TEXT] : this.#asked), RESUME] : list;
    this.#connect(this.#protocols);
  }

  get url(): string {
    return this.#socket.url;
  }

  /** One that the page asked for, or `''`. */
  get protocol(): string {
    if (!this.#asked.length) return '';
    return this.#token ? (this.#asked.find(isText) as string) : this.#isPlain ? this.#socket.protocol : '';
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  get readyState(): number {
    return this.#isPlain ? this.#socket.readyState : this.#state;
  }

  /** The bytes that the transport has not sent, and those that wait for one. */
  get bufferedAmount(): number {
    return (this.#isSuspended ? 0 : this.#socket.bufferedAmount) + this.#journal.waitingSize;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    // WebIDL: "if S is not one of E's enumeration values, then return": no error.
    if (type !== 'blob' && type !== 'arraybuffer') return;
    this.#binaryType = type;
    if (this.#isPlain) this.#socket.binaryType = type;
  }

  get isResumable(): boolean {
    return !!this.#token;
  }

  send(data: unknown): void {
    // The native error for a missing argument.
    // biome-ignore lint/complexity/noArguments: with a rest parameter `length` would not be the native one's.
    if (!arguments.length) (this.#socket as unknown as { send(): void }).send();
    if (this.#isPlain || this.#state > OPEN) this.#socket.send(data as string);
    else if (!this.#token) throw new DOMException(`Not open: ${data}`, 'InvalidStateError');
    else {
      // The server owes nothing before this line: its silence is counted from here.
      if (!this.#journal.size && this.#isAttached && !this.#isPinging) this.#watchSilence();
      this.#journal.add(data, () => this.#flush());
      this.#flush();
    }
  }

  close(...status: [code?: number, reason?: string]): void {
    // The native errors: a code that a page may not send, a reason that is too long.
    this.#socket.close(...status);
    if (this.#state > OPEN) return;
    const isSuspended = this.#isSuspended;
    this.#state = CLOSING;
    this.#stop();
    if (!isSuspended) return;
    // Nobody answers: what the attempt still says does not count, and `close` follows in a turn of its own, as a native one.
    this.#current = undefined;
    this.#watchTimer = setTimeout(() => this.#end());
  }

  /** Suspended or resuming. */
  get #isSuspended(): boolean {
    return !this.#isAttached && this.#state === OPEN;
  }

  #connect(protocols: string | string[]): void {
    const socket = new (Native as typeof WebSocket)(this.#url, protocols);
    const on = (type: string, listener: (event: NativeEvent) => void): void =>
      socket.addEventListener(type, (event) => {
        if (socket === this.#current) listener(event as unknown as NativeEvent);
      });
    this.#socket = this.#current = socket;
    on('open', () => this.#opened(socket));
    on('message', (event) => this.#take(event));
    on('error', () => this.#failed());
    on('close', (event) => this.#closed(event));
  }

  #opened(socket: WebSocket): void {
    const isKnown = this.#isOffered && socket.protocol === RESUME;
    // Control messages are read at once.
    socket.binaryType = isKnown ? 'arraybuffer' : this.#binaryType;
    // Whatever fails from here on is not the offer's fault.
    this.#mayFallBack = false;
    // `session` or `resumed` follows: the page waits for it.
    if (isKnown) return;
    // The server no longer resumes: this would be another client.
    if (this.#token) this.#end();
    else {
      if (!this.#isOffered && !this.#asked.length) plainUrls.add(this.#url);
      this.#isPlain = true;
      fire(this, 'open');
    }
  }

  #take({ data, origin }: NativeEvent): void {
    const isText = typeof data === 'string';
    if (!this.#isPlain) {
      if (this.#state > OPEN) return;
      if (this.#isAttached) this.#watchSilence();
      if (!isText || !this.#isAttached) {
        if (isText || !this.#obey(parseControl(data as ArrayBuffer))) this.#fail();
        return;
      }
      this.#received++;
      this.#unacknowledged += data.length;
      if (this.#unacknowledged < ACK_SIZE) this.#spanTimer ??= setTimeout(() => this.#acknowledge(), ACK_DELAY);
      else this.#acknowledge();
    }
    fire(this, 'message', MessageEvent, { data, origin });
  }

  /** Does what a control message says; `false` where it is malformed, or out of place. */
  #obey([, ack, received, window, token]: readonly (string | undefined)[]): boolean {
    if (ack) return this.#isAttached && this.#journal.acknowledge(+ack);
    if (!token || this.#isAttached || !received !== !this.#token || (received && !this.#journal.acknowledge(+received)))
      return false;
    this.#token = token;
    this.#window = +(window as string);
    this.#isAttached = true;
    this.#attachedAt = Date.now();
    this.#acknowledge();
    this.#watchSilence();
    if (received) {
      this.#journal.rewind();
      this.#flush();
      fire(this, 'resume');
    } else {
      this.#state = OPEN;
      this.#watchPage();
      fire(this, 'open');
    }
    return true;
  }

  /** A native `error`; on Node 20 no `close` follows where the handshake failed. */
  #failed(): void {
    if (this.#isPlain || (this.#token && this.#state === CLOSING)) fire(this, 'error');
    else if (this.#isSuspended) this.#lose();
    else if (!this.#token) this.#closed();
  }

  #closed(event: CloseStatus = LOST): void {
    if (this.#state === CONNECTING && this.#mayFallBack) {
      // "The client MUST _Fail the WebSocket Connection_" (6455 4.1) and browsers do so where a server chooses none of the
      // subprotocols on offer.
      this.#mayFallBack = this.#isOffered = false;
      this.#connect([]);
    } else if (this.#state === OPEN && isLoss(event.code)) this.#lose();
    // A refused resumption is an ordinary loss for the page.
    else if (this.#isSuspended) this.#end();
    else this.#end(event);
  }

  /** The transport is lost, or the attempt to get one. */
  #lose(): void {
    const wasAttached = this.#isAttached;
    this.#current = undefined;
    this.#isAttached = false;
    if (wasAttached) {
      clearTimeout(this.#spanTimer);
      this.#spanTimer = setTimeout(() => this.#end(), this.#window);
      if (Date.now() - this.#attachedAt >= STEADY_TIME) this.#tries = 0;
    }
    const delay = this.#tries
      ? Math.min(MAX_DELAY, (BASE_DELAY / 2) * 2 ** this.#tries) * (0.5 + Math.random())
      : FIRST_DELAY * Math.random();
    this.#tries++;
    this.#watch(() => this.#resume(), delay);
    if (wasAttached) fire(this, 'suspend');
  }

  #resume(): void {
    this.#connect([...this.#protocols, `${SESSION}${this.#token}.${this.#received}.${++this.#attempt}`]);
    this.#watch(() => this.#giveUp(), ANSWER_TIMEOUT);
  }

  #giveUp(): void {
    const socket = this.#socket;
    // First, as Node 20 fires an `error` within `close`.
    this.#lose();
    socket.close(GIVEN_UP);
  }

  #fail(): void {
    this.#socket.close(PROTOCOL_ERROR);
    this.#end();
  }

  #end({ code, reason, wasClean }: CloseStatus = LOST): void {
    this.#stop();
    this.#current = undefined;
    this.#isAttached = false;
    this.#state = CLOSED;
    // An attempt that came too late; a connection that does not resume. It is closed already in all other cases.
    this.#socket.close(1000);
    if (!this.#isPlain && !this.#token) fire(this, 'error');
    fire(this, 'close', globals.CloseEvent, { code, reason, wasClean });
  }

  #flush(): void {
    if (this.#isAttached) this.#journal.flush((line) => this.#socket.send(line));
  }

  #acknowledge(): void {
    clearTimeout(this.#spanTimer);
    this.#spanTimer = undefined;
    this.#unacknowledged = 0;
    this.#socket.send(formatControl(`ack ${this.#received}`));
  }

  #ping(): void {
    if (this.#isPinging) return;
    this.#isPinging = true;
    this.#socket.send(formatControl('ping'));
    this.#watch(() => this.#giveUp(), ANSWER_TIMEOUT);
  }

  /** Begins to wait for anything from the server; called when something has come, too. */
  #watchSilence(): void {
    this.#isPinging = false;
    this.#watch(() => {
      if (this.#journal.size) this.#ping();
    }, SILENCE_TIMEOUT);
  }

  #watch(callback: () => void, delay?: number): void {
    clearTimeout(this.#watchTimer);
    this.#watchTimer = setTimeout(callback, delay);
  }

  /** What the page knows of its network, and of its own end. `visibilitychange` bubbles to the window. */
  #watchPage(): void {
    for (const type of ['online', 'pageshow', 'visibilitychange', 'pagehide']) {
      globals.addEventListener?.(
        type,
        ({ persisted }) => {
          if (type === 'pagehide') {
            // Over HTTP/2, which needs TLS, Chromium resets the stream of a page that is left: that would be a loss. Over
            // HTTP/1.1 it sends Close 1001.
            if (!persisted && this.url.startsWith('wss')) this.close(1000);
          } else if (type !== 'online' && globals.document?.hidden) {
            // A page that is hidden may be frozen at once, and would miss the answer.
          } else if (this.#isAttached) this.#ping();
          else if (!this.#current) this.#resume();
        },
        this.#ended,
      );
    }
  }

  #stop(): void {
    clearTimeout(this.#watchTimer);
    clearTimeout(this.#spanTimer);
    this.#ended.abort();
  }
}

/**
 * Dispatches an event like the native one. Where its class is missing (Node before 23 has no `CloseEvent`) it is an `Event` with
 * these properties.
 */
function fire(target: EventTarget, type: string, Class: EventClass = Event, init: object = {}): void {
  target.dispatchEvent(Object.assign(new Class(type, init), Class === Event && init));
}
