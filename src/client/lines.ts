/**
 * IRC lines in WebSocket messages: one message is one line (IRCv3 WebSocket, "Message framing").
 *
 * Inwards, in: the payload of one message. Out: its lines without line ends. Outwards, in: whatever a server writes to a socket.
 * Out: one frame a line. It does not know sockets or connections.
 *
 * Frames and bytes are handed on as *byte strings*: latin1 strings of one character a byte. An ASCII line becomes a frame by one
 * concatenation, what a client is to get in one turn of the event loop is one string, and Node writes it without an allocation
 * (`docs/performance.md`).
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
 * A trailing CR LF is dropped. CR or LF within a message ends a line there: InspIRCd glues the parts, which makes of two harmless
 * commands one that may not be. Empty lines vanish.
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
  /** How many lines the last call framed. */
  lines = 0;
  /** Whether the last frames were made for another call: who writes one line to many gives them all the same string. */
  wasFramedBefore = false;

  /** Returns the frames of the lines that `data` completes, as one byte string. A line ends at LF; CR before it is dropped. */
  frame(data: string | Uint8Array, stringEncoding: BufferEncoding, encoding: LineEncoding): string {
    this.wasFramedBefore = this.#rest === '' && encoding === lastFramed.encoding;
    if (this.wasFramedBefore && isLastFramed(data, stringEncoding)) {
      this.lines = lastFramed.lines;
      return lastFramed.frames;
    }
    const isAscii = typeof data === 'string' && ASCII_ENCODINGS.has(stringEncoding) && isAsciiText(data);
    const text = isAscii ? (data as string) : toByteString(data, stringEncoding);
    if (this.wasFramedBefore && text === lastFramed.text) {
      // This may be the second of many calls. From the third call on only the bytes are compared, and no string is made.
      if (typeof data !== 'string') lastFramed.bytes = Buffer.from(data);
      this.lines = lastFramed.lines;
      return lastFramed.frames;
    }
    this.wasFramedBefore = false;
    this.lines = 0;
    // LF is searched in the new text only, not in the rest again. So each byte of a huge line in small writes is searched once.
    let lf = text.indexOf('\n');
    if (lf === -1) {
      this.#rest += text;
      return '';
    }
    const isWhole = this.#rest === '';
    let frames = '';
    let lineStart = 0;
    if (!isWhole) {
      const line = this.#rest + text.slice(0, lf);
      frames = frameLine(line, 0, line.length, false, encoding);
      this.lines = 1;
      lineStart = lf + 1;
      lf = text.indexOf('\n', lineStart);
    }
    while (lf !== -1) {
      frames += frameLine(text, lineStart, lf, isAscii, encoding);
      this.lines++;
      lineStart = lf + 1;
      lf = text.indexOf('\n', lineStart);
    }
    if (lineStart < text.length) {
      this.#rest = text.slice(lineStart);
    } else {
      this.#rest = '';
      if (isWhole && text.length <= MAX_REMEMBERED_SIZE) remember(data, stringEncoding, text, encoding, frames, this.lines);
    }
    return frames;
  }

  /** Returns the rest without LF as a last frame. */
  end(encoding: LineEncoding): string {
    const rest = this.#rest;
    this.#rest = '';
    return frameLine(rest, 0, rest.length, false, encoding);
  }

  /** Bytes that wait for a LF. */
  get size(): number {
    return this.#rest.length;
  }
}

/**
 * What was framed last: a server that writes the same line to each member of a channel pays for it once (with `Client`'s short
 * way past the stream, 0.34 of plain TCP's price became 0.16). Bytes are compared as text, never by the buffer that they are in:
 * servers use buffers again.
 */
const lastFramed = {
  data: null as string | null,
  bytes: null as Buffer | null,
  text: '',
  encoding: null as LineEncoding | null,
  frames: '',
  lines: 0,
};

