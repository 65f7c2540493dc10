/**
 * A client over TCP that plays one case's script, and judges what came back.
 *
 * In: where the server is, a script. Out: a {@link Verdict}. It reads the server's frames by itself and shares nothing with the library.
 */
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFrame, OPCODE, type Reply, type Script } from './case.ts';

/** `non-strict`: the connection ended as it must, but late, by another code or none, or without the replies before. */
export interface Verdict {
  readonly outcome: 'passed' | 'non-strict' | 'failed';
  /** What differs, where something does. */
  readonly detail: string;
}

/** Milliseconds that a server may take until it fails a connection before the rest is sent to it. */
const FAIL_FAST_TIMEOUT = 2_000;
/** Milliseconds between the Close frames and the end of TCP. */
const TCP_END_TIMEOUT = 3_000;
/** Milliseconds for anything else. */
const REPLY_TIMEOUT = 15_000;

/** Plays `script` on a new connection. @throws Error where there is no WebSocket server */
export async function play(script: Script, port: number, host = '127.0.0.1'): Promise<Verdict> {
  const peer = await Peer.open(port, host);
  try {
    for (const step of script.steps) {
      if (Buffer.isBuffer(step)) await peer.write(step);
      else if (!(await peer.until(() => peer.replies.length >= step.awaitReplies))) break;
    }
    let isLate = false;
    if (script.close === undefined) {
      await peer.until(() => peer.replies.length >= script.replies.length);
      await peer.write(closeFrame(1000));
    } else if (script.rest !== undefined && !(await peer.until(() => peer.closeCode !== null, FAIL_FAST_TIMEOUT))) {
      isLate = true;
      for (const bytes of script.rest) await peer.write(bytes);
    }
    const isTooMuch = (): boolean => peer.replies.length > script.replies.length;
    await peer.until(() => peer.closeCode !== null || isTooMuch());
    // 7.1.1: the server ends TCP first. One that leaves it to the client is given a moment, and then is non-strict.
    const endsTcp = isTooMuch() || (await peer.until(() => false, TCP_END_TIMEOUT));
    return judge(script, peer, isLate, endsTcp);
  } finally {
    peer.destroy();
  }
}

function judge(script: Script, peer: Peer, isLate: boolean, endsTcp: boolean): Verdict {
  const { replies, closeCode, fault } = peer;
  const expectsFailure = script.close !== undefined;
  if (fault !== '') return { outcome: 'failed', detail: fault };
  const inOrder =
    replies.length <= script.replies.length && replies.every((reply, i) => isSame(reply, script.replies[i] as Reply));
  if (!inOrder || (replies.length < script.replies.length && !expectsFailure))
    return {
      outcome: 'failed',
      detail: `replies: ${replies.map(show).join(', ')}; expected: ${script.replies.map(show).join(', ')}`,
    };
  if (closeCode === null && !endsTcp) return { outcome: 'failed', detail: 'the connection stays open' };

  const missing = script.replies.length - replies.length;
  const expectedCode = script.close ?? 1000;
  const details = [
    ...(missing > 0 ? [`${missing} replies before the end are missing`] : []),
    ...(isLate ? ['fails only after the rest'] : []),
    ...(closeCode === expectedCode ? [] : [`Close ${closeCode ?? 'frame missing'}, expected ${expectedCode}`]),
    ...(endsTcp ? [] : ['leaves TCP open']),
  ];
  return { outcome: details.length === 0 ? 'passed' : 'non-strict', detail: details.join('; ') };
}

const isSame = (a: Reply, b: Reply): boolean => a[0] === b[0] && a[1].equals(b[1]);
const show = ([opcode, payload]: Reply): string =>
  `opcode ${opcode} of ${payload.length} bytes ${payload.toString('hex', 0, 16)}${payload.length > 16 ? '…' : ''}`;

