/**
 * Questions to the DNS, all within one time limit.
 *
 * In: questions. Out: answers; none for whatever reason is an empty list. It does not know names or what answers mean.
 *
 * The DNS itself is asked, not the system's `hosts` file: what an operator's machine calls an address is nothing that a
 * stranger's host name should be confirmed by.
 */
import { Resolver } from 'node:dns/promises';

/** How a lookup is done. */
export interface LookupOptions {
  /** Milliseconds for the whole lookup, however many questions it takes. @defaultValue `5000` */
  readonly timeout?: number;
  /** Addresses of name servers, with `:port` where it is not 53. @defaultValue the system's */
  readonly servers?: readonly string[];
  /** Ends the lookup: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Checks the options of a lookup, so that a mistake is found when a program starts and not at each lookup.
 *
 * @throws RangeError for a timeout that is no whole number from 1, TypeError for a server that is no address
 */
export function checkLookupOptions({ timeout = DEFAULT_TIMEOUT, servers }: LookupOptions): void {
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > MAX_TIMEOUT)
    throw new RangeError(`the timeout of a lookup must be a whole number from 1 to ${MAX_TIMEOUT}`);
  if (servers === undefined) return;
  if (!Array.isArray(servers)) throw new TypeError('the servers of a lookup must be a list of addresses');
  new Resolver().setServers(servers);
}

/** Asks one question; an empty list where there is no answer: no such name, a broken server, the time limit. */
export type Ask = <T>(question: (resolver: Resolver) => Promise<T[]>) => Promise<T[]>;

const DEFAULT_TIMEOUT = 5_000;
/** Timers end here. */
const MAX_TIMEOUT = 2 ** 31 - 1;
/** How often a question is put before the limit: a lost packet must not cost the answer. */
const TRIES = 4;

/**
 * Has `use` ask questions until the time limit; questions behind it find no answer.
 *
 * @throws RangeError for a timeout that is no whole number from 1, TypeError for a server that is no address, the signal's reason
 */
export async function lookUp<T>(options: LookupOptions, use: (ask: Ask) => Promise<T>): Promise<T> {
  const { timeout = DEFAULT_TIMEOUT, servers, signal } = options;
  checkLookupOptions(options);
  signal?.throwIfAborted();
  const resolver = new Resolver({ timeout: Math.ceil(timeout / TRIES), tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    resolver.cancel();
  };
  const timer = setTimeout(stop, timeout);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const result = await use(async (question) => (isOver ? [] : question(resolver).catch(() => [])));
    signal?.throwIfAborted();
    return result;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}
