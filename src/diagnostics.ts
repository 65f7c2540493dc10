/**
 * The diagnostics channels of this library (`node:diagnostics_channel`), all in one object.
 *
 * In: what happened. Out: a message to whoever subscribed, and nothing at all where nobody did. Subscribers must not throw.
 */
import { type Channel, channel } from 'node:diagnostics_channel';

/** The channels, by event. The shape of each message is in `docs/api.md`, "Diagnostics channels". */
export const diagnostics: Readonly<
  Record<'open' | 'close' | 'suspend' | 'resume' | 'reject' | 'protocolError' | 'flood' | 'proxy', Channel>
> = {
  /** A client was let in: `{ socket, client, request }`; of socket and client one is `null`. */
  open: channel('ircd-websocket:open'),
  /** A client is gone: `{ socket, client, code, reason, clean }`. */
  close: channel('ircd-websocket:close'),
  /** A client has lost its connection, and may come back: `{ socket, client }`. */
  suspend: channel('ircd-websocket:suspend'),
  /** A client has come back: `{ socket, client, facts }`. */
  resume: channel('ircd-websocket:resume'),
  /** A request was refused: `{ error, request }`. */
  reject: channel('ircd-websocket:reject'),
  /** A client broke RFC 6455, or the server's own code threw: `{ socket, client, code, reason, error }`. */
  protocolError: channel('ircd-websocket:protocol-error'),
  /**
   * A client sent too much that says nothing (pings, pongs, empty messages), or let too much queue: `{ socket, client, reason }`.
   */
  flood: channel('ircd-websocket:flood'),
  /** A proxy told of a client's address: `{ facts, request }`. */
  proxy: channel('ircd-websocket:proxy'),
};

/** Publishes on one channel; `message` is only made where somebody listens. */
export function publish(to: Channel, message: () => object): void {
  if (to.hasSubscribers) to.publish(message());
}
