/**
 * Faults of the program's own code: reported to its author, never lost, and never the end of the process.
 *
 * In: what was thrown or rejected, and where. Out: a call of `onError`, or a warning of the process with the whole stack. It does
 * not know what is ended for it.
 */
import type { IncomingMessage } from 'node:http';
import type { FaultPlace } from './client.ts';
import type { IrcClient } from './irc-client.ts';

/** The place in which the program's own code threw. */
export interface FaultContext {
  /**
   * The callback: `onConnection`, `onClient`, `onLine`, `authorize`, …; for a listener on a socket, the event's name: `data`,
   * `end`, …
   */
  readonly during: FaultPlace;
  /** The client that is ended for it; `null` if there is none yet. */
  readonly client: IrcClient | null;
  /** The request, if there is one at hand. */
  readonly request: IncomingMessage | null;
}

/** Reports the faults of one hook's program. */
export class Faults {
  readonly #onError: ((error: unknown, context: FaultContext) => unknown) | undefined;

  /** @param onError the program's own; without it faults are warnings of the process */
  constructor(onError: ((error: unknown, context: FaultContext) => unknown) | undefined) {
    this.#onError = onError;
  }

  report(error: unknown, context: FaultContext): void {
    if (this.#onError === undefined) {
      warnOfFault(error, context.during);
      return;
    }
    const failed = (thrown: unknown): void => {
      warnOfFault(error, context.during);
      warnOfFault(thrown, 'onError');
    };
    try {
      watchResult(this.#onError(error, context), failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

/**
 * Calls `failed` where a callback turns out to be `async`, and rejects: nobody else would notice but the process, which would
 * end.
 */
export function watchResult(result: unknown, failed: (error: unknown) => void): void {
  if (typeof (result as Promise<unknown> | undefined)?.then === 'function') (result as Promise<unknown>).then(undefined, failed);
}

/** Reports a fault with its whole stack, where no `onError` is set. */
function warnOfFault(error: unknown, during: string): void {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const message = error instanceof Error ? error.message : String(error);
  process.emitWarning(message, {
    type: 'Warning',
    code: 'IRCD_WEBSOCKET_CALLBACK_ERROR',
    detail: `thrown by ${during}: ${stack}`,
  });
}
