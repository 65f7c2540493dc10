/**
 * One client and its connection to an IRC server, coupled.
 *
 * In: both ends. Out: lines, each end read only as fast as the other accepts them, and the end of one told to the other in its
 * own words: `QUIT` to the server, a Close frame and, where the user must read why, `ERROR` to the browser. It does not know how
 * either came to be.
 *
 * Laws of this file:
 * 1. Nothing is written to an end that is over, and the first reason for an end is the one that is told.
 * 2. A server's connection outlives its client by `QUIT_TIMEOUT` at the most, whether or not the server reads.
 * 3. An end that accepts nothing for `stallTimeout` is given up, so that the other one is not kept for ever. A client is read
 *    while its server is slow, up to `MAX_WAITING`, so that its leaving is noticed.
 * 4. While a client has no connection and may come back, its server is read on and its PINGs are answered here: ngIRCd waits 20
 *    seconds for a PONG.
 * 5. No ERROR reaches the page from a server that goes down: web clients would not come back.
 *
 * One file, although long: each event of one side is an action on the other.
 */
import type { Socket } from 'node:net';
import type { IrcClient } from '../client/irc-client.ts';
import { CloseCode } from '../errors.ts';
import type { LegacyEncoding } from './encoding.ts';
import { isError, isGoingDown } from './farewell.ts';
import { Introduction } from './introduction.ts';
import { LinePace } from './line-pace.ts';
import { isWebirc } from './own-webirc.ts';
import type { Connected } from './pool.ts';
import type { Registration } from './registration.ts';
import { readChunks } from './shared-reader.ts';
import { WholeLines } from './whole-lines.ts';

/** What a {@link Link} needs to know, and whom it tells. */
export interface LinkOptions {
  readonly limits: { readonly linesPerSecond: number; readonly floodTimeout: number; readonly stallTimeout: number };
  /** Rewrites what the client says until it is registered; `null` where nothing is rewritten. */
  readonly registration: Registration | null;
  /** Why everybody is leaving; `null` while they are not. A browser's answer to our Close frame need not repeat the reason. */
  readonly farewell: () => string | null;
  /** Called when the client is ended because the server did not accept its WEBIRC; `line` is what the server said. */
  readonly onWebircRefused: (line: string) => void;
  /** Called when the client is ended for too many lines. */
  readonly onFlood: () => void;
  /** Called when the client has gone, once. */
  readonly onEnd: (report: LinkReport) => void;
}

/** What went over a link. */
export interface LinkReport {
  /** Lines of the client. */
  readonly lines: number;
  /** Bytes from and to the server. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Milliseconds in which a server must accept a client's `QUIT` and close. */
const QUIT_TIMEOUT = 5_000;

/** Bytes that may wait for a server until its client is not read any more. */
const MAX_WAITING = 131_072;

/** Why a client is not read. */
const Hold = { PACE: 1, SERVER: 2 } as const;

const LF = 0x0a;

/** Couples a client with its server. */
export class Link {
  readonly #client: IrcClient;
  readonly #server: Socket;
  readonly #encoding: LegacyEncoding | null;
  readonly #options: LinkOptions;
  readonly #pace: LinePace;
  readonly #serverLines = new WholeLines();
  /** `null` once the client is registered. */
  #introduction: Introduction | null = new Introduction();
  readonly #usesWebirc: boolean;
  /** Lines of this turn on their way to the server, one character a byte. */
  #toServer = '';
  #lineCount = 0;
  #holds = 0;
  #serverStall: NodeJS.Timeout | null = null;
  #clientStall: NodeJS.Timeout | null = null;
  #hasQuit = false;
  /** Whether the server has told the client why it has to go. */
  #saidError = false;
  #isGoingDown = false;
  /** Whether the client has no connection now, and may come back. */
  #isSuspended = false;
  /** Whether the client has been told to go, or has gone. */
  #isOver = false;

