/**
 * The control messages of connections that survive, and their close codes (docs/resume.md).
 *
 * In: numbers and tokens, or the bytes of a binary message. Out: a frame as a byte string, or what the message says. It does not
 * know sessions.
 */
import { encodeFrame, Opcode } from '../protocol/frame.ts';

/** Close codes of the range for applications, RFC 6455 section 7.4.2. */
export const ResumeCode = {
  /** The resumption is refused: the session is unknown, over, or not for this client. */
  REFUSED: 4900,
  /** A newer connection has taken this one's place. */
  REPLACED: 4901,
  /** The page has given this connection up: it seems dead, and the session goes on. */
  GIVEN_UP: 4902,
} as const;

/** A control message that a page may send. */
export type PageMessage = { readonly kind: 'ack'; readonly received: number } | { readonly kind: 'ping' };

/** More than any control message has. */
const MAX_SIZE = 256;

/** Decimal, without sign or leading zeros. */
const COUNT = /^(?:0|[1-9]\d{0,15})$/;

/** Formats a control message as a frame: words, separated by one blank. */
export function controlFrame(...words: readonly (string | number)[]): string {
  return encodeFrame(Opcode.BINARY, Buffer.from(words.join(' '), 'latin1')).toString('latin1');
}

/** Reads what a page sent. Returns `null` for what is no control message. */
export function readPageMessage(bytes: Buffer): PageMessage | null {
  if (bytes.length > MAX_SIZE) return null;
  const [word, count, ...rest] = bytes.toString('latin1').split(' ');
  if (word === 'ping' && count === undefined) return { kind: 'ping' };
  if (word !== 'ack' || count === undefined || rest.length > 0 || !COUNT.test(count)) return null;
  const received = Number(count);
  return Number.isSafeInteger(received) ? { kind: 'ack', received } : null;
}
