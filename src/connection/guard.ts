/**
 * The `'error'` listener of a socket that nobody owns yet.
 *
 * In: a socket. Out: the guarantee that a reset of it cannot end the process. It does not know why the socket waits.
 *
 * At an `upgrade` event a socket has no `'error'` listener at all: a reset during an `await` would end the process.
 */
import type { Duplex } from 'node:stream';

/**
 * Adds an `'error'` listener to a socket, once. One function serves all sockets: a closure for each would keep what is around it.
 */
export function guardSocket(socket: Duplex): void {
  // Hardly any socket has a listener here. `listeners()` makes an array, so it is called only if there is one.
  const hasOne = socket.listenerCount('error') > 0 && socket.listeners('error').includes(destroySocket);
  if (!hasOne) socket.on('error', destroySocket);
}

/** Removes the listener of {@link guardSocket}. Call this when the socket has another `'error'` listener, for life. */
export function releaseSocket(socket: Duplex): void {
  socket.off('error', destroySocket);
}

function destroySocket(this: Duplex): void {
  this.destroy();
}
