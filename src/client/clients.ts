/**
 * The clients of one hook: the connected ones, the transports that are not gone yet, and how all of them leave.
 *
 * In: clients that come, and that their WebSockets and their transports have ended. Out: the set that the program sees; a promise
 * that all are gone. It does not know who may come in.
 */
import { CloseCode } from '../errors.ts';
import type { Client } from './client.ts';
import { Departures } from './departures.ts';

/** The clients of one hook. */
export class Clients {
  /** What the program was given of each client that is in. */
  readonly faces: Set<object> = new Set();
  readonly #members = new Set<Client>();
  /** How many transports are not gone yet: those of all members that have one, and those whose last bytes are on their way. */
  #transports = 0;
  #whenEmpty: (() => void) | null = null;
  #departures: Departures<Client> | null = null;

  /** Takes a client in; call it when the client has its face. */
  add(client: Client): void {
    this.#members.add(client);
    if (client.face !== null) this.faces.add(client.face);
  }

  /** Call this for each transport that a client gets. */
  transportOpened(): void {
    this.#transports++;
  }

  readonly transportClosed = (): void => {
    this.#transports--;
    this.#checkEmpty();
  };

  /** Takes a client out. Returns `false` where it is in no more. */
  remove(client: Client): boolean {
    if (!this.#members.delete(client)) return false;
    if (client.face !== null) this.faces.delete(client.face);
    this.#checkEmpty();
    return true;
  }

  /** Bytes that wait for all clients together. */
  get queuedSize(): number {
    let size = 0;
    for (const client of this.#members) size += client.queuedSize;
    return size;
  }

  /**
   * Closes each client with 1001, over `spread` milliseconds, in random order. Resolves when all of them and their transports are
   * gone. Clients that have said goodbye already keep their own reason; they have `closeTimeout` from their turn on, like
   * everybody.
   */
  async dismiss(reason: string, spread: number): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    if (this.#isEmpty) return;
    this.#departures = new Departures(this.#members, spread, (client) => client.dismiss(CloseCode.GOING_AWAY, reason));
    await empty;
  }

  /** Closes those that {@link Clients.dismiss} has not come to, at once. */
  hurry(): void {
    this.#departures?.hurry();
  }

  get #isEmpty(): boolean {
    return this.#transports === 0 && this.#members.size === 0;
  }

  #checkEmpty(): void {
    if (this.#isEmpty) this.#whenEmpty?.();
  }
}
