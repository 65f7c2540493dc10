/**
 * The listeners of one client: what a server asked to be called for.
 *
 * In: listeners, by event. Out: a list, in the order in which they were added. It does not know what they are called with.
 */

/** The events, by the name of the method that adds a listener. */
export type ClientEvent = 'onDrain' | 'onClose' | 'onSuspend' | 'onResume';

/** One entry of a list. A list of one has 48 bytes, an array with one element 170 (benchmark `idle`). */
export interface ListenerEntry {
  readonly event: ClientEvent;
  readonly listener: (argument: never) => unknown;
  next: ListenerEntry | null;
}

/** Returns the list with one more entry at its end. */
export function append(list: ListenerEntry | null, event: ClientEvent, listener: ListenerEntry['listener']): ListenerEntry {
  const entry: ListenerEntry = { event, listener, next: null };
  if (list === null) return entry;
  let last = list;
  while (last.next !== null) last = last.next;
  last.next = entry;
  return list;
}
