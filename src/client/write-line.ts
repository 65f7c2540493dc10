/**
 * What `IrcClient` and `IrcSocket` do alike: a line to one client, and what a line listener may be.
 *
 * In: a client and a line. Out: its frames in the client's outbox. It does not know what the server holds.
 */
import type { Client } from './client.ts';
import { countLines, frameWhole } from './lines.ts';
import { EncodedLine, type PreparedLine } from './prepared-line.ts';

/** Sends one line, or several, to a client. */
export function writeLineTo(client: Client, line: string | Uint8Array | PreparedLine): boolean {
  if (line instanceof EncodedLine) return client.send(line.frames(client.encoding), line.lines, true);
  const whole = line as string | Uint8Array;
  return client.send(frameWhole(whole, client.encoding), countLines(whole), false);
}

/** @throws TypeError for what is no listener or no encoding */
export function checkLineListener(listener: unknown, encoding: unknown): void {
  if (listener !== null && typeof listener !== 'function') throw new TypeError('onLine takes a function or null');
  if (encoding !== 'utf8' && encoding !== 'latin1' && encoding !== 'buffer')
    throw new TypeError(`onLine: unknown encoding ${String(encoding)}`);
}
