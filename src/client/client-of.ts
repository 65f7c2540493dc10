/**
 * The {@link IrcClient} of a socket.
 *
 * In: what `onConnection` got. Out: the same client, as lines.
 */
import type { Client } from './client.ts';
import { type IrcClient, LineClient } from './irc-client.ts';
import { clientBehind, type IrcSocket } from './irc-socket.ts';

/** The line clients that were asked for: the same one at each call. */
const clients = new WeakMap<Client, IrcClient>();

/** Returns a client as lines, the same object at each call. */
export function lineClientOf(client: Client): IrcClient {
  if (client.face instanceof LineClient) return client.face;
  let lineClient = clients.get(client);
  if (lineClient === undefined) {
    lineClient = new LineClient(client);
    clients.set(client, lineClient);
  }
  return lineClient;
}

/**
 * Returns the {@link IrcClient} of a socket that `onConnection` got, the same one at each call.
 *
 * @throws TypeError for any other socket
 * @example
 * ```ts
 * clientOf(socket).onSuspend(() => user.setAway('connection lost'));
 * ```
 */
export function clientOf(socket: IrcSocket): IrcClient {
  const client = clientBehind(socket);
  if (client === undefined) throw new TypeError('clientOf takes the socket of a web client');
  return lineClientOf(client);
}
