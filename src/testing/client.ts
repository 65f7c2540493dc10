/**
 * A WebSocket client for tests: lines in, lines out.
 *
 * In: a stream that has become a WebSocket. Out: a {@link TestClient}. It checks the server's frames as a browser would, answers
 * pings and Close frames, and uses no timer. It does not know how the stream came to be.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { IrcClient } from '../client/irc-client.ts';
import type { IrcSocket } from '../client/irc-socket.ts';
import type { CloseStatus } from '../connection/connection.ts';
import { WebSocketSession } from '../protocol/web-socket-session.ts';

/** A connected client; made by `connect`. Iterate over it for the lines that come, until it is closed. */
export interface TestClient extends AsyncIterable<string> {
  /** The server's side of this connection as a socket: what `onConnection` got. */
  readonly socket: IrcSocket;
  /** The server's side of this connection as lines: what `onClient` got. */
  readonly client: IrcClient;
  /** The subprotocol that was chosen; `null` if there is none. */
  readonly protocol: string | null;
  /** Every line that has come, in order, also those that `nextLine` returned. */
  readonly lines: readonly string[];
  /** How the connection ended, as a browser's `CloseEvent` says it; never rejects. */
  readonly closed: Promise<CloseStatus>;
  /** Sends a line as one message: binary under a `binary.` subprotocol, else text. Nothing once the connection is closing. */
  send(line: string): void;
  /** Sends bytes as one binary message, whatever they are. */
  sendBinary(bytes: Uint8Array): void;
  /**
   * Returns the next line that neither this nor an iteration has returned before. It waits for a line that has not come yet.
   *
   * @throws Error if the connection ends before the line comes
   */
  nextLine(): Promise<string>;
  /** Closes with a Close frame, and resolves to how that ended. @throws RangeError for a code that may not be sent */
  close(code?: number, reason?: string): Promise<CloseStatus>;
  /** Ends the connection without a Close frame, as a lost network does: the server sees 1006. */
  destroy(): void;
}

/** More than any hook sends in one message. */
const LIMITS = { maxMessageSize: 16 * 1024 * 1024, maxFragments: 1_024 } as const;

/** A {@link TestClient} without the server's side, which it does not know. */
export class ClientConnection implements Omit<TestClient, 'socket' | 'client'> {
  readonly #stream: Duplex;
  readonly #session: WebSocketSession;
  readonly #sendsBinary: boolean;
  readonly protocol: string | null;
  readonly lines: string[] = [];
  readonly closed: Promise<CloseStatus>;
  #status: CloseStatus | null = null;
  #given = 0;
  readonly #waiting: ((line: string | null) => void)[] = [];

  constructor(stream: Duplex, protocol: string | null) {
    this.#stream = stream;
    this.protocol = protocol;
    this.#sendsBinary = protocol?.toLowerCase().startsWith('binary.') ?? false;
    let resolveClosed: (status: CloseStatus) => void;
    this.closed = new Promise((resolve) => {
      resolveClosed = resolve;
    });
    this.#session = new WebSocketSession(
      LIMITS,
      {
        write: (bytes) => void (stream.writable && stream.write(bytes)),
        message: (bytes) => this.#take(bytes.toString('utf8')),
        closed: (code, reason, clean) => {
          this.#status = { code, reason, clean };
          for (const resolve of this.#waiting.splice(0)) resolve(null);
          stream.end();
          resolveClosed(this.#status);
        },
      },
      { maskKey: () => randomBytes(4) },
    );
    stream.on('data', (chunk: Buffer) => this.#session.receive(chunk));
    stream.on('end', () => this.#session.receiveEnd());
    stream.on('close', () => this.#session.receiveEnd());
    stream.resume();
  }

  send(line: string): void {
    if (this.#sendsBinary) this.#session.sendBinary(Buffer.from(line, 'utf8'));
    else this.#session.sendText(line);
  }

  sendBinary(bytes: Uint8Array): void {
    this.#session.sendBinary(bytes);
  }

  async nextLine(): Promise<string> {
    const line = await this.#next();
    if (line !== null) return line;
    const { code, reason } = this.#status as CloseStatus;
    throw new Error(`the connection ended before a line came: ${code} ${reason}`.trimEnd());
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    for (let line = await this.#next(); line !== null; line = await this.#next()) yield line;
  }

  close(code?: number, reason?: string): Promise<CloseStatus> {
    this.#session.close(code, reason);
    return this.closed;
  }

  destroy(): void {
    this.#stream.destroy();
  }

  /** The next line, or `null` where the connection ends before. */
  #next(): Promise<string | null> {
    const line = this.lines[this.#given];
    if (line !== undefined) {
      this.#given++;
      return Promise.resolve(line);
    }
    if (this.#status !== null) return Promise.resolve(null);
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #take(line: string): void {
    this.lines.push(line);
    const resolve = this.#waiting.shift();
    if (resolve === undefined) return;
    this.#given++;
    resolve(line);
  }
}
