/**
 * The WebSocket to the server, opened again for as long as the person wants to be there.
 *
 * In: an address. Out: lines, one a message, and where the connection stands. It knows no IRC: the session calls {@link
 * Connection.succeed} after its registration, and asks a silent server for a sign of life.
 */

import { ResumableWebSocket } from 'ircd-websocket/browser';

/** Where the connection stands. */
export type ConnectionStatus =
  | { readonly state: 'connecting' | 'online' }
  /** The network is away for a moment. The server keeps the session, and others notice nothing. */
  | { readonly state: 'suspended' }
  /** @property retryAt when the next try begins, in milliseconds since 1970 */
  | { readonly state: 'waiting'; readonly reason: string; readonly retryAt: number }
  | { readonly state: 'offline'; readonly reason: string };

export interface ConnectionEvents {
  onOpen(): void;
  onLine(line: string): void;
  onStatus(status: ConnectionStatus): void;
  /** The server has said nothing for a while: ask it something. */
  onSilence(): void;
}

/** Milliseconds before the second try, and the most before any later one. */
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 30_000;
/**
 * Milliseconds of silence before the server is asked, and after that before it is given up: a laptop that wakes up notices that
 * it was away.
 */
const SILENCE = 60_000;
const PATIENCE = 20_000;
const WATCH_INTERVAL = 5_000;

export class Connection {
  readonly #url: string;
  readonly #events: ConnectionEvents;
  #socket: WebSocket | null = null;
  #isWanted = false;
  #isOnline = false;
  #isSuspended = false;
  #failures = 0;
  #retryTimer = 0;
  #heardAt = 0;
  #askedAt: number | null = null;
  /** Why it will be closed, as far as we know. */
  #reason = '';

  constructor(url: string, events: ConnectionEvents) {
    this.#url = url;
    this.#events = events;
    // A phone that finds its network again does not wait for the timer.
    addEventListener('online', () => {
      if (this.#isWanted) this.open();
    });
    setInterval(() => this.#watch(), WATCH_INTERVAL);
  }

  /** Whether the network is away, and the connection waits for it. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** Connects now, if it is not connected or on its way already. */
  open(): void {
    clearTimeout(this.#retryTimer);
    this.#isWanted = true;
    if (this.#socket !== null) return;
    this.#reason = 'The server does not answer';
    this.#events.onStatus({ state: 'connecting' });
    // Text frames: a browser's WebSocket gives strings, and nothing has to be decoded.
    const socket = new ResumableWebSocket(this.#url, ['text.ircv3.net']);
    this.#socket = socket;
    this.#isOnline = false;
    this.#isSuspended = false;
    socket.addEventListener('open', () => {
      this.#reason = 'Connection lost';
      this.#heard();
      this.#events.onOpen();
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heard();
      if (typeof data === 'string') this.#events.onLine(data);
    });
    socket.addEventListener('close', ({ reason }) => this.#closed(socket, reason));
    socket.addEventListener('suspend', () => this.#suspended(socket, true));
    socket.addEventListener('resume', () => this.#suspended(socket, false));
  }

  /** Call this when the registration succeeded: the next failure begins with the short delay again. */
  succeed(): void {
    this.#failures = 0;
    this.#isOnline = true;
    this.#events.onStatus({ state: 'online' });
  }

  /** Remembers why the server is about to close. */
  explain(reason: string): void {
    this.#reason = reason;
  }

  /** @returns false where there is no connection, and the line went nowhere */
  send(line: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(line);
    return true;
  }

  /** Leaves for good, or until {@link open}. */
  close(reason: string): void {
    this.#isWanted = false;
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    this.#socket = null;
    this.#isSuspended = false;
    socket?.close(1000);
    this.#events.onStatus({ state: 'offline', reason });
  }

  #suspended(socket: WebSocket, isSuspended: boolean): void {
    if (socket !== this.#socket) return;
    this.#isSuspended = isSuspended;
    this.#heard();
    if (isSuspended) this.#events.onStatus({ state: 'suspended' });
    else this.#events.onStatus({ state: this.#isOnline ? 'online' : 'connecting' });
  }

  #heard(): void {
    this.#heardAt = Date.now();
    this.#askedAt = null;
  }

  #watch(): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN || this.#isSuspended) return;
    const now = Date.now();
    if (this.#askedAt !== null && now - this.#askedAt > PATIENCE) {
      socket.close();
      this.#closed(socket, 'The server has fallen silent');
    } else if (this.#askedAt === null && now - this.#heardAt > SILENCE) {
      this.#askedAt = now;
      this.#events.onSilence();
    }
  }

  #closed(socket: WebSocket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#isSuspended = false;
    // Twice as long each time, and never the same for two people: a server that comes back is not met by all of them at once.
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures++) * (0.7 + Math.random() * 0.6);
    this.#retryTimer = setTimeout(() => this.open(), delay);
    this.#events.onStatus({ state: 'waiting', reason: reason || this.#reason, retryAt: Date.now() + delay });
  }
}
