/**
 * One line to many clients: web clients, as sockets or as lines, and plain TCP alike.
 *
 * In: clients and a line. Out: the line, encoded once, to each of them. It does not know channels.
 */
import type { Socket } from 'node:net';
import { type IrcClient, LineClient } from './irc-client.ts';
import type { IrcSocket } from './irc-socket.ts';
import { EncodedLine, type PreparedLine, prepareLine } from './prepared-line.ts';

/**
 * Sends a line to each client. Clients that are gone are skipped.
 *
 * @param line with or without its CR LF. If several broadcasts share it, prepare it once: {@link prepareLine}.
 * @example
 * ```ts
 * broadcast(channel.members, ':ada!ada@host PRIVMSG #lobby :hello');
 * ```
 */
export function broadcast(to: Iterable<Socket | IrcSocket | IrcClient>, line: string | Uint8Array | PreparedLine): void {
  const prepared = line instanceof EncodedLine ? line : prepareLine(line as string | Uint8Array);
  for (const client of to) {
    if (client instanceof LineClient || 'writeLine' in client) (client as IrcClient).writeLine(prepared);
    else if (client.writable) client.write(prepared.tcp);
  }
}
