/**
 * A WebSocket client that looks closely: what a browser does, and what a browser would not tell.
 *
 * In: a URL, header fields. Out: the answer to the handshake, then messages, pongs and the end, in order. It answers pings, as
 * browsers do. It does not know IRC.
 */
import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** The answer to a handshake. */
export interface HandshakeAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** The beginning of the body, where the answer is no 101. */
  readonly body: string;
  /** Whether `Sec-WebSocket-Accept` belongs to the key that was sent. */
  readonly isAccepted: boolean;
}

/** One thing that came. */
export interface WebFrame {
  /** `text` and `binary` are messages; `fault`: what came is no frame of a server. */
  readonly type: 'text' | 'binary' | 'ping' | 'pong' | 'close' | 'end' | 'fault';
  readonly text: string;
  /** The code of a Close frame. */
  readonly code: number | null;
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Milliseconds for a connection, a TLS handshake, and an answer. */
const TIMEOUT = 10_000;

/** Connects to a URL's host by TCP, or by TLS without looking at the certificate. */
export function dial(url: URL, address?: string): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isTls = url.protocol === 'wss:';
  const to = { host: address ?? host, port: Number(url.port || (isTls ? 443 : 80)) };
  return new Promise((resolve, reject) => {
    // The name that a browser asks for; the caller looks at the certificate.
    const socket: Socket = isTls
      ? connectTls({
          ...to,
          ...(isIP(host) === 0 ? { servername: host } : {}),
          rejectUnauthorized: false,
          ALPNProtocols: ['http/1.1'],
        })
      : connectTcp(to);
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${TIMEOUT / 1_000} s`)), TIMEOUT);
    socket.once('error', reject);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(timer));
  });
}

/** A WebSocket connection, or what was answered in its place. */
export class WebClient {
  readonly answer: HandshakeAnswer;
  readonly #socket: Socket;
  readonly #frames: WebFrame[] = [];
  #buffer: Buffer;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket, answer: HandshakeAnswer, rest: Buffer) {
    this.#socket = socket;
    this.answer = answer;
    this.#buffer = rest;
    if (answer.status !== 101) {
      socket.destroy();
      return;
    }
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#read();
    });
    socket.on('close', () => this.#take({ type: 'end', text: '', code: null }));
    this.#read();
  }

  /** Connects, sends a handshake with these further header fields, and reads the answer. @throws the system's error */
  static async open(url: URL, fields: Readonly<Record<string, string>>): Promise<WebClient> {
    const socket = await dial(url);
    const key = randomBytes(16).toString('base64');
    const all = {
      Host: url.host,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
      'User-Agent': 'ircd-websocket doctor',
      ...fields,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`);
    const { head, rest } = await readHead(socket);
    return new WebClient(socket, parseAnswer(head, rest, key), rest);
  }

  /** Waits for something that `isWanted`; what comes before it is dropped. Returns `null` where it does not come in time. */
  async next(isWanted: (frame: WebFrame) => boolean, timeout: number): Promise<WebFrame | null> {
    const deadline = performance.now() + timeout;
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined && (isWanted(frame) || frame.type === 'end')) return frame;
      if (frame !== undefined) continue;
      const left = deadline - performance.now();
      if (left <= 0) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
  }

  sendLine(line: string): void {
    this.#send(0x1, Buffer.from(line));
  }

  ping(payload: string): void {
    this.#send(0x9, Buffer.from(payload));
  }

  close(): void {
    this.#send(0x8, Buffer.from([0x03, 0xe8]));
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), 1_000);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** RFC 6455 section 5.3: a client masks each frame. */
  #send(opcode: number, payload: Buffer): void {
    if (!this.#socket.writable) return;
    const mask = randomBytes(4);
    const masked = Buffer.from(payload.map((byte, i) => byte ^ (mask[i % 4] as number)));
    this.#socket.write(Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, masked]));
  }

  #take(frame: WebFrame): void {
    this.#frames.push(frame);
    if (frame.type === 'ping') this.#send(0xa, Buffer.from(frame.text, 'latin1'));
    this.#wake?.();
  }

  #read(): void {
    for (;;) {
      const [first, second] = this.#buffer;
      if (first === undefined || second === undefined) return;
      const type = TYPES.get(first);
      if (type === undefined || (second & 0x80) !== 0) {
        this.#take({ type: 'fault', text: this.#buffer.subarray(0, 16).toString('hex'), code: null });
        this.#buffer = Buffer.alloc(0);
        this.#socket.destroy();
        return;
      }
      const headerSize = second < 126 ? 2 : second === 126 ? 4 : 10;
      if (this.#buffer.length < headerSize) return;
      const size = headerSize === 2 ? second : headerSize === 4 ? this.#buffer.readUInt16BE(2) : this.#buffer.readUInt32BE(6);
      const payload = this.#buffer.subarray(headerSize, headerSize + size);
      if (payload.length < size) return;
      this.#buffer = this.#buffer.subarray(headerSize + size);
      const code = type === 'close' && size >= 2 ? payload.readUInt16BE(0) : null;
      const text = payload.subarray(code === null ? 0 : 2).toString(type === 'text' || type === 'close' ? 'utf8' : 'latin1');
      this.#take({ type, text, code });
    }
  }
}

/** By the first byte of a frame: FIN, no reserved bit, an opcode. IRC lines come in one frame each. */
const TYPES: ReadonlyMap<number, WebFrame['type']> = new Map([
  [0x81, 'text'],
  [0x82, 'binary'],
  [0x88, 'close'],
  [0x89, 'ping'],
  [0x8a, 'pong'],
]);

/** Reads an answer up to its empty line, and a little of its body where the connection ends. */
function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => done(new Error(`no answer to the request within ${TIMEOUT / 1_000} s`)), TIMEOUT);
    const done = (error: Error | null): void => {
      clearTimeout(timer);
      socket.off('data', take).off('close', ended);
      const end = received.indexOf('\r\n\r\n');
      if (error === null && end >= 0) {
        resolve({ head: received.toString('latin1', 0, end), rest: received.subarray(end + 4) });
      } else {
        socket.destroy();
        reject(error ?? new Error(`no HTTP answer, but ${received.length} bytes and the end of the connection`));
      }
    };
    const take = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      const isUpgrade = /^HTTP\/1\.1 101 /.test(received.toString('latin1', 0, 16));
      if (end >= 0 && (isUpgrade || received.length >= end + 4 + bodySize(received.toString('latin1', 0, end)))) done(null);
    };
    const ended = (): void => done(null);
    socket.on('data', take);
    socket.once('close', ended);
  });
}

/** How much of a body is waited for. */
function bodySize(head: string): number {
  return Math.min(2_000, Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0));
}

function parseAnswer(head: string, rest: Buffer, key: string): HandshakeAnswer {
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  return {
    status: Number(/^HTTP\/\d\.\d (\d{3})/.exec(statusLine)?.[1] ?? 0),
    headers,
    body: rest.toString('utf8', 0, 300),
    isAccepted: headers.get('sec-websocket-accept') === accept,
  };
}
