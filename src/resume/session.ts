/**
 * One client that can come back: the server's half of docs/resume.md.
 *
 * In: what its connection tells; claims of clients that want it back. Out: control messages, acknowledgements, and a new
 * connection for the client. What was sent and not acknowledged is the {@link Journal}'s. It does not know requests, or how
 * admission decides.
 *
 * | state | event | what happens |
 * | --- | --- | --- |
 * | attached | the connection is lost (1006, 1012 to 1014, 4902) | suspended; the window begins |
 * | attached | it ends in any other way | ended |
 * | attached, suspended | a claim: right secret, higher attempt, a count that can be served | nothing yet: admission and `authorize` decide. The attempt is noted |
 * | attached, suspended | the claim is settled, and is still the highest attempt | attached to the new connection; an older one is closed with 4901 |
 * | attached, suspended | the claim is settled, and a higher attempt has come meanwhile | refused: of two that arrive out of order the older one does not win |
 * | suspended | the window is over | ended |
 * | suspended | the queue is over its limit; the server, or the hook, closes the client | ended |
 * | ended | anything | nothing; claims are refused as unknown |
 *
 * Lost answers. The page's claim arrives and our answer is lost: the page claims again with the token that it has, which still
 * works, and a higher attempt; the journal still has what is not acknowledged. Our answer arrives and the page's `ack` is lost:
 * its next claim shows the new token, which acknowledges it.
 */
import type { SessionClaim } from '../admission/resumption.ts';
import type { Client, ControlOutcome, Resumption, TransportParts } from '../client/client.ts';
import type { CloseStatus } from '../connection/connection.ts';
import { Journal } from '../connection/journal.ts';
import { clock, NOWHERE, type Sweeper, type Ticking } from '../connection/sweeper.ts';
import { diagnostics, publish } from '../diagnostics.ts';
import { CloseCode } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import { Tokens } from './tokens.ts';
import { controlFrame, ResumeCode, readPageMessage } from './wire.ts';

/** What all sessions of one configuration share. */
export interface SessionSettings {
  /** Milliseconds that a session lives without a connection. */
  readonly window: number;
  /** The name of this server, by which a balancer finds it. */
  readonly node: string;
  /** Bytes that may wait for one client. */
  readonly sendQueueLimit: number;
  readonly counters: Counters;
  readonly sweeper: Sweeper;
}

/** Milliseconds until what was received is acknowledged; the sweeper adds up to one second. */
const ACK_AFTER = 4_000;
/** Bytes of payload after which it is acknowledged at once. */
const ACK_SIZE = 32_768;

/**
 * Ways in which a connection is lost, and not ended: without a Close frame, by a proxy that goes away, or given up by the page.
 */
const LOSSES: ReadonlySet<number> = new Set([CloseCode.ABNORMAL, 1012, 1013, 1014, ResumeCode.GIVEN_UP]);

const REPLACED = { code: ResumeCode.REPLACED, reason: 'Another connection took over' } as const;

/** One client that can come back. */
export class ResumableSession implements Resumption, Ticking {
  place: number = NOWHERE;
  readonly id: string;
  readonly #settings: SessionSettings;
  readonly #tokens = new Tokens();
  readonly #journal: Journal;
  readonly #onEnd: (session: ResumableSession) => void;
  #client: Client | null = null;
  /** The highest attempt that has come. */
  #attempt = 0;
  /** Text messages received, and how many of them the page knows of. */
  #received = 0;
  #acknowledged = 0;
  #unacknowledgedSize = 0;
  /** Since when something is not acknowledged, as far as ticks tell; 0: nothing is. */
  #owesSince = 0;
  /** Whether the page has the token that came with its present connection. */
  #hasToken = false;
  /** When the connection was lost; 0: there is one. */
  #suspendedAt = 0;
  #isClosing = false;
  #isOver = false;

  constructor(id: string, settings: SessionSettings, onEnd: (session: ResumableSession) => void) {
    this.id = id;
    this.#settings = settings;
    this.#onEnd = onEnd;
    this.#journal = new Journal(settings.sendQueueLimit);
  }

  /** The client, once it is made. */
  get client(): Client | null {
    return this.#client;
  }

