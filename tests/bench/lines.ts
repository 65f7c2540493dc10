/**
 * The lines of the benchmarks: the same in every run, and known to both processes, so that bytes can be checked at both ends.
 */
import type { Scenario } from './scenarios.ts';

/** The line of which the fan-out's control connection knows that all have theirs. */
export const GO = 'GO';

/** Returns the lines that come in, over and over. */
export function linesIn({ app, lineSize, nonAsciiEvery = 0 }: Scenario): readonly string[] {
  if (app === 'echo' || app === 'burst') return ['PING :irc.example 1234567890'];
  if (app === 'fan-out') return [GO];
  return Array.from({ length: 200 }, (_, i) => {
    const size = lineSize ?? 60 + ((i * 37) % 61);
    const text = nonAsciiEvery > 0 && i % nonAsciiEvery === 0 ? 'grüße aus köln — ' : '';
    const start = `PRIVMSG #channel :${text}`.slice(0, size);
    return (
      start + 'the quick brown fox jumps over the lazy dog '.repeat(200).slice(0, Math.max(0, size - Buffer.byteLength(start)))
    );
  });
}

/** The line that an echo server gives back. */
export const PONG = ':irc.example PONG irc.example :1234567890';

/** What a JOIN, NAMES and WHOIS give back. */
export const BURST: readonly string[] = Array.from(
  { length: 10 },
  (_, i) => `:irc.example ${353 + i} ada #channel :${'nick'.repeat(12 + i)}`,
);

/** Different lines for the members of a channel. */
export const FAN_OUT: readonly string[] = Array.from(
  { length: 10 },
  (_, i) => `:ada!ada@198.51.100.7 PRIVMSG #channel :${`line ${i} `.repeat(8)}`,
);

/** What a new client is greeted with. */
export const GREETING = ':irc.example NOTICE * :*** Looking up your hostname...';

/** Bytes of a server's frame, or line, on the wire. */
export function wireSize(line: string, isWebSocket: boolean): number {
  const size = Buffer.byteLength(line);
  if (!isWebSocket) return size + 2;
  return size + (size < 126 ? 2 : 4);
}
