/**
 * IRC lines in WebSocket messages: one message is one line (IRCv3 WebSocket, "Message framing").
 *
 * Inwards, in: the payload of one message. Out: its lines without line ends. Outwards, in: whatever a server writes to a socket. Out: one frame a line.
 * It does not know sockets or connections.
 *
 * Frames and bytes are handed on as *byte strings*: latin1 strings of one character a byte. An ASCII line becomes a frame by one concatenation, what a
 * client is to get in one turn of the event loop is one string, and Node writes it without an allocation (`docs/performance.md`).
 */
import { isUtf8 } from 'node:buffer';
import { frameHeader, Opcode } from '../protocol/frame.ts';
import { decodeFallback } from './charset.ts';

/** How lines leave for one client. */
export interface LineEncoding {
  /** Text frames, where every byte must be UTF-8; else binary frames, where bytes pass unchanged. */
  readonly isText: boolean;
  /** What bytes that are not UTF-8 are taken for in text frames; `undefined`: replaced by U+FFFD. */
  readonly fallback: string | undefined;
}

const LF = 0x0a;
const CR = 0x0d;

/**
 * Calls `take` for each line in `bytes[start, end)`; the number of lines.
 *
 * A trailing CR LF is dropped. CR or LF within a message ends a line there: InspIRCd glues the parts, which makes of two harmless commands one that
 * may not be. Empty lines vanish.
 */
export function splitMessage(bytes: Uint8Array, start: number, end: number, take: (start: number, end: number) => void): number {
  let lines = 0;
  let lineStart = start;
  for (let i = start; i <= end; i++) {
    const byte = i < end ? (bytes[i] as number) : LF;
    if (byte !== LF && byte !== CR) continue;
    if (i > lineStart) {
      take(lineStart, i);
      lines++;
    }
    lineStart = i + 1;
  }
  return lines;
}

/** Cuts a stream of bytes into lines and frames them; keeps what is behind the last LF. */
export class LineFramer {
  #rest = '';

  /** Gives the frames of the lines that `data` completes, as one byte string. A line ends at LF; CR before it is dropped. */
  frame(data: string | Uint8Array, stringEncoding: BufferEncoding, encoding: LineEncoding): string {
    const isAscii = typeof data === 'string' && ASCII_ENCODINGS.has(stringEncoding) && isAsciiText(data);
    const text = isAscii ? (data as string) : toByteString(data, stringEncoding);
    // LF is looked for in what is new, never again in the rest: a huge line that comes in small writes costs each byte once.
    let lf = text.indexOf('\n');
    if (lf === -1) {
      this.#rest += text;
      return '';
    }
    let frames = '';
    let lineStart = 0;
    if (this.#rest !== '') {
      frames = frameLine(this.#rest + text.slice(0, lf), false, encoding);
      lineStart = lf + 1;
      lf = text.indexOf('\n', lineStart);
    }
    while (lf !== -1) {
      frames += frameLine(text.slice(lineStart, lf), isAscii, encoding);
      lineStart = lf + 1;
      lf = text.indexOf('\n', lineStart);
    }
    this.#rest = text.slice(lineStart);
    return frames;
  }

  /** Gives the rest without LF as a last frame. */
  end(encoding: LineEncoding): string {
    const rest = this.#rest;
    this.#rest = '';
    return frameLine(rest, false, encoding);
  }

  /** Bytes that wait for a LF. */
  get size(): number {
    return this.#rest.length;
  }
}

/** Frames what is whole: one line, with or without its line end; where there are LFs within it, as many lines. A byte string. */
export function frameWhole(line: string | Uint8Array, encoding: LineEncoding): string {
  const isAscii = typeof line === 'string' && isAsciiText(line);
  const text = isAscii ? (line as string) : toByteString(line, 'utf8');
  if (!text.includes('\n')) return frameLine(text, isAscii, encoding);
  let frames = '';
  for (const part of text.split('\n')) frames += frameLine(part, isAscii, encoding);
  return frames;
}

/** Frames one line without LF, given as a byte string; CRs at its end are dropped, and an empty line is no frame. */
function frameLine(line: string, isAscii: boolean, encoding: LineEncoding): string {
  let text = line;
  while (text.endsWith('\r')) text = text.slice(0, -1);
  if (text === '') return '';
  if (!encoding.isText) return frameHeader(Opcode.BINARY, text.length) + text;
  if (!isAscii) text = toUtf8(text, encoding.fallback);
  return frameHeader(Opcode.TEXT, text.length) + text;
}

/** In these, characters below 0x80 are the bytes of the same number. */
const ASCII_ENCODINGS: ReadonlySet<string> = new Set(['utf8', 'utf-8', 'latin1', 'binary', 'ascii']);

/** Tells whether a string is ASCII alone, so that it is its own UTF-8. Half the time of a regular expression, a tenth of a loop. */
function isAsciiText(text: string): boolean {
  return Buffer.byteLength(text, 'utf8') === text.length;
}

/** Gives the byte string of what a server wrote, whatever encoding it named. */
export function toByteString(data: string | Uint8Array, encoding: BufferEncoding): string {
  if (typeof data === 'string') return Buffer.from(data, encoding).toString('latin1');
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
}

/** Gives the byte string's bytes as they are where they are UTF-8, and made UTF-8 where they are not. */
function toUtf8(text: string, fallback: string | undefined): string {
  const bytes = Buffer.from(text, 'latin1');
  return isUtf8(bytes) ? text : toByteString(decodeFallback(bytes, fallback), 'utf8');
}
