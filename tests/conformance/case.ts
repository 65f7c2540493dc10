/**
 * What a conformance case is, and the client's frames that cases are made of.
 *
 * Nothing here or beside it comes from `src/`: a fault of the library in framing must not be made good by the same fault in its judge.
 */

/** A frame or message that the server sends: what is left of it when fragments are joined. */
export type Reply = readonly [opcode: number, payload: Buffer];

/** Bytes that are one write, or a pause until so many replies have come. */
export type Step = Buffer | { readonly awaitReplies: number };

/** What one case sends, and what must come back. */
export interface Script {
  /** Between two steps the server gets a turn. */
  readonly steps: readonly Step[];
  /** Messages and pongs, in this order. */
  readonly replies: readonly Reply[];
  /** The code of the server's Close frame, 1005 for one without; absent: the client closes by 1000 once the replies have come, and gets 1000. */
  readonly close?: number;
  /** Of cases that must fail before everything was sent: the rest, for servers that wait for it. They are non-strict. */
  readonly rest?: readonly Buffer[];
}

/** A case of the Autobahn test suite, or one like it. */
export interface ConformanceCase {
  /** Autobahn's number. */
  readonly id: string;
  readonly title: string;
  /** Over 16 MiB: not one of Autobahn's, and not part of `npm test`. */
  readonly isHeavy?: boolean;
  /** Makes the bytes: all cases together would be hundreds of megabytes. */
  script(): Script;
}

export const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

const MASK_KEY = [0x12, 0x34, 0x56, 0x78] as const;

/** Makes a client's frame, 5.2. */
export function frame(opcode: number, payload: Buffer | string = '', { fin = true, rsv = 0 } = {}): Buffer {
  const bytes = Buffer.from(payload as string);
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  if (bytes.length < 126) head.push(0x80 | bytes.length);
  else if (bytes.length < 65_536) head.push(0xfe, bytes.length >> 8, bytes.length & 0xff);
  else
    head.push(
      0xff,
      0,
      0,
      0,
      0,
      bytes.length >>> 24,
      (bytes.length >> 16) & 0xff,
      (bytes.length >> 8) & 0xff,
      bytes.length & 0xff,
    );
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] as number) ^ (MASK_KEY[i & 3] as number);
  return Buffer.concat([Buffer.from(head), Buffer.from(MASK_KEY), bytes]);
}

/** Makes a Close frame. */
export function closeFrame(code: number, reason: Buffer | string = ''): Buffer {
  return frame(OPCODE.CLOSE, Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason as string)]));
}

/** Makes a message of one fragment for each part. */
export function fragments(opcode: number, parts: readonly (Buffer | string)[]): Buffer[] {
  return parts.map((part, i) => frame(i === 0 ? opcode : OPCODE.CONTINUATION, part, { fin: i === parts.length - 1 }));
}

/** Cuts bytes into writes of `size`. */
export function chop(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

export function fromHex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}
