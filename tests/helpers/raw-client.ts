import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { Opcode } from '../../src/protocol/frame.ts';
import { WAIT_LIMIT } from './wait.ts';

/** A handshake as a browser sends it; `fields` replaces or, with `null`, drops header fields. */
export function upgradeRequest(
  fields: { readonly [name: string]: string | readonly string[] | null } = {},
  requestLine = 'GET /irc HTTP/1.1',
): string {
  const all: { [name: string]: string | readonly string[] | null } = {
    Host: 'irc.example.com',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    Origin: 'https://chat.example.com',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return `${requestLine}\r\n${lines.join('')}\r\n`;
}

export interface ServerFrame {
  readonly opcode: Opcode;
  readonly payload: Buffer;
}

const open = new Set<Socket>();

// Before the hooks of other helpers end their servers: nobody is waited for.
afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
});

/** More than any test sends at first; doubled where it does not suffice. */
const INITIAL_SIZE = 4_096;

/**
 * A client that writes bytes, reads what comes, frame by frame, and does nothing by itself.
 *
 * Its work is linear in what it receives: each byte is copied and parsed once, whatever a test asks for at each chunk.
 * It parses frames by itself, so that a fault of the library's parser cannot hide a fault of its encoder.
 */
export class RawClient {
  readonly socket: Socket;
  readonly frames: ServerFrame[] = [];
  ended = false;
  closed = false;
  #head = '';
  /** Everything received, in the first `#size` bytes; they never change, so views of them stay true. */
  #bytes: Buffer = Buffer.alloc(INITIAL_SIZE);
  #size = 0;
  /** Where the next frame begins. */
  #parsedSize = 0;
  /** The payload of the first Close frame. */
  #closePayload: Buffer | undefined;
  readonly #lines: string[] = [];
  /** How many frames `#lines` was made of. */
  #decodedFrames = 0;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    open.add(socket);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    socket.on('error', () => this.#wake());
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, allowHalfOpen: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** Connects and upgrades. */
  static async open(port: number, fields: Parameters<typeof upgradeRequest>[0] = {}): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.socket.write(upgradeRequest(fields));
    await client.until(() => client.head !== '');
    if (!client.#isUpgraded) throw new Error(`refused: ${client.received.toString()}`);
    return client;
  }

  /** Everything that came, HTTP answer included. */
  get received(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  /** The HTTP answer's header block, or `''` while it is not whole. */
  get head(): string {
    return this.#head;
  }

  get status(): number {
    return Number(this.#head.split(' ')[1]);
  }

  /** What stands behind the header block of an answer that is no 101. */
  get body(): string {
    return this.received.toString('latin1', this.#head.length);
  }

  /** The payloads of data frames, as text. */
  get lines(): string[] {
    for (; this.#decodedFrames < this.frames.length; this.#decodedFrames++) {
      const { opcode, payload } = this.frames[this.#decodedFrames] as ServerFrame;
      if (opcode <= Opcode.BINARY) this.#lines.push(payload.toString());
    }
    return this.#lines.slice();
  }

  /** What the Close frame said, once there is one. */
  get closeFrame(): { code: number; reason: string } | undefined {
    const payload = this.#closePayload;
    if (payload === undefined) return undefined;
    return payload.length === 0
      ? { code: 1005, reason: '' }
      : { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
  }

  /** Waits until `condition` holds; it is looked at whenever something came. Fails after `limit` milliseconds. */
  async until(condition: () => boolean, limit = WAIT_LIMIT): Promise<void> {
    const deadline = Date.now() + limit;
    while (!condition()) {
      if (Date.now() > deadline)
        throw new Error(`not within ${limit} ms; received: ${JSON.stringify(this.received.toString('latin1', 0, 500))}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, Math.max(1, deadline - Date.now()));
        this.#waiting.add(wake);
      });
    }
  }

  get #isUpgraded(): boolean {
    return this.#head.startsWith('HTTP/1.1 101 ');
  }

  #take(chunk: Buffer): void {
    this.#append(chunk);
    if (this.#head === '') {
      // The end of the header block may begin in the chunk before.
      const end = this.received.indexOf('\r\n\r\n', Math.max(0, this.#size - chunk.length - 3));
      if (end >= 0) {
        this.#head = this.received.toString('latin1', 0, end + 4);
        this.#parsedSize = end + 4;
      }
    }
    if (this.#isUpgraded) while (this.#takeFrame());
    this.#wake();
  }

  #append(chunk: Buffer): void {
    const size = this.#size + chunk.length;
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#size);
    this.#size = size;
  }

  /** Takes the next frame if all of it is there (RFC 6455 section 5.2), and says whether it was. */
  #takeFrame(): boolean {
    const bytes = this.received.subarray(this.#parsedSize);
    if (bytes.length < 2) return false;
    const [first, second] = bytes as unknown as [number, number];
    // 5.1: "A server MUST NOT mask any frames that it sends to the client"; 5.2: RSV bits "MUST be 0 unless an extension is negotiated".
    if ((second & 0x80) !== 0 || (first & 0x70) !== 0) throw new Error(`not a server's frame: ${bytes.toString('hex', 0, 2)}`);
    const sizeBytes = (second & 0x7f) === 127 ? 8 : (second & 0x7f) === 126 ? 2 : 0;
    const start = 2 + sizeBytes;
    if (bytes.length < start) return false;
    const payloadSize = sizeBytes === 0 ? second : sizeBytes === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    const end = start + payloadSize;
    if (bytes.length < end) return false;
    const opcode = (first & 0x0f) as Opcode;
    const payload = bytes.subarray(start, end);
    this.frames.push({ opcode, payload });
    if (opcode === Opcode.CLOSE) this.#closePayload ??= payload;
    this.#parsedSize += end;
    return true;
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
