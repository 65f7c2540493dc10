/**
 * Whether an HTTP response is still on its way on a socket.
 *
 * In: every request that an HTTP server of this process takes, by Node's diagnostics channel. Out: the last response of a
 * socket, while it is unfinished. It does not know upgrades.
 *
 * A client may pipeline an upgrade behind a slow request. Node would write the slow response into the middle of the WebSocket.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';

/** Responses of a socket finish in order: when the last one has, all have. */
const lastResponses = new WeakMap<object, ServerResponse>();

interface RequestStart {
  readonly socket: object;
  readonly response: ServerResponse;
}

let isSubscribed = false;

/** Begins to watch the HTTP servers of this process; a second call does nothing. */
export function watchResponses(): void {
  if (isSubscribed) return;
  isSubscribed = true;
  subscribe('http.server.request.start', (message) => {
    const { socket, response } = message as RequestStart;
    lastResponses.set(socket, response);
  });
}

/** Returns the response that is still being written on `socket`, if there is one. */
export function unfinishedResponse(socket: object): ServerResponse | undefined {
  const response = lastResponses.get(socket);
  return response === undefined || response.writableFinished ? undefined : response;
}
