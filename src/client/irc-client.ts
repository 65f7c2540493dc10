/**
 * A web client as a server of lines sees it.
 *
 * In: a {@link Client}. Out: the object that `onClient` gets. No stream is made. It has no state of its own: a server may put any property on it.
 */
import type { ConnectionFacts } from '../admission/facts.ts';
import type { CloseStatus } from '../connection/connection.ts';
import { CloseCode } from '../errors.ts';
import { isSendableCloseCode } from '../protocol/close.ts';
import type { Client, LineListener } from './client.ts';
import { type IrcSocket, socketOver } from './irc-socket.ts';
import type { PreparedLine } from './prepared-line.ts';
import { checkLineListener, writeLineTo } from './write-line.ts';

/**
 * One web client, as lines.
 *
 * @example
 * ```ts
 * createWebSocketHook({
 *   origins: ['https://chat.example.com'],
 *   onClient: (client) => {
 *     client.onLine((line) => client.writeLine(`:irc.example.com NOTICE * :${line}`));
 *     client.onClose(({ code }) => console.log('gone', code));
 *   },
 * });
 * ```
 */
export interface IrcClient {
  /** What is known of the connection; frozen. Another frozen object takes its place after {@link IrcClient.setRemoteAddress}, and when the client comes back. */
  readonly facts: ConnectionFacts;
  /** How the connection ended, from the moment it has; `null` before. */
  readonly closeStatus: CloseStatus | null;
  /** Whether lines can be sent. They are kept for a client that has lost its connection and may come back. */
  readonly writable: boolean;
  /** Bytes that wait for the client. Over `sendQueueLimit` it is closed. */
  readonly queuedSize: number;
  /**
   * Has each line delivered to `listener`, without CR LF. Reading begins with the first listener: a client that leaves before takes
   * its lines with it. `null` stops it: lines wait for the next one.
   * A listener that throws, or rejects, ends this client with 1011.
   *
   * @param encoding how bytes become a string: `utf8` replaces what is not UTF-8 (binary clients may send it) by U+FFFD; `latin1` keeps every byte as
   *   one character. @defaultValue `'utf8'`
   */
  onLine(listener: ((line: string) => void) | null, encoding?: 'utf8' | 'latin1'): this;
  /** Has each line delivered as bytes: a view of the read buffer, valid during the call. To keep it, copy it. */
  onLine(listener: (line: Buffer) => void, encoding: 'buffer'): this;
  /**
   * Sends a line, with or without CR LF. LFs within it make it several lines.
   *
   * @returns `false` when the client is behind ({@link IrcClient.onDrain} follows), or gone
   */
  writeLine(line: string | Uint8Array | PreparedLine): boolean;
  /** Has `listener` called when a client that was behind has caught up. */
  onDrain(listener: () => void): this;
  /** Has `listener` called once, when the client is gone. */
  onClose(listener: (status: CloseStatus) => void): this;
  /** Has `listener` called when the client has lost its connection and may come back within `resumeWindow`. */
  onSuspend(listener: () => void): this;
  /** Has `listener` called when the client has come back, perhaps from another address. */
  onResume(listener: (facts: ConnectionFacts) => void): this;
  /** Stops reading, behind the lines of the present read. */
  pause(): this;
  /** Reads on. */
  resume(): this;
  /**
   * Sends a native ping. `callback` gets the milliseconds until a pong came. Returns `false` where `nativePing` is off or the connection is not open: the
   * server then sends an IRC PING.
   */
  ping(callback?: (roundTrip: number) => void): boolean;
  /**
   * Ends the connection by a Close frame that says why, behind everything written before. It is gone within `closeTimeout`.
   *
   * @param code RFC 6455 section 7.4 @defaultValue `1000`
   * @param reason a reason over 123 bytes is cut at a code point
   * @throws RangeError for a code that may not be sent
   */
  close(code?: number, reason?: string): void;
  /** Ends the connection at once. */
  destroy(): void;
  /**
   * Sets the client's address, as WEBIRC tells it: `facts.client` follows. Once: where a proxy's header or the PROXY protocol has told the address
   * already, that was the one time.
   *
   * @throws WebSocketError `ERR_ADDRESS_SET` the second time, `ERR_ADDRESS` for a text that is no address
   */
  setRemoteAddress(address: string, port?: number): void;
  /** Returns the same client as a stream, the same one at each call. Without a line listener its lines go there. */
  toSocket(): IrcSocket;
}

/** The run-time class behind {@link IrcClient}. */
export class LineClient implements IrcClient {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Returns the client behind an {@link IrcClient}, or `undefined`. */
  static behind(value: object): Client | undefined {
    return #client in value ? (value as LineClient).#client : undefined;
  }

  get facts(): ConnectionFacts {
    return this.#client.facts;
  }

  get closeStatus(): CloseStatus | null {
    return this.#client.closeStatus;
  }

  get writable(): boolean {
    return this.#client.writable;
  }

  get queuedSize(): number {
    return this.#client.queuedSize;
  }

  onLine(listener: LineListener | null, encoding: 'utf8' | 'latin1' | 'buffer' = 'utf8'): this {
    checkLineListener(listener, encoding);
    this.#client.setListener(listener, encoding);
    return this;
  }

  writeLine(line: string | Uint8Array | PreparedLine): boolean {
    return writeLineTo(this.#client, line);
  }

  onDrain(listener: () => void): this {
    this.#client.on('onDrain', requireListener('onDrain', listener));
    return this;
  }

  onClose(listener: (status: CloseStatus) => void): this {
    this.#client.on('onClose', requireListener('onClose', listener));
    return this;
  }

  onSuspend(listener: () => void): this {
    this.#client.on('onSuspend', requireListener('onSuspend', listener));
    return this;
  }

  onResume(listener: (facts: ConnectionFacts) => void): this {
    this.#client.on('onResume', requireListener('onResume', listener));
    return this;
  }

  pause(): this {
    this.#client.pause();
    return this;
  }

  resume(): this {
    this.#client.resume();
    return this;
  }

  ping(callback?: (roundTrip: number) => void): boolean {
    return this.#client.ping(callback);
  }

  close(code: number = CloseCode.NORMAL, reason = ''): void {
    if (!isSendableCloseCode(code)) throw new RangeError(`close code ${code} may not be sent`);
    this.#client.close(code, reason);
  }

  destroy(): void {
    this.#client.destroy();
  }

  setRemoteAddress(address: string, port?: number): void {
    this.#client.setRemoteAddress(address, port);
  }

  toSocket(): IrcSocket {
    return socketOver(this.#client);
  }
}

function requireListener<Listener>(method: string, listener: Listener): Listener {
  if (typeof listener !== 'function') throw new TypeError(`${method} takes a function`);
  return listener;
}
