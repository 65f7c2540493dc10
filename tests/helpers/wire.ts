/**
 * A WebSocket peer on the wire: it sends whatever bytes a test wants, and checks whatever the server sends.
 *
 * In: a place to connect to (TCP, TLS or a Unix domain socket). Out: frames, lines, a list of everything in them that RFC 6455 forbids. It shares no code with
 * the library: what reads the server's frames must not have the library's faults.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WAIT_LIMIT } from './wait.ts';

export const Op = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

/** Where a server listens. */
export interface Place {
  readonly port?: number;
  readonly path?: string;
  readonly tls?: boolean;
}

/** A handshake as a browser sends it. */
export function request(
  url: string,
  { protocols, origin = 'https://chat.example.com' }: { readonly protocols?: string; readonly origin?: string } = {},
): string {
  const fields = {
    Host: 'irc.example.com',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    Origin: origin,
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...(protocols === undefined ? {} : { 'Sec-WebSocket-Protocol': protocols }),
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${url} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A client's frame; what RFC 6455 forbids can be asked for. */
export function wireFrame(
  opcode: number,
  payload: string | Uint8Array = '',
  { fin = true, rsv = 0, masked = true }: { fin?: boolean; rsv?: number; masked?: boolean } = {},
): Buffer {
  const bytes = Buffer.from(payload as string);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const bit = masked ? 0x80 : 0;
  let header: Buffer;
  if (bytes.length < 126) header = Buffer.of(first, bit | bytes.length);
  else if (bytes.length < 65_536) header = Buffer.of(first, bit | 126, bytes.length >> 8, bytes.length & 0xff);
  else {
    header = Buffer.alloc(10);
    header[0] = first;
    header[1] = bit | 127;
    header.writeBigUInt64BE(BigInt(bytes.length), 2);
  }
  if (!masked) return Buffer.concat([header, bytes]);
  const key = randomBytes(4);
  return Buffer.concat([header, key, bytes.map((byte, i) => byte ^ (key[i & 3] as number))]);
}

export const wireText = (text: string): Buffer => wireFrame(Op.TEXT, text);

/** A client's Close frame. */
export function wireClose(code?: number, reason = ''): Buffer {
  if (code === undefined) return wireFrame(Op.CLOSE);
  return wireFrame(Op.CLOSE, Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]));
}

/** A peer that does nothing by itself, except where a test says so. */
export class WirePeer {
  readonly socket: Socket;
  /** TCP, or what stands for it. */
  readonly #raw: Socket;
  readonly #canReset: boolean;
  /** The HTTP answer, header block included; `''` while it is not whole. */
  head = '';
  readonly lines: string[] = [];
  /** Takes messages in place of {@link WirePeer.lines}. */
  onMessage: ((text: string, isText: boolean) => void) | null = null;
  pings = 0;
  pongs = 0;
  closeFrame: { code: number; reason: string } | null = null;
  hasEnded = false;
  isClosed = false;
  /** What the server sent that RFC 6455 forbids. */
  readonly problems: string[] = [];
  /** Whether the peer answers Close by Close and FIN by FIN, as a browser does. */
  isPolite: boolean;
  #hasSentClose = false;
  /** An answer to Close that waits: a frame is under way. */
  #lateAnswer: Buffer | null = null;
  #isWithinFrame = false;
  #unread: Buffer = Buffer.alloc(0);
  readonly #waiting = new Set<() => void>();

