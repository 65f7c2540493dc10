/**
 * One client of the soak: a raw socket that costs little, upgrades, answers pings as a browser does, and hands on lines.
 *
 * In: bytes. Out, to a {@link SoakClientOwner}: lines as views, the Close frame, the end. It does not know what lines mean.
 */
import { connect, type Socket } from 'node:net';
import { encodeFrame, Opcode } from 'ircd-websocket/protocol';

/** Takes what a client has to give. */
export interface SoakClientOwner {
  upgraded(): void;
  /** A line, `bytes[start, end)`, valid during the call. */
  line(bytes: Buffer, start: number, end: number): void;
  closeFrame(code: number, reason: string): void;
  /** The transport is gone; `why` is set where that was before the upgrade. */
  gone(why: string | null): void;
  pinged(): void;
}

/** Not zero: the server has to unmask. */
const MASK_KEY = Uint8Array.of(0x12, 0x34, 0x56, 0x78);

/** Makes a frame as a client sends it. */
export function maskedFrame(opcode: Opcode, payload: string | Uint8Array): Buffer {
  return encodeFrame(opcode, typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload, { maskKey: MASK_KEY });
}

const REQUEST = Buffer.from(
  [
    'GET /irc HTTP/1.1',
    'Host: soak.example.com',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Origin: https://soak.example.com',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: text.ircv3.net',
    '\r\n',
  ].join('\r\n'),
);

const NO_BYTES = Buffer.alloc(0);

/** A WebSocket client on a socket of its own. */
export class SoakClient {
  readonly socket: Socket;
  readonly #owner: SoakClientOwner;
  #rest: Buffer = NO_BYTES;
  #isUpgraded = false;
  /** Whether pings stay unanswered: the peer looks dead, though its kernel takes bytes. */
  isMute = false;

  constructor(port: number, host: string, owner: SoakClientOwner) {
    this.#owner = owner;
    this.socket = connect({ port, host, allowHalfOpen: true, noDelay: true });
    let why: string | null = 'closed without an answer';
    this.socket.on('connect', () => void this.socket.write(REQUEST));
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.socket.on('end', () => {
      // Who is mute does not even answer a FIN.
      if (!this.isMute) this.socket.end();
    });
    this.socket.on('error', (error) => {
      why = error.message;
    });
    this.socket.on('close', () => owner.gone(this.#isUpgraded ? null : why));
  }

  send(line: string): void {
    this.socket.write(maskedFrame(Opcode.TEXT, line));
  }

  #receive(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NO_BYTES;
    if (!this.#isUpgraded) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#rest = bytes;
        return;
      }
      const status = bytes.toString('latin1', 0, Math.min(12, end));
      if (status !== 'HTTP/1.1 101') {
        this.socket.destroy(new Error(`answer: ${status}`));
        return;
      }
      this.#isUpgraded = true;
      this.#owner.upgraded();
      bytes = bytes.subarray(end + 4);
    }
    this.#readFrames(bytes);
  }

  /** Reads frames of a server: not masked, never fragmented here. */
  #readFrames(bytes: Buffer): void {
    let at = 0;
    while (at + 2 <= bytes.length && !this.socket.destroyed) {
      let start = at + 2;
      let size = bytes[at + 1] as number;
      if (size === 126) {
        if (at + 4 > bytes.length) break;
        size = bytes.readUInt16BE(at + 2);
        start = at + 4;
      } else if (size === 127) {
        if (at + 10 > bytes.length) break;
        size = Number(bytes.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      const end = start + size;
      if (end > bytes.length) break;
      this.#frame((bytes[at] as number) & 0x0f, bytes, start, end);
      at = end;
    }
    // A copy: a view would keep the whole chunk for as long as the client is quiet.
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }

  #frame(opcode: number, bytes: Buffer, start: number, end: number): void {
    if (opcode === Opcode.TEXT) {
      this.#owner.line(bytes, start, end);
    } else if (opcode === Opcode.PING) {
      this.#owner.pinged();
      if (!this.isMute) this.socket.write(maskedFrame(Opcode.PONG, bytes.subarray(start, end)));
    } else if (opcode === Opcode.CLOSE) {
      this.#owner.closeFrame(bytes.readUInt16BE(start), bytes.toString('utf8', start + 2, end));
    } else {
      this.socket.destroy(new Error(`opcode ${opcode}`));
    }
  }
}