/** More than any line; what is kept alive by being remembered is bounded. */
const MAX_REMEMBERED_SIZE = 16_384;

function isLastFramed(data: string | Uint8Array, stringEncoding: BufferEncoding): boolean {
  if (typeof data === 'string') return data === lastFramed.data && stringEncoding === 'utf8';
  return lastFramed.bytes !== null && lastFramed.bytes.length === data.length && lastFramed.bytes.equals(data);
}

function remember(
  data: string | Uint8Array,
  stringEncoding: BufferEncoding,
  text: string,
  encoding: LineEncoding,
  frames: string,
  lines: number,
): void {
  // The same string in another encoding has other bytes, so it is kept for UTF-8 only.
  lastFramed.data = typeof data === 'string' && stringEncoding === 'utf8' ? data : null;
  lastFramed.bytes = null;
  lastFramed.text = text;
  lastFramed.encoding = encoding;
  lastFramed.frames = frames;
  lastFramed.lines = lines;
}

/** Frames what is whole: one line, with or without its line end; where there are LFs within it, as many lines. A byte string. */
export function frameWhole(line: string | Uint8Array, encoding: LineEncoding): string {
  const isAscii = typeof line === 'string' && isAsciiText(line);
  const text = isAscii ? (line as string) : toByteString(line, 'utf8');
  let frames = '';
  let lineStart = 0;
  for (let lf = text.indexOf('\n'); lf !== -1; lf = text.indexOf('\n', lineStart)) {
    frames += frameLine(text, lineStart, lf, isAscii, encoding);
    lineStart = lf + 1;
  }
  return frames + frameLine(text, lineStart, text.length, isAscii, encoding);
}

/** Counts the lines that {@link frameWhole} frames: one, and one more for each LF within. */
export function countLines(line: string | Uint8Array): number {
  const text = typeof line === 'string' ? line : toByteString(line, 'utf8');
  let lines = 1;
  for (let lf = text.indexOf('\n'); lf !== -1 && lf < text.length - 1; lf = text.indexOf('\n', lf + 1)) lines++;
  return lines;
}

/** Frames the line in `text[start, end)`, a byte string without LF; CRs at its end are dropped, and an empty line is no frame. */
function frameLine(text: string, start: number, end: number, isAscii: boolean, encoding: LineEncoding): string {
  let lineEnd = end;
  while (lineEnd > start && text.charCodeAt(lineEnd - 1) === CR) lineEnd--;
  if (lineEnd === start) return '';
  let line = text.slice(start, lineEnd);
  if (!encoding.isText) return frameHeader(Opcode.BINARY, line.length) + line;
  if (!isAscii) line = toUtf8(line, encoding.fallback);
  return frameHeader(Opcode.TEXT, line.length) + line;
}

/** In these, characters below 0x80 are the bytes of the same number. */
const ASCII_ENCODINGS: ReadonlySet<string> = new Set(['utf8', 'utf-8', 'latin1', 'binary', 'ascii']);

/**
 * Returns whether a string is ASCII alone, so that it is its own UTF-8. Half the time of a regular expression, a tenth of a loop.
 */
function isAsciiText(text: string): boolean {
  return Buffer.byteLength(text, 'utf8') === text.length;
}

/** Returns the byte string of what a server wrote, whatever encoding it named. */
export function toByteString(data: string | Uint8Array, encoding: BufferEncoding): string {
  if (typeof data === 'string') return Buffer.from(data, encoding).toString('latin1');
  // To make a view takes as long as to make the string, so a Buffer is used as it is.
  const bytes = Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return bytes.toString('latin1');
}

/** Returns the bytes of a byte string as UTF-8: as they are where they are UTF-8, decoded and encoded where they are not. */
function toUtf8(text: string, fallback: string | undefined): string {
  const bytes = Buffer.from(text, 'latin1');
  return isUtf8(bytes) ? text : toByteString(decodeFallback(bytes, fallback), 'utf8');
}
