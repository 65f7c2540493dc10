/**
 * The real server's half on a {@link FakeNetwork}: a hook, whose bytes go over a stream in memory.
 *
 * In: connections of the network, lines. Out: what the hook's client gets. A loss in the middle of a message reaches the hook as the beginning of
 * a frame.
 */
import { createServer } from 'node:http';
import { createWebSocketHook, type IrcClient, type WebSocketHook } from '../../src/index.ts';
import { WebSocketSession } from '../../src/protocol/index.ts';
import { formatRequest, parseAnswer } from '../../src/testing/handshake.ts';
import { MemorySocket } from '../../src/testing/memory-socket.ts';
import type { FakeTransport } from '../browser/fake-network.ts';
import type { ServerEnd } from './play.ts';

const CLIENT = { remoteAddress: '127.0.0.1', remotePort: 8_067, localAddress: '127.0.0.1', localPort: 50_000, encrypted: false };
const SERVER = { remoteAddress: '127.0.0.1', remotePort: 50_000, localAddress: '127.0.0.1', localPort: 8_067, encrypted: false };
const LIMITS = { maxMessageSize: 1_000_000, maxFragments: 16 } as const;
/** A masked text frame of 10 bytes, of which 4 have come. */
const TORN_FRAME = Buffer.from([0x81, 0x8a, 1, 2, 3, 4, 5, 6, 7, 8]);

/** Less than the longest message, with its number. */
const LINE_SIZE = 8_000;

export class RealServer implements ServerEnd {
  readonly hasTurns = true;
  readonly lines: string[] = [];
  authorizing: () => number = () => 0;
  closeCount = 0;
  readonly #hook: WebSocketHook<IrcClient>;
  readonly #clients: IrcClient[] = [];
  readonly #http = createServer();

  constructor(resumeWindow: number) {
    this.#hook = createWebSocketHook({
      origins: ['https://chat.example.com'],
      resumeWindow,
      handshakeTimeout: 60_000,
      // They are of real time, and nobody answers them in this one.
      pingInterval: 0,
      authorize: (facts) => {
        const time = facts.resumes === null ? 0 : this.authorizing();
        return time === 0 ? undefined : new Promise<void>((resolve) => setTimeout(resolve, time));
      },
      onClient: (client) => {
        this.#clients.push(client);
        client.onLine((line) => void this.lines.push(line));
        client.onClose(() => void this.closeCount++);
      },
    });
    this.#http.on('upgrade', (request, socket, head) => this.#hook.handleUpgrade(request, socket, head));
  }

  /** IRC has no empty lines. */
  lineOf(text: string, count: number): string {
    return `${count} ${text.slice(0, LINE_SIZE)}`;
  }

  write(line: string): void {
    this.#clients[0]?.writeLine(line);
  }

  get isOver(): boolean {
    return this.#clients[0]?.closeStatus !== null;
  }

  get clientCount(): number {
    return this.#clients.length;
  }

  get resumedCount(): number {
    return this.#hook.stats().resumed;
  }

  stop(): void {
    void this.#hook.close();
  }

  accept(transport: FakeTransport): void {
    // Lost before its request arrived.
    if (transport.isClosed) return;
    const [near, far] = MemorySocket.pair(CLIENT, SERVER);
    this.#http.emit('connection', far);
    const { protocols } = transport.request;
    near.write(formatRequest({ path: '/', origin: 'https://chat.example.com', protocols, headers: {} }).request, 'latin1');
    transport.onclose = () => near.destroy();

    let head = Buffer.alloc(0);
    let session: WebSocketSession | null = null;
    near.on('data', (chunk: Buffer) => {
      if (session !== null) {
        session.receive(chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const { status, headers } = parseAnswer(head.toString('latin1', 0, end));
      if (status !== 101) throw new Error(`the hook answered ${head.toString()}`);
      session = this.#speak(transport, near);
      transport.accept(headers['sec-websocket-protocol'] ?? '');
      session.receive(head.subarray(end + 4));
    });
    near.on('close', () => {
      transport.lose();
    });
  }

  #speak(transport: FakeTransport, near: MemorySocket): WebSocketSession {
    const session = new WebSocketSession(
      LIMITS,
      {
        write: (bytes) => void (near.writable && near.write(bytes)),
        message: (bytes, isText) => transport.send(isText ? bytes.toString() : Buffer.from(bytes)),
        closed: (code) => {
          transport.close(code);
          near.end();
        },
      },
      { maskKey: () => Buffer.from([1, 2, 3, 4]) },
    );
    transport.onmessage = (data) => {
      if (typeof data === 'string') session.sendText(data);
      else session.sendBinary(Buffer.from(data));
    };
    transport.onclose = (code) => {
      if (code === 1006) {
        if (near.writable) near.write(TORN_FRAME);
        // What was written arrives first, as over TCP.
        setImmediate(() => near.destroy());
      } else session.close(code === 1005 ? undefined : code);
    };
    return session;
  }
}
