/**
 * What a client has got on its way in: a place, then a connection to an IRC server.
 *
 * In: both, one after the other. Out: they are handed on with the client, or given back where it is not let in. It does not know
 * how either is got.
 */
import type { Connected } from './pool.ts';

/** A client that is being let in. */
export class Visit {
  /** The confirmed host name of its address. */
  hostname: string | null = null;
  /** The blocklist that has its address, where that is no reason to refuse it. */
  mark: string | null = null;
  connected: Connected | null = null;
  /** Called to give the place back; may be called more than once. */
  readonly leave: () => void;
  #isAbandoned = false;

  /** @param leave gives its place back; may be called more than once */
  constructor(leave: () => void) {
    this.leave = leave;
  }

  /** Takes the connection; where the client has gone meanwhile, the connection is ended. */
  connect(connected: Connected): void {
    this.connected = connected;
    if (this.#isAbandoned) connected.socket.destroy();
  }

  /** Called to give everything back: the client is not let in. */
  readonly abandon = (): void => {
    this.#isAbandoned = true;
    this.leave();
    this.connected?.socket.destroy();
  };
}
