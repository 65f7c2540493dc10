/**
 * What a client that can come back does with what comes: it counts text messages and acknowledges them (docs/resume.md).
 *
 * In: the bytes of a server's frames, cut anywhere. Out: how many of them are text frames'; acknowledgements, as a page sends them.
 */
import { encodeFrame, Opcode } from 'ircd-websocket/protocol';

/** Bytes of text after which a page acknowledges. */
const ACK_SIZE = 32_768;

/** The first byte of a text frame that is a whole message. */
const SHORT_TEXT = 0x80 | Opcode.TEXT;

const MASK_KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

/** Counts one server's frames. */
export class ServerFrames {
  readonly #send: (frame: Buffer) => void;
  #received = 0;
  #unacknowledged = 0;
  /** Bytes of the frame at hand that are still to come. */
  #remaining = 0;
  #isText = false;
  /** The beginning of a header that a read cut: at most three bytes, as no line is longer than 65,535. */
  #header: number[] = [];

  constructor(send: (frame: Buffer) => void) {
    this.#send = send;
  }

  /** Text messages so far. */
  get received(): number {
    return this.#received;
  }

  /** Returns how many of these bytes are text frames', headers included. */
  textBytes(bytes: Buffer): number {
    let texts = 0;
    for (let at = 0; at < bytes.length; ) {
      // Nearly every frame lies whole in a read, with a short header. A load that is slower than the server would be measured with it:
      // the server gathers less in each turn.
      const end = at + 2 + (bytes[at + 1] as number);
      if (this.#remaining === 0 && this.#header.length === 0 && (bytes[at] as number) === SHORT_TEXT && end <= bytes.length) {
        if ((bytes[at + 1] as number) < 126) {
          this.#received++;
          texts += end - at;
          at = end;
          continue;
        }
      }
      if (this.#remaining === 0) {
        this.#header.push(bytes[at++] as number);
        this.#readHeader();
        if (this.#remaining === 0 && this.#header.length === 0 && this.#isText) texts += 2;
        else if (this.#header.length === 0 && this.#isText) texts += this.#headerSize;
        continue;
      }
      const part = Math.min(this.#remaining, bytes.length - at);
      at += part;
      this.#remaining -= part;
      if (this.#isText) texts += part;
    }
    this.#unacknowledged += texts;
    if (this.#unacknowledged >= ACK_SIZE) this.#acknowledge();
    return texts;
  }

  #headerSize = 0;

  #readHeader(): void {
    const [first, second, high, low] = this.#header;
    if (second === undefined || (second === 126 && low === undefined)) return;
    this.#headerSize = this.#header.length;
    this.#isText = ((first as number) & 0x0f) === Opcode.TEXT;
    this.#remaining = second === 126 ? ((high as number) << 8) | (low as number) : second;
    this.#header = [];
    if (this.#isText) this.#received++;
    // The first control message brings the token: a page acknowledges it at once.
    else if (this.#received === 0 && ((first as number) & 0x0f) === Opcode.BINARY) this.#acknowledge();
  }

  #acknowledge(): void {
    this.#unacknowledged = 0;
    this.#send(encodeFrame(Opcode.BINARY, Buffer.from(`ack ${this.#received}`), { maskKey: MASK_KEY }));
  }
}
