/**
 * What a piece of code leaves behind in this process: sockets, descriptors, timers.
 *
 * In: a look before and a look after. Out: a list of what is there now and was not there then. It does not know who left it.
 */
import { createHook } from 'node:async_hooks';
import { readdirSync } from 'node:fs';
import { WAIT_LIMIT } from './wait.ts';

/** Timers of the library that have neither fired for the last time nor been cleared, with where they were made. */
const timers = new Map<number, string>();

// Timers that keep no process alive are in no list of Node's: each is noted as it is made.
const hook = createHook({
  init(id, type) {
    if (type !== 'Timeout') return;
    const at = new Error('').stack?.split('\n').find((line) => /[/\\]src[/\\]/.test(line) && !line.includes('node_modules'));
    if (at !== undefined) timers.set(id, at.trim());
  },
  destroy: (id) => void timers.delete(id),
});

/** Begins to watch timers; once a test file is enough. */
export function watchTimers(): void {
  hook.enable();
}

/** How many there are of each kind of thing. */
export type Inventory = ReadonlyMap<string, number>;

/** Looks at what this process has open now. */
export function takeInventory(): Inventory {
  const counts = new Map<string, number>();
  const add = (kind: string): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const kind of process.getActiveResourcesInfo()) if (/^(TCP|Pipe|TLS)/.test(kind)) add(kind);
  for (const at of timers.values()) add(`timer ${at}`);
  try {
    counts.set('descriptors', readdirSync('/proc/self/fd').length);
  } catch {
    // Not on Linux: the sockets above are all that can be seen.
  }
  return counts;
}

/** What there is more of now than there was, once it stays so for as long as `limit`. */
export async function leftOver(before: Inventory, limit = WAIT_LIMIT): Promise<string[]> {
  const deadline = performance.now() + limit;
  for (;;) {
    const more = [...takeInventory()]
      .filter(([kind, count]) => count > (before.get(kind) ?? 0))
      .map(([kind, count]) => `${kind}: ${count}, ${before.get(kind) ?? 0} before`);
    if (more.length === 0 || performance.now() > deadline) return more;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
