import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { Opcode } from '../../src/protocol/frame.ts';
import { FrameParser } from '../../src/protocol/parser.ts';

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

/** A client that writes bytes and reads what comes, frame by frame; it does nothing by itself. */
export class RawClient {
  readonly socket: Socket;
  /** Everything that came, HTTP answer included. */
  received: Buffer = Buffer.alloc(0);
  readonly frames: ServerFrame[] = [];
  ended = false;
  closed = false;
  #head = '';
  readonly #parser: FrameParser;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    open.add(socket);
    let payload = Buffer.alloc(0);
    let opcode: Opcode = Opcode.TEXT;
    this.#parser = new FrameParser(
      {
        frame: (frameOpcode, _fin, bytes, start, end) =>
          void this.frames.push({ opcode: frameOpcode, payload: Buffer.from(bytes.subarray(start, end)) }),
        frameStart: (frameOpcode) => {
          opcode = frameOpcode;
          payload = Buffer.alloc(0);
        },
        framePart: (bytes, start, end) => {
          payload = Buffer.concat([payload, bytes.subarray(start, end)]);
        },
        frameEnd: () => void this.frames.push({ opcode, payload }),
      },
      { masked: false },
    );
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
    if (!client.head.startsWith('HTTP/1.1 101 ')) throw new Error(`refused: ${client.received.toString()}`);
    return client;
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
    return this.received.toString('latin1').slice(this.#head.length);
  }

  /** The payloads of data frames, as text. */
  get lines(): string[] {
    return this.frames.filter(({ opcode }) => opcode <= Opcode.BINARY).map(({ payload }) => payload.toString());
  }

  /** What the Close frame said, once there is one. */
  get closeFrame(): { code: number; reason: string } | undefined {
    const frame = this.frames.find(({ opcode }) => opcode === Opcode.CLOSE);
    if (frame === undefined) return undefined;
    return frame.payload.length === 0
      ? { code: 1005, reason: '' }
      : { code: frame.payload.readUInt16BE(0), reason: frame.payload.toString('utf8', 2) };
  }

  /** Waits until `condition` holds; it is looked at whenever something came. Fails after `limit` milliseconds. */
  async until(condition: () => boolean, limit = 5_000): Promise<void> {
    const deadline = Date.now() + limit;
    while (!condition()) {
      if (Date.now() > deadline)
        throw new Error(`not within ${limit} ms; received: ${JSON.stringify(this.received.toString('latin1').slice(0, 500))}`);
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

  #take(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    if (this.#head === '') {
      const end = this.received.indexOf('\r\n\r\n');
      if (end >= 0) {
        this.#head = this.received.toString('latin1', 0, end + 4);
        if (this.#head.startsWith('HTTP/1.1 101 ')) this.#parser.receive(Buffer.from(this.received.subarray(end + 4)));
      }
    } else if (this.#head.startsWith('HTTP/1.1 101 ')) {
      this.#parser.receive(Buffer.from(chunk));
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