class Peer {
  /** Whole messages and pongs, as they came. */
  readonly replies: Reply[] = [];
  /** 1005 for a Close frame without a code. */
  closeCode: number | null = null;
  /** What the server did that no server may. */
  fault = '';
  readonly #socket: Socket;
  #isEnded = false;
  #wake: () => void = () => {};
  /** Chunks that are no whole frame yet, and from how many bytes on it is worth looking. */
  #chunks: Buffer[] = [];
  #size = 0;
  #needed = 0;
  #message: { opcode: number; parts: Buffer[] } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const end = (): void => {
      this.#isEnded = true;
      this.#wake();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#take(chunk);
      this.#wake();
    });
    socket.on('end', end);
    // A reset is an end as well: whether it loses the Close frame shows in the code.
    socket.on('error', end);
    socket.on('close', end);
  }

  static async open(port: number, host: string): Promise<Peer> {
    const socket = connect({ port, host, allowHalfOpen: true });
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    let head = Buffer.alloc(0);
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      head = Buffer.concat([head, chunk as Buffer]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) continue;
      // 1.3: the accept value of this very key.
      if (!head.toString('latin1', 0, end).includes('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')) break;
      const peer = new Peer(socket);
      if (head.length > end + 4) peer.#take(head.subarray(end + 4));
      return peer;
    }
    socket.destroy();
    throw new Error(`no WebSocket server on ${host}:${port}`);
  }

  /** Writes, and gives the server a turn; what follows a closed connection is dropped. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#socket.writable) this.#socket.write(bytes);
    await turn();
  }

  /** Waits for `condition`, a fault, the server's end of TCP, or the limit; `false` where it was the limit. */
  async until(condition: () => boolean, limit = REPLY_TIMEOUT): Promise<boolean> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#wake();
    }, limit);
    while (!isOver && !this.#isEnded && this.fault === '' && !condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    return !isOver;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size > 0 && this.#size >= this.#needed && this.fault === '') {
      const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#size);
      const frameSize = sizeOf(bytes);
      this.#needed = frameSize;
      const rest = this.#size >= frameSize ? bytes.subarray(frameSize) : bytes;
      if (rest !== bytes) {
        this.#needed = 0;
        this.#takeFrame(bytes.subarray(0, frameSize));
      }
      this.#chunks = [rest];
      this.#size = rest.length;
    }
  }

  #takeFrame(bytes: Buffer): void {
    const first = bytes[0] as number;
    const opcode = first & 0x0f;
    const isLast = first >= 0x80;
    const payload = Buffer.from(bytes.subarray(headerSizeOf(bytes)));
    // 5.1: "A server MUST NOT mask any frames that it sends to the client."
    if ((first & 0x70) !== 0 || (bytes[1] as number) >= 0x80) this.fault = 'a masked frame, or a reserved bit';
    else if (this.closeCode !== null) this.fault = `opcode ${opcode} behind the Close frame`;
    else if (opcode === OPCODE.CLOSE) this.closeCode = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    else if (opcode >= OPCODE.CLOSE) this.replies.push([opcode, payload]);
    else if ((opcode === OPCODE.CONTINUATION) !== (this.#message !== null)) this.fault = `opcode ${opcode} out of order`;
    else {
      this.#message ??= { opcode, parts: [] };
      const message = this.#message;
      message.parts.push(payload);
      if (!isLast) return;
      this.replies.push([message.opcode, Buffer.concat(message.parts)]);
      this.#message = null;
    }
  }
}

function headerSizeOf(bytes: Buffer): number {
  const short = (bytes[1] as number) & 0x7f;
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

/** Returns how many bytes the frame at the start of `bytes` has, or how many are needed to know. */
function sizeOf(bytes: Buffer): number {
  if (bytes.length < 2) return 2;
  const headerSize = headerSizeOf(bytes);
  if (bytes.length < headerSize) return headerSize;
  const short = (bytes[1] as number) & 0x7f;
  if (headerSize === 2) return 2 + short;
  return headerSize + (headerSize === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)));
}