  /** Returns the first frame of a new session, a byte string. */
  greet(): string {
    return controlFrame('session', this.#settings.window, this.#issueToken());
  }

  /** Takes the client that was made with {@link ResumableSession.greet}'s frame. */
  bind(client: Client): void {
    this.#client = client;
    client.makeResumable(this, this.#journal);
    this.#settings.sweeper.add(this);
  }

  /** Looks at a claim. Returns why it is refused, or `null`. */
  check({ secret, attempt, received }: SessionClaim): string | null {
    if (this.#isOver || this.#isClosing || !this.#tokens.accept(secret)) return 'Unknown session';
    if (attempt <= this.#attempt) return 'A newer attempt has come';
    this.#attempt = attempt;
    return this.#journal.canResumeFrom(received) ? null : 'Lines of this session are lost';
  }

  /** Whether a claim that was good is good still, after whatever took its time. */
  isCurrent({ attempt, received }: SessionClaim): boolean {
    return !this.#isOver && !this.#isClosing && attempt === this.#attempt && this.#journal.canResumeFrom(received);
  }

  /** Moves the client to the new connection. {@link ResumableSession.isCurrent} must hold. */
  resume({ received }: SessionClaim, parts: TransportParts): void {
    const client = this.#client as Client;
    const { counters, window } = this.#settings;
    if (this.#suspendedAt !== 0) counters.suspended--;
    this.#suspendedAt = 0;
    counters.resumed++;
    this.#acknowledged = this.#received;
    this.#unacknowledgedSize = 0;
    this.#owesSince = 0;
    const resumed = controlFrame('resumed', this.#received, window, this.#issueToken());
    const missing = this.#journal.framesAfter(received);
    this.#journal.acknowledge(received);
    client.reattach({ ...parts, first: parts.first + resumed + missing }, REPLACED);
    publish(diagnostics.resume, () => ({ ...client.describe(), facts: parts.facts }));
  }

  // Resumption: what the client's connection tells.

  survives({ code }: CloseStatus): boolean {
    return LOSSES.has(code) && !this.#isClosing && !this.#isOver;
  }

  received(size: number): void {
    this.#received++;
    this.#unacknowledgedSize += size;
    if (this.#unacknowledgedSize >= ACK_SIZE) this.#acknowledge();
  }

  control(bytes: Buffer): ControlOutcome {
    const message = readPageMessage(bytes);
    if (message === null) return { problem: 'WebSocket: Malformed control message' };
    if (message.kind === 'ping') {
      this.#acknowledge();
      return 'nothing new';
    }
    const before = this.#journal.acknowledged;
    if (!this.#journal.acknowledge(message.received))
      return { problem: `WebSocket: ack of ${message.received}, between ${before} and ${this.#journal.sent} is possible` };
    const isFirst = !this.#hasToken;
    if (isFirst) this.#tokens.acknowledge();
    this.#hasToken = true;
    return isFirst || message.received > before ? 'news' : 'nothing new';
  }

  suspended(): void {
    this.#suspendedAt = clock();
    this.#settings.counters.suspended++;
    publish(diagnostics.suspend, () => this.#client?.describe() ?? {});
  }

  closing(): void {
    this.#isClosing = true;
  }

  ended(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#suspendedAt !== 0) this.#settings.counters.suspended--;
    this.#settings.sweeper.remove(this);
    this.#onEnd(this);
  }

  tick(now: number): void {
    if (this.#suspendedAt !== 0) {
      if (now - this.#suspendedAt >= this.#settings.window) this.#expire();
      return;
    }
    if (this.#received === this.#acknowledged) return;
    if (this.#owesSince === 0) this.#owesSince = now;
    else if (now - this.#owesSince >= ACK_AFTER) this.#acknowledge();
  }

  #expire(): void {
    this.#settings.counters.expired++;
    this.#client?.finish({ code: CloseCode.ABNORMAL, reason: '', clean: false });
  }

  #acknowledge(): void {
    this.#acknowledged = this.#received;
    this.#unacknowledgedSize = 0;
    this.#owesSince = 0;
    this.#client?.sendControl(controlFrame('ack', this.#received));
  }

  #issueToken(): string {
    this.#hasToken = false;
    return `${this.#settings.node}.${this.id}.${this.#tokens.issue()}`;
  }
}
