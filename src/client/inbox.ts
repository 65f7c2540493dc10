/**
 * What comes from one client: lines, on their way to a listener or to a stream.
 *
 * In: messages; a listener, a stream, or for a while neither. Out: each line once, in order; whether more is to be read. It does
 * not know connections.
 *
 * Laws of this file:
 * 1. A line is never lost or overtaken while somebody may still take it: without a taker, lines are held.
 * 2. After {@link Inbox.close}, and after the program's own code has thrown, nothing is delivered.
 * 3. The end of the stream comes behind the lines that are held, but for a server that has said goodbye: it may never take them.
 */
import { Content } from '../protocol/mask.ts';
import { splitMessage } from './lines.ts';

export type LineFormat = 'utf8' | 'latin1' | 'buffer';
export type LineListener = ((line: string) => void) | ((line: Buffer) => void);

/** The stream over a client, as the inbox sees it. */
export interface LineStream {
  /** Takes one line, `chunk[start, end)`, which is valid during the call. */
  line(chunk: Buffer, start: number, end: number): void;
  /** Called when a read has given all its lines. */
  linesTaken(): void;
  /** Whether the stream has asked for more to read, and has not got it. */
  readonly wantsLines: boolean;
  /** Called when no more lines come. */
  ended(): void;
  /** Whether the server has said goodbye. */
  readonly hasSaidGoodbye: boolean;
}

/** Receives what an {@link Inbox} notices. */
export interface InboxOwner {
  /** Where lines go without a listener; `null`: they wait. */
  readonly stream: LineStream | null;
  /** Begins or ends reading. */
  readLines(reads: boolean): void;
  /** Watches what a listener returned: an `async` one may reject. */
  watch(during: 'onLine', result: unknown): void;
  /** Takes what a listener threw. */
  fault(error: unknown, during: 'onLine'): void;
}

/** Delivers one client's lines. */
export class Inbox {
  readonly #owner: InboxOwner;
  #listener: LineListener | null = null;
  #format: LineFormat = 'utf8';
  /** Lines that nobody takes yet; `null`: lines go out as they come. */
  #held: Buffer[] | null = null;
  #isPaused = false;
  #isClosed = false;
  /** Whether the stream's end waits for lines that are held. */
  #owesEnd = false;

  constructor(owner: InboxOwner) {
    this.#owner = owner;
  }

  get hasListener(): boolean {
    return this.#listener !== null;
  }

  /** Whether nothing is delivered any more; what a stream still holds is not, either. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether somebody takes lines now. */
  get wantsLines(): boolean {
    if (this.#isClosed) return false;
    return this.#listener === null ? this.#owner.stream?.wantsLines === true : !this.#isPaused;
  }

  /** Takes a message, `chunk[start, end)`, which is valid during the call. Returns the number of lines in it. */
  take(chunk: Buffer, start: number, end: number, content: number): number {
    const isAscii = (content & Content.NOT_ASCII) === 0;
    // Nearly every message comes this way: it has no line end within it.
    if ((content & Content.CONTROLS) === 0) {
      if (start === end) return 0;
      this.#takeLine(chunk, start, end, isAscii);
      return 1;
    }
    return splitMessage(chunk, start, end, (lineStart, lineEnd) => this.#takeLine(chunk, lineStart, lineEnd, isAscii));
  }

  /** Call this when a read has given all its messages. */
  readEnded(): void {
    this.#owner.stream?.linesTaken();
  }

  /** Has lines go to `listener`; `null`: to the stream, or nowhere. */
  setListener(listener: LineListener | null, format: LineFormat): void {
    this.#listener = listener;
    this.#format = format;
    if (listener === null && this.#owner.stream === null) {
      // The lines that are left of this read wait for the next listener.
      this.#held ??= [];
      this.#owner.readLines(false);
      return;
    }
    this.resume();
    if (!this.wantsLines) this.#owner.readLines(false);
  }

  /** Puts lines in front of all that come: the stream had them already. */
  putBack(lines: readonly Buffer[]): void {
    if (lines.length > 0) this.#held = [...lines, ...(this.#held ?? [])];
  }

  /**
   * Stops reading. The lines of the present read still come.
   *
   * @param holds whether those are held, too
   */
  pause(holds: boolean): void {
    this.#isPaused = true;
    if (holds) this.#held ??= [];
    this.#owner.readLines(false);
  }

  /** Delivers what is held, and reads on. */
  resume(): void {
    this.#isPaused = false;
    this.#release();
    if (this.wantsLines) this.#owner.readLines(true);
  }

  /** Ends the stream, behind what is held. */
  end(): void {
    const stream = this.#owner.stream;
    if (this.#held !== null && this.#held.length > 0 && stream?.hasSaidGoodbye === false) {
      this.#owesEnd = true;
      return;
    }
    this.#held = null;
    stream?.ended();
  }

  /** Call this when the server says goodbye: an end that waits for lines it holds by `pause` waits no more. */
  sayGoodbye(): void {
    if (!this.#owesEnd) return;
    this.#owesEnd = false;
    this.#held = null;
    this.#owner.stream?.ended();
  }

  /** Delivers nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#held = null;
  }

  #takeLine(chunk: Buffer, start: number, end: number, isAscii: boolean): void {
    if (this.#isClosed) return;
    if (this.#held !== null || (this.#listener === null && this.#owner.stream === null)) {
      this.#held ??= [];
      this.#held.push(Buffer.from(chunk.subarray(start, end)));
    } else if (this.#listener === null) {
      this.#owner.stream?.line(chunk, start, end);
    } else {
      this.#callListener(this.#listener, chunk, start, end, isAscii);
    }
  }

  #callListener(listener: LineListener, bytes: Buffer, start: number, end: number, isAscii: boolean): void {
    try {
      const result: unknown =
        this.#format === 'buffer'
          ? (listener as (line: Buffer) => unknown)(bytes.subarray(start, end))
          : // latin1 is the faster way to the same string where every byte is ASCII.
            (listener as (line: string) => unknown)(bytes.toString(isAscii ? 'latin1' : this.#format, start, end));
      if (result !== undefined) this.#owner.watch('onLine', result);
    } catch (error) {
      this.#owner.fault(error, 'onLine');
    }
  }

  /** Delivers the lines that were held, in order, as long as somebody takes them. */
  #release(): void {
    const held = this.#held;
    if (held === null) return;
    while (held.length > 0 && this.#held === held && !(this.#isPaused && this.#listener !== null)) {
      if (this.#listener === null && this.#owner.stream === null) return;
      // The line is removed before the call: a listener may pause and resume, which runs this loop again.
      const line = held.shift() as Buffer;
      if (this.#listener !== null) this.#callListener(this.#listener, line, 0, line.length, false);
      else this.#owner.stream?.line(line, 0, line.length);
    }
    this.#owner.stream?.linesTaken();
    if (this.#held !== held || held.length > 0 || (this.#listener === null && this.#owner.stream === null)) return;
    this.#held = null;
    if (!this.#owesEnd) return;
    this.#owesEnd = false;
    this.#owner.stream?.ended();
  }
}
