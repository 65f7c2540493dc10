/**
 * A web client as a server of lines sees it.
 *
 * In: a {@link Client}. Out: the object that `onClient` gets. No stream is made. It has no state of its own: a server may put any
 * property on it.
 */
import type { ConnectionFacts } from '../admission/facts.ts';
import type { CloseStatus } from '../connection/connection.ts';
import { CloseCode } from '../errors.ts';
import { isSendableCloseCode } from '../protocol/close.ts';
import type { Client } from './client.ts';
import type { LineListener } from './inbox.ts';
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
  /**
   * What is known of the connection. The object is frozen: {@link IrcClient.setRemoteAddress} and a resumption put another one in
   * its place.
   */
  readonly facts: ConnectionFacts;
  /** How the connection ended; `null` until it has. */
  readonly closeStatus: CloseStatus | null;
  /** Whether lines can be sent. They are kept for a client that has lost its connection and may come back. */
  readonly writable: boolean;
  /** Bytes that wait for the client. Over `sendQueueLimit` it is closed. */
  readonly queuedSize: number;
  /**
   * Calls `listener` with each line, without CR LF. Reading begins with the first listener: the lines of a client that leaves
   * before are lost. `null` stops reading: lines then wait for the next listener. A listener that throws or rejects ends this
   * client with 1011.
   *
   * @param encoding how bytes become a string. `utf8` replaces bytes that are not UTF-8 by U+FFFD: binary clients may send such.
   *   `latin1` keeps every byte as one character. @defaultValue `'utf8'`
   */
  onLine(listener: ((line: string) => void) | null, encoding?: 'utf8' | 'latin1'): this;
  /** Calls `listener` with each line as bytes. They are a view of the read buffer, valid during the call: copy what you keep. */
  onLine(listener: (line: Buffer) => void, encoding: 'buffer'): this;
  /**
   * Sends a line, with or without CR LF. LFs within it make it several lines.
   *
   * @returns `false` when the client is behind ({@link IrcClient.onDrain} follows), or gone
   */
  writeLine(line: string | Uint8Array | PreparedLine): boolean;
  /** Calls `listener` when a client that was behind has caught up. */
  onDrain(listener: () => void): this;
  /** Calls `listener` once, when the client is gone. */
  onClose(listener: (status: CloseStatus) => void): this;
  /** Calls `listener` when the client has lost its connection and may come back within `resumeWindow`. */
  onSuspend(listener: () => void): this;
  /** Calls `listener` when the client has come back, perhaps from another address. */
  onResume(listener: (facts: ConnectionFacts) => void): this;
  /** Stops reading. Lines that were read already still come. */
  pause(): this;
  /** Starts reading again. */
  resume(): this;
  /**
   * Sends a native ping. `callback` gets the milliseconds until a pong came. Returns `false` if `nativePing` is off or the
   * connection is not open: send an IRC PING then.
   */
  ping(callback?: (roundTrip: number) => void): boolean;
  /**
   * Sends a Close frame with the code and the reason, behind everything that was written before. The connection is gone within
   * `closeTimeout`.
   *
   * @param code RFC 6455 section 7.4 @defaultValue `1000`
   * @param reason the reason, cut to 123 bytes at a code point
   * @throws RangeError for a code that may not be sent
   */
  close(code?: number, reason?: string): void;
  /** Ends the connection at once. */
  destroy(): void;
  /**
   * Sets the client's address, as WEBIRC tells it; `facts.client` follows. This works once. If a proxy's header or the PROXY
   * protocol has told the address, that was the one time.
   *
   * @throws WebSocketError `ERR_ADDRESS_SET` the second time, `ERR_ADDRESS` for a text that is not an address
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
    this.#client.inbox.setListener(listener, encoding);
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
    this.#client.inbox.pause(false);
    return this;
  }

  resume(): this {
    this.#client.inbox.resume();
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
