/**
 * The WebSocket to the server: one line a message, reconnected for as long as the person wants to be there.
 *
 * In: an address. Out: lines, and the state that the page shows. The subprotocol `text.ircv3.net` asks for text frames.
 */

export type ConnectionState = 'connecting' | 'online' | 'waiting' | 'offline';

const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 30_000;

export interface ConnectionEvents {
  onOpen(): void;
  onLine(line: string): void;
  /** @param detail words for people: when the next try is, or why there is none */
  onState(state: ConnectionState, detail: string): void;
}

export class Connection {
  readonly #url: string;
  readonly #events: ConnectionEvents;
  #socket: WebSocket | null = null;
  #isWanted = false;
  #failures = 0;
  #timer = 0;

  constructor(url: string, events: ConnectionEvents) {
    this.#url = url;
    this.#events = events;
    // A phone that finds its network again does not wait for the timer.
    addEventListener('online', () => {
      if (this.#isWanted && this.#socket === null) this.open();
    });
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open(): void {
    clearTimeout(this.#timer);
    this.#isWanted = true;
    this.#events.onState('connecting', 'Connecting…');
    const socket = new WebSocket(this.#url, ['text.ircv3.net']);
    this.#socket = socket;
    socket.addEventListener('open', () => this.#events.onOpen());
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#events.onLine(data);
    });
    socket.addEventListener('close', ({ reason }) => this.#closed(socket, reason));
  }

  /** The server has welcomed us: the next failure begins with a short delay again. */
  succeeded(): void {
    this.#failures = 0;
    this.#events.onState('online', 'Connected');
  }

  send(line: string): boolean {
    if (!this.isOpen) return false;
    this.#socket?.send(line);
    return true;
  }

  /** Leaves for good. */
  close(): void {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  #closed(socket: WebSocket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    if (!this.#isWanted) {
      this.#events.onState('offline', reason || 'Disconnected');
      return;
    }
    // Twice as long each time, and never the same for two people: a server that comes back is not met by all of them at once.
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures++) * (0.7 + Math.random() * 0.6);
    this.#events.onState('waiting', `${reason || 'Connection lost'}. Next try in ${Math.ceil(delay / 1_000)} s`);
    this.#timer = setTimeout(() => this.open(), delay);
  }
}
