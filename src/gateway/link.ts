/**
 * One client and its connection to an IRC server, coupled.
 *
 * In: both ends. Out: lines, each end read only as fast as the other takes them, and one end's end told to the other in its own words: `QUIT` to the server, `ERROR`
 * and a Close frame to the browser. It does not know how either came to be.
 *
 * Laws of this file:
 * 1. Nothing is written to an end that is over.
 * 2. A server's connection outlives its client by `QUIT_TIMEOUT` at the most, whether or not the server reads.
 */

import type { IrcSocket } from '../client/irc-socket.ts';
import { CloseCode } from '../errors.ts';
import { Introduction } from './introduction.ts';
import { LINE_BURST } from './limits.ts';
import type { Connected } from './upstream.ts';

/** What a {@link linkUp} is told. */
export interface LinkOptions {
  /** Lines a second in the long run. */
  readonly linesPerSecond: number;
  /** Learns that the client was ended because the server did not take its WEBIRC; `line` is what the server said. */
  readonly onWebircRefused: (line: string) => void;
  /** Learns that the client was ended for too many lines. */
  readonly onFlood: () => void;
  /** Why everybody is leaving; `null` while they are not. A browser's answer to our Close frame need not repeat the reason. */
  readonly farewell: () => string | null;
}

/** Milliseconds in which a server must take a client's `QUIT` and close. */
const QUIT_TIMEOUT = 5_000;

/** Of a line that is passed on as it is, so much is looked at. */
const COMMAND_SIZE = 600;

/** Couples a client with its server. */
export function linkUp(client: IrcSocket, { socket: server, upstream }: Connected, options: LinkOptions): void {
  const introduction = upstream.webirc === undefined ? null : new Introduction();
  const takesLine = lineBudget(options.linesPerSecond);
  let hasQuit = false;

  client.onLine((line: Buffer) => {
    // Lines of one chunk still come behind the one that was too many.
    if (!server.writable || !client.writable) return;
    if (!takesLine()) {
      hasQuit = true;
      server.end('QUIT :Excess Flood\r\n');
      options.onFlood();
      dismiss(client, CloseCode.POLICY_VIOLATION, 'Excess Flood');
      return;
    }
    // WEBIRC is the gateway's to say.
    if (/^\s*(?:[@:]\S*\s+)*webirc\b/i.test(line.toString('latin1', 0, COMMAND_SIZE))) return;
    hasQuit ||= /^quit\b/i.test(line.toString('latin1', 0, 5));
    // The line is a view of the read buffer: concat copies it.
    if (!server.write(Buffer.concat([line, CRLF]))) {
      client.pause();
      server.once('drain', () => client.resume());
    }
  }, 'buffer');

  server.on('data', (chunk: Buffer) => {
    if (!client.writable) return;
    const refusal = introduction?.refusal(chunk) ?? null;
    if (refusal !== null) {
      server.destroy();
      options.onWebircRefused(refusal);
      dismiss(client, CloseCode.TRY_AGAIN_LATER, 'The IRC server does not know this gateway');
      return;
    }
    if (client.write(chunk)) return;
    server.pause();
    client.once('drain', () => server.resume());
  });
  server.on('error', (error) => dismiss(client, CloseCode.TRY_AGAIN_LATER, `The IRC server is gone (${error.message})`));
  server.on('end', () => client.closeWebSocket(CloseCode.NORMAL, 'The IRC server closed the connection'));
  server.on('close', () => client.closeWebSocket(CloseCode.NORMAL, 'The IRC server closed the connection'));

  client.on('close', () => {
    if (server.destroyed) return;
    if (server.writable) {
      const { code = CloseCode.ABNORMAL, reason = '' } = client.closeStatus ?? {};
      if (!hasQuit) server.write(`QUIT :${quitReason(code, options.farewell() ?? reason)}\r\n`);
      server.end();
    }
    // It may have been paused for a browser that did not read: its end is behind what it has sent.
    server.resume();
    const timer = setTimeout(() => server.destroy(), QUIT_TIMEOUT);
    server.once('close', () => clearTimeout(timer));
  });
}

const CRLF = Buffer.from('\r\n');

/** Ends a client in IRC's words and in WebSocket's; one that is ending already was told. */
export function dismiss(client: IrcSocket, code: number, reason: string): void {
  if (!client.writable) return;
  client.write(`ERROR :Closing link: (${client.remoteAddress ?? 'unix'}) [${reason}]\r\n`);
  client.closeWebSocket(code, reason);
}

/** Counts lines: `LINE_BURST` at once, `rate` a second in the long run. */
function lineBudget(rate: number): () => boolean {
  let tokens = LINE_BURST;
  let filledAt = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(LINE_BURST, tokens + ((now - filledAt) / 1_000) * rate);
    filledAt = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}

/** Why a browser left, for those it talked to. Line ends would be further commands. */
function quitReason(code: number, reason: string): string {
  const said = reason.replace(/[\r\n\0]+/g, ' ').trim();
  if (said !== '') return said;
  if (code === CloseCode.GOING_AWAY) return 'Page closed';
  return code === CloseCode.ABNORMAL ? 'Connection lost' : 'Connection closed';
}
