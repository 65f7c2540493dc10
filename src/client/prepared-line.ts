/**
 * A line that goes to many: encoded once for text frames, binary frames and plain TCP.
 *
 * In: a line. Out: its byte strings and, for sockets that get nothing else in this turn, a buffer that all of them share. It does
 * not know sockets.
 */
import { countLines, frameWhole, type LineEncoding, toByteString } from './lines.ts';

/** A line that was encoded once; {@link prepareLine} makes it. */
export interface PreparedLine {
  /** The bytes for a plain TCP client, CR LF included. They are shared: do not change them. */
  readonly tcp: Buffer;
}

/**
 * Encodes a line once for text, binary and plain TCP clients, however many get it.
 *
 * @param line with or without its CR LF; LFs within it make it several lines. Bytes are copied: what the caller does with them
 *   later does not matter. @example
 * ```ts
 * const prepared = prepareLine(':irc.example.com NOTICE * :Restart in a minute');
 * broadcast(channel.sockets, prepared);
 * broadcast(hook.clients, prepared);
 * ```
 */
export function prepareLine(line: string | Uint8Array): PreparedLine {
  return new EncodedLine(line);
}

/** The run-time class behind {@link PreparedLine}: each form is made when it is first asked for. */
export class EncodedLine implements PreparedLine {
  readonly #line: string;
  /** How many lines it is. */
  readonly lines: number;
  #tcp: Buffer | undefined;
  #binary: string | undefined;
  #text: string | undefined;
  #textFallback: string | undefined;

  constructor(line: string | Uint8Array) {
    this.#line = toByteString(line, 'utf8');
    this.lines = countLines(this.#line);
  }

  get tcp(): Buffer {
    this.#tcp ??= Buffer.from(
      this.#line
        .split('\n')
        .map((part) => part.replace(/\r+$/, ''))
        .filter((part) => part !== '')
        .map((part) => `${part}\r\n`)
        .join(''),
      'latin1',
    );
    return this.#tcp;
  }

  /** Returns the frames for one client, as a byte string. */
  frames(encoding: LineEncoding): string {
    if (!encoding.isText) {
      this.#binary ??= frameWhole(Buffer.from(this.#line, 'latin1'), encoding);
      return this.#binary;
    }
    if (this.#text === undefined || this.#textFallback !== encoding.fallback) {
      this.#text = frameWhole(Buffer.from(this.#line, 'latin1'), encoding);
      this.#textFallback = encoding.fallback;
    }
    return this.#text;
  }
}
