/**
 * The server's half of `docs/resume.md`, as short as it can be said: what the page's half is checked against.
 *
 * In: connections of a {@link FakeNetwork}. Out: the lines of its sessions. Every fault of the page is thrown at the test: it is
 * strict where a server need not be.
 */
import type { FakeTransport } from './fake-network.ts';

const RESUME = 'v1.resume.ircd-websocket';
const TOKEN = /^v1\.session\.([\w-]+\.[\w-]+\.[\w-]+)\.(\d+)\.(\d+)$/;
const ACK_DELAY = 5_000;
/** Control messages that acknowledge nothing new: a token bucket, 60 at once and one a second. */
const BURST = 60;

export class ModelSession {
  readonly server: ModelServer;
  state: 'attached' | 'suspended' | 'ended' = 'suspended';
  /** What the page has sent, in order. */
  readonly lines: string[] = [];
  /** What it was sent: all of it. */
  readonly sent: string[] = [];
  /** How a test learns what becomes of it. */
  readonly history: string[] = [];
  transport: FakeTransport | null = null;
  #acknowledged = 0;
  /** Valid tokens, oldest first: all since the last one that was acknowledged. */
  #tokens: string[] = [];
  highestAttempt = 0;
  #windowTimer: ReturnType<typeof setTimeout> | undefined;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #bucket = BURST;
  #filledAt = Date.now();

  constructor(server: ModelServer) {
    this.server = server;
  }

  send(line: string): void {
    this.sent.push(line);
    this.transport?.send(line);
  }

  end(code = 1000): void {
    if (this.state === 'ended') return;
    this.history.push(`ended ${code}`);
    this.state = 'ended';
    clearTimeout(this.#windowTimer);
    clearTimeout(this.#ackTimer);
    this.transport?.close(code);
    this.transport = null;
  }

  knows(token: string): boolean {
    return this.#tokens.includes(token);
  }

  /** Whether a page may have received this many. */
  isCount(count: number): boolean {
    return count >= this.#acknowledged && count <= this.sent.length;
  }

  /** To present a token acknowledges it; the count acknowledges lines. */
  resume(transport: FakeTransport, token: string, received: number): void {
    this.#tokens.splice(0, this.#tokens.indexOf(token));
    this.#acknowledged = received;
    this.attach(transport);
  }

  attach(transport: FakeTransport): void {
    clearTimeout(this.#windowTimer);
    const isNew = this.transport === null && this.#tokens.length === 0;
    this.transport?.close(4901);
    this.transport = transport;
    this.state = 'attached';
    this.history.push('attached');
    const token = this.server.nextToken();
    this.#tokens.push(token);
    const { window } = this.server;
    transport.send(Buffer.from(isNew ? `session ${window} ${token}` : `resumed ${this.lines.length} ${window} ${token}`));
    for (const line of this.sent.slice(this.#acknowledged)) transport.send(line);
    let isAnswered = false;
    transport.onmessage = (data) => {
      if (this.transport !== transport) return;
      if (typeof data === 'string') {
        if (!isAnswered) throw new Error('the page sent a line before its ack');
        this.lines.push(data);
        this.#ackTimer ??= setTimeout(() => this.#acknowledge(), ACK_DELAY);
        return;
      }
      const [word, count, ...rest] = Buffer.from(data).toString().split(' ');
      if (!isAnswered && word !== 'ack') throw new Error(`the page answered with ${word}`);
      if (word === 'ping' && count === undefined) {
        this.#charge();
        this.#acknowledge();
      } else if (word === 'ack' && /^(0|[1-9]\d*)$/.test(`${count}`) && rest.length === 0 && this.isCount(Number(count))) {
        if (Number(count) === this.#acknowledged) this.#charge();
        if (!isAnswered) this.#tokens.splice(0, this.#tokens.indexOf(token));
        isAnswered = true;
        this.#acknowledged = Number(count);
      } else throw new Error(`malformed: ${Buffer.from(data)}`);
    };
    transport.onclose = (code) => {
      if (this.transport !== transport) return;
      this.transport = null;
      if (code === 1006 || code === 4902 || (code >= 1012 && code <= 1014)) this.#suspend();
      else this.end(code);
    };
    // It may have gone while the checks went on.
    if (transport.isClosed) transport.onclose(1006);
  }

  #suspend(): void {
    this.state = 'suspended';
    this.history.push('suspended');
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#windowTimer = setTimeout(() => this.end(1006), this.server.window);
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.transport?.send(Buffer.from(`ack ${this.lines.length}`));
  }

  #charge(): void {
    this.#bucket = Math.min(BURST, this.#bucket + (Date.now() - this.#filledAt) / 1000) - 1;
    this.#filledAt = Date.now();
    if (this.#bucket < 0) throw new Error('a flood of control messages');
  }
}

export class ModelServer {
  readonly window: number;
  readonly sessions: ModelSession[] = [];
  /** How long the checks of a resumption take. */
  authorizing: () => number = () => 0;
  /** Called when a session is there. */
  onsession: (session: ModelSession) => void = () => {};
  #tokenCount = 0;

  constructor(window: number) {
    this.window = window;
  }

  nextToken(): string {
    return `0.id.secret${this.#tokenCount++}`;
  }

  /** Takes a connection; it is what `FakeNetwork.onconnection` is set to. */
  accept(transport: FakeTransport): void {
    const { protocols } = transport.request;
    const last = protocols.at(-1) ?? '';
    const [, token = '', received, attempt] = TOKEN.exec(last) ?? [];
    if (!protocols.includes(RESUME)) throw new Error(`not offered: ${protocols}`);
    if (protocols.indexOf(RESUME) !== protocols.length - (token === '' ? 1 : 2)) throw new Error(`not last: ${protocols}`);
    if (token === '') {
      const session = new ModelSession(this);
      this.sessions.push(session);
      transport.accept(RESUME);
      session.attach(transport);
      this.onsession(session);
      return;
    }
    const session = this.sessions.find((one) => one.knows(token));
    const isHighest = session !== undefined && Number(attempt) > session.highestAttempt;
    if (isHighest) session.highestAttempt = Number(attempt);
    setTimeout(() => {
      transport.accept(RESUME);
      const isGood = isHighest && session.state !== 'ended' && session.highestAttempt === Number(attempt);
      if (isGood && session.knows(token) && session.isCount(Number(received))) session.resume(transport, token, Number(received));
      else transport.close(4900);
    }, this.authorizing());
  }
}