  constructor(client: IrcClient, { socket, upstream }: Connected, options: LinkOptions) {
    this.#client = client;
    this.#server = socket;
    this.#encoding = upstream.encoding;
    this.#options = options;
    this.#usesWebirc = upstream.options.webirc !== undefined;
    if (upstream.options.pass !== undefined) this.#introduction?.passSent();
    this.#pace = new LinePace(options.limits.linesPerSecond, options.limits.floodTimeout, {
      pass: (line) => this.#pass(line),
      hold: () => this.#hold(Hold.PACE),
      release: () => this.#release(Hold.PACE),
      flood: () => this.#flood(),
    });
    client.onLine((line) => this.#takeLine(line), 'latin1');
    client.onDrain(() => this.#clientDrained());
    client.onClose(() => this.#clientGone());
    client.onSuspend(() => this.#clientSuspended());
    client.onResume(() => this.#clientResumed());
    socket.on('drain', () => this.#serverDrained());
    socket.on('error', (error) => this.#serverGone(error));
    socket.on('end', () => this.#serverGone(null));
    socket.on('close', () => this.#serverGone(null));
    readChunks(socket, (chunk) => this.#takeChunk(chunk));
  }

  // From the client to the server.

  #takeLine(line: string): void {
    // Lines of one chunk still come behind the one that was too many.
    if (this.#isOver || !this.#server.writable) return;
    this.#lineCount++;
    this.#pace.take(line);
  }

  #pass(line: string): void {
    if (isWebirc(line)) return;
    if (this.#introduction === null) this.#send(line);
    else this.#sendBeforeWelcome(line, this.#introduction);
  }

  #sendBeforeWelcome(line: string, introduction: Introduction): void {
    const { registration } = this.#options;
    for (const one of registration === null ? [line] : registration.rewrite(line)) {
      if (/^\s*pass\b/i.test(one)) introduction.passSent();
      this.#send(one);
    }
  }

  #send(line: string): void {
    if (!this.#hasQuit && /^quit\b/i.test(line)) this.#hasQuit = true;
    if (this.#toServer === '') process.nextTick(flush, this);
    this.#toServer += `${this.#encoding === null ? line : this.#encoding.encode(line)}\r\n`;
  }

  /** Called once a turn: what a client sent in one read goes to the server in one write. */
  flush(): void {
    const text = this.#toServer;
    this.#toServer = '';
    if (text === '' || !this.#server.writable) return;
    if (!this.#server.write(text, 'latin1') && this.#server.writableLength > MAX_WAITING) {
      this.#hold(Hold.SERVER);
      this.#serverStall ??= setTimeout(() => {
        this.#server.destroy();
        this.#finish(CloseCode.GOING_AWAY, 'The IRC server does not read');
      }, this.#options.limits.stallTimeout);
    }
  }

  #serverDrained(): void {
    if ((this.#holds & Hold.SERVER) === 0) return;
    this.#serverStall = cleared(this.#serverStall);
    this.#release(Hold.SERVER);
  }

  #hold(reason: number): void {
    if (this.#holds === 0) this.#client.pause();
    this.#holds |= reason;
  }

  #release(reason: number): void {
    this.#holds &= ~reason;
    if (this.#holds === 0) this.#client.resume();
  }

  #flood(): void {
    this.#hasQuit = true;
    this.#options.onFlood();
    if (this.#server.writable) this.#server.end('QUIT :Excess Flood\r\n');
    this.#finish(CloseCode.POLICY_VIOLATION, 'Excess Flood', true);
  }

  // From the server to the client.

  #takeChunk(chunk: Buffer): void {
    if (this.#isOver) return;
    let lines: Buffer | null;
    try {
      lines = this.#serverLines.take(chunk);
    } catch {
      this.#server.destroy();
      this.#finish(CloseCode.INTERNAL_ERROR, 'The IRC server sent a line that is too long');
      return;
    }
    if (lines !== null) this.#deliver(lines);
  }

  #deliver(lines: Buffer): void {
    if (this.#introduction !== null && !this.#isIntroduced(this.#introduction, lines)) return;
    let told = lines.includes('ERROR') ? this.#withoutGoodbye(lines) : lines;
    if (this.#isSuspended && told.includes('PING')) told = this.#answerPings(told);
    if (told.length === 0) return;
    if (this.#client.writeLine(this.#encoding === null ? told : this.#encoding.decode(told))) return;
    if (this.#isSuspended && this.#client.queuedSize < MAX_WAITING) return;
    this.#server.pause();
    if (!this.#isSuspended) this.#watchClient();
  }

  #clientDrained(): void {
    if (!this.#server.isPaused()) return;
    this.#clientStall = cleared(this.#clientStall);
    this.#server.resume();
  }

  #watchClient(): void {
    this.#clientStall ??= setTimeout(
      () => this.#finish(CloseCode.POLICY_VIOLATION, 'Nothing was read for too long'),
      this.#options.limits.stallTimeout,
    );
  }

  #clientSuspended(): void {
    this.#isSuspended = true;
    this.#clientStall = cleared(this.#clientStall);
    // A client that was behind is waited for no longer.
    if (this.#client.queuedSize < MAX_WAITING) this.#server.resume();
  }

  #clientResumed(): void {
    this.#isSuspended = false;
    if (this.#server.isPaused()) this.#watchClient();
  }

  /** Answers the server's PINGs for a client that cannot; returns the other lines. */
  #answerPings(lines: Buffer): Buffer {
    const kept: Buffer[] = [];
    for (let at = 0; at < lines.length; ) {
      const end = lines.indexOf(LF, at) + 1 || lines.length;
      const line = lines.subarray(at, end);
      const [, token] = /^(?:@\S+ +)?(?::\S+ +)?PING +(.*?)\r?\n?$/i.exec(line.toString('latin1')) ?? [];
      if (token === undefined) kept.push(line);
      else this.#send(`PONG ${token}`);
      at = end;
    }
    return Buffer.concat(kept);
  }

  /** Returns whether the client may go on: a server that has not accepted WEBIRC takes the gateway's address for the user's. */
  #isIntroduced(introduction: Introduction, lines: Buffer): boolean {
    const refusal = introduction.refusal(lines.toString('latin1'));
    if (introduction.isOver) this.#introduction = null;
    if (refusal === null || !this.#usesWebirc) return true;
    this.#server.destroy();
    this.#options.onWebircRefused(refusal);
    this.#finish(CloseCode.TRY_AGAIN_LATER, 'The IRC server does not know this gateway', true);
    return false;
  }

  /** Returns the lines without the ERROR of a server that goes down. */
  #withoutGoodbye(lines: Buffer): Buffer {
    const kept: Buffer[] = [];
    for (let at = 0; at < lines.length; ) {
      const end = lines.indexOf(LF, at) + 1 || lines.length;
      const line = lines.subarray(at, end);
      const text = line.toString('latin1');
      if (isGoingDown(text)) {
        this.#isGoingDown = true;
      } else {
        this.#saidError ||= isError(text);
        kept.push(line);
      }
      at = end;
    }
    return this.#isGoingDown ? Buffer.concat(kept) : lines;
  }

  // The end of either.

  #serverGone(error: Error | null): void {
    if (this.#isOver) return;
    const rest = this.#serverLines.end();
    if (rest !== null) this.#deliver(rest);
    if (this.#hasQuit || this.#saidError) this.#finish(CloseCode.NORMAL, 'The IRC server closed the connection');
    else if (this.#isGoingDown) this.#finish(CloseCode.GOING_AWAY, 'The IRC server is shutting down');
    else this.#finish(CloseCode.GOING_AWAY, `The IRC server is gone${error === null ? '' : ` (${error.message})`}`);
  }

  #finish(code: number, reason: string, withError = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop();
    dismiss(this.#client, code, reason, withError);
  }

  #clientGone(): void {
    this.#isOver = true;
    this.#stop();
    const server = this.#server;
    if (!server.destroyed) {
      this.flush();
      if (server.writable) {
        const { code = CloseCode.ABNORMAL, reason = '' } = this.#client.closeStatus ?? {};
        const quit = `QUIT :${quitReason(code, this.#options.farewell() ?? reason)}\r\n`;
        server.end(this.#hasQuit ? '' : quit);
      }
      // It may have been paused for a browser that did not read: its end is behind what it has sent.
      server.resume();
      const timer = setTimeout(() => server.destroy(), QUIT_TIMEOUT);
      server.once('close', () => clearTimeout(timer));
    }
    this.#options.onEnd({ lines: this.#lineCount, bytesRead: server.bytesRead, bytesWritten: server.bytesWritten });
  }

  #stop(): void {
    this.#pace.stop();
    this.#serverStall = cleared(this.#serverStall);
    this.#clientStall = cleared(this.#clientStall);
  }
}

function cleared(timer: NodeJS.Timeout | null): null {
  if (timer !== null) clearTimeout(timer);
  return null;
}

/** Not a closure of the link: one for all of them. */
function flush(link: Link): void {
  link.flush();
}

/**
 * Ends a client by a Close frame; `withError`: in IRC's words, too. A client that is ending already was told.
 *
 * IRC's words are for what the user must read: many web clients do not come back behind them.
 */
export function dismiss(client: IrcClient, code: number, reason: string, withError: boolean): void {
  if (!client.writable) return;
  if (withError) client.writeLine(`ERROR :Closing link: (${client.facts.client.address}) [${reason}]`);
  client.close(code, reason);
}

/** Why a browser left, for those it talked to. Line ends would be further commands. */
function quitReason(code: number, reason: string): string {
  const said = reason.replace(/[\r\n\0]+/g, ' ').trim();
  if (said !== '') return said;
  if (code === CloseCode.GOING_AWAY) return 'Page closed';
  return code === CloseCode.ABNORMAL ? 'Connection lost' : 'Connection closed';
}
