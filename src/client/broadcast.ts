/**
 * One line to many clients, WebSocket and plain TCP alike.
 *
 * In: sockets and a line. Out: the line, encoded once, to each of them. It does not know channels.
 */
import type { Socket } from 'node:net';
import { Client, type IrcSocket } from './client.ts';
import { EncodedLine, type PreparedLine, prepareLine } from './prepared-line.ts';

/**
 * Sends a line to each socket; one that is gone is passed over.
 *
 * @param line with or without its CR LF; prepare it yourself ({@link prepareLine}) where several broadcasts share it
 */
export function broadcast(sockets: Iterable<Socket | IrcSocket>, line: string | Uint8Array | PreparedLine): void {
  const prepared = line instanceof EncodedLine ? line : prepareLine(line as string | Uint8Array);
  for (const socket of sockets) {
    if ((socket as unknown) instanceof Client) (socket as IrcSocket).writeLine(prepared);
    else if (socket.writable) socket.write(prepared.tcp);
  }
}