  private constructor(place: Place, isPolite: boolean) {
    this.isPolite = isPolite;
    this.#raw =
      place.path === undefined
        ? connect({ port: place.port as number, host: '127.0.0.1', allowHalfOpen: true })
        : connect({ path: place.path, allowHalfOpen: true });
    this.#canReset = place.path === undefined;
    this.socket = place.tls === true ? connectTls({ socket: this.#raw, rejectUnauthorized: false }) : this.#raw;
    if (this.socket !== this.#raw) this.#raw.on('error', () => {});
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.socket.on('error', () => {});
    this.socket.on('end', () => {
      this.hasEnded = true;
      if (this.isPolite) this.socket.end();
      this.#wake();
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** Connects; the TLS handshake is part of that. */
  static async connect(place: Place, isPolite = true): Promise<WirePeer> {
    const peer = new WirePeer(place, isPolite);
    await new Promise<void>((resolve, reject) => {
      peer.socket.once(place.tls === true ? 'secureConnect' : 'connect', resolve);
      peer.socket.once('error', reject);
    });
    return peer;
  }

  /** Connects and upgrades; `behind` is sent in the same write as the request. */
  static async open(
    place: Place,
    isPolite = true,
    { behind = Buffer.alloc(0), url = '/irc' }: { readonly behind?: Uint8Array; readonly url?: string } = {},
  ): Promise<WirePeer> {
    const peer = await WirePeer.connect(place, isPolite);
    peer.send(Buffer.concat([Buffer.from(request(url)), behind]));
    await peer.until(() => peer.head !== '' || peer.isClosed || peer.hasEnded);
    return peer;
  }

  get isIn(): boolean {
    return this.head.startsWith('HTTP/1.1 101 ');
  }

  send(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Sends messages, one frame or several fragments each. */
  tell(...messages: readonly Uint8Array[]): void {
    this.send(Buffer.concat(messages));
  }

  /** Sends one message in two writes, a few turns apart. */
  async tellInParts(message: Uint8Array, cut: number): Promise<void> {
    this.withinFrame(true);
    this.send(message.subarray(0, cut));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    this.send(message.subarray(cut));
    this.withinFrame(false);
  }

  /** Notes that what is sent next is within a frame, or is not any more: no answer may stand in the middle of one. */
  withinFrame(isWithin: boolean): void {
    this.#isWithinFrame = isWithin;
    const answer = this.#lateAnswer;
    if (isWithin || answer === null) return;
    this.#lateAnswer = null;
    this.send(answer);
  }

  /** Sends a Close frame. */
  close(code?: number, reason?: string): void {
    this.#hasSentClose = true;
    this.send(wireClose(code, reason));
  }

  /** Resets the connection. A Unix domain socket has no reset: it is closed. */
  reset(): void {
    // Behind its FIN Node cannot reset a socket: it would keep the descriptor for good. Where TCP is reset below a write of
    // TLS that is under way, Node 20.20 ends by a segmentation fault.
    const isWriting = this.socket !== this.#raw && this.socket.writableLength > 0;
    if (this.#canReset && !this.#raw.destroyed && !this.socket.writableEnded && !isWriting) this.#raw.resetAndDestroy();
    this.socket.destroy();
  }

  /** Waits until `condition` holds; it is looked at whenever something came. */
  async until(condition: () => boolean, limit = WAIT_LIMIT): Promise<void> {
    const deadline = performance.now() + limit;
    while (!condition()) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`not within ${limit} ms; head ${JSON.stringify(this.head)}, ${this.lines.length} lines`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.#waiting.add(wake);
      });
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #take(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    if (this.head === '') {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end >= 0) {
        this.head = this.#unread.toString('latin1', 0, end + 4);
        this.#unread = this.#unread.subarray(end + 4);
      }
    }
    while (this.isIn && this.#readFrame());
    this.#wake();
  }

  /** Reads one frame; `false` where it is not whole. */
  #readFrame(): boolean {
    const bytes = this.#unread;
    if (bytes.length < 2) return false;
    const [first, second] = bytes as unknown as [number, number];
    let size = second & 0x7f;
    let start = 2;
    if (size === 126) {
      if (bytes.length < 4) return false;
      size = bytes.readUInt16BE(2);
      start = 4;
    } else if (size === 127) {
      if (bytes.length < 10) return false;
      size = Number(bytes.readBigUInt64BE(2));
      start = 10;
    }
    if (bytes.length < start + size) return false;
    this.#unread = bytes.subarray(start + size);
    this.#check(first, second, bytes.subarray(start, start + size));
    return true;
  }

  #check(first: number, second: number, payload: Buffer): void {
    const opcode = first & 0x0f;
    if (this.closeFrame !== null) this.problems.push(`a frame behind Close: ${first.toString(16)}`);
    if ((first & 0x70) !== 0) this.problems.push('a reserved bit');
    if ((second & 0x80) !== 0) this.problems.push('a masked frame');
    if ((first & 0x80) === 0) this.problems.push('a fragment: one line is one frame');
    if (opcode >= 8 && payload.length > 125) this.problems.push(`a control frame of ${payload.length} bytes`);
    if (opcode === Op.TEXT) {
      try {
        this.#takeMessage(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload), true);
      } catch {
        this.problems.push('a text frame that is not UTF-8');
      }
    } else if (opcode === Op.BINARY) this.#takeMessage(payload.toString(), false);
    else if (opcode === Op.PING) this.pings++;
    else if (opcode === Op.PONG) this.pongs++;
    else if (opcode === Op.CLOSE) this.#takeClose(payload);
    else this.problems.push(`opcode ${opcode}`);
  }

  #takeMessage(text: string, isText: boolean): void {
    if (this.onMessage === null) this.lines.push(text);
    else this.onMessage(text, isText);
  }

  #takeClose(payload: Buffer): void {
    this.closeFrame =
      payload.length === 0 ? { code: 1005, reason: '' } : { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
    if (!this.isPolite || this.#hasSentClose) return;
    this.#hasSentClose = true;
    const answer = wireFrame(Op.CLOSE, payload);
    if (this.#isWithinFrame) this.#lateAnswer = answer;
    else this.send(answer);
  }
}
