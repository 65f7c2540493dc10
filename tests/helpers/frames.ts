import { encodeFrame, Opcode } from '../../src/protocol/frame.ts';
import type { SessionLimits } from '../../src/protocol/session.ts';
import { type SessionSink, WebSocketSession } from '../../src/protocol/web-socket-session.ts';

export const MASK_KEY: Uint8Array = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

/** A frame as a client sends it. */
export function clientFrame(
  opcode: Opcode,
  payload: Uint8Array | string,
  options: { fin?: boolean; maskKey?: Uint8Array } = {},
): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return encodeFrame(opcode, bytes, { fin: options.fin ?? true, maskKey: options.maskKey ?? MASK_KEY });
}

export const clientText = (text: string, options = {}): Buffer => clientFrame(Opcode.TEXT, text, options);

export const clientClose = (code?: number, reason = ''): Buffer => {
  if (code === undefined) return clientFrame(Opcode.CLOSE, '');
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return clientFrame(Opcode.CLOSE, payload);
};

/** What a session did, in order. */
export interface Record {
  messages: { text: boolean; bytes: string }[];
  pongs: string[];
  written: string;
  closed: { code: number; reason: string; clean: boolean } | null;
}

/** A session that writes down what it does; hex for bytes, so that differences can be read. */
export function recordingSession(limits: Partial<SessionLimits> = {}): { session: WebSocketSession; record: Record } {
  const record: Record = { messages: [], pongs: [], written: '', closed: null };
  const sink: SessionSink = {
    write: (bytes) => {
      record.written += bytes.toString('hex');
    },
    message: (bytes, text) => {
      record.messages.push({ text, bytes: bytes.toString('hex') });
    },
    pong: (bytes) => {
      record.pongs.push(bytes.toString('hex'));
    },
    closed: (code, reason, clean) => {
      if (record.closed !== null) throw new Error('closed was called twice');
      record.closed = { code, reason, clean };
    },
  };
  return { session: new WebSocketSession({ maxMessageSize: 8_701, maxFragments: 16, ...limits }, sink), record };
}

/** Feeds one input whole, byte by byte, and in two parts at every boundary; each must do the same. */
export function everyWay(input: Uint8Array, limits: Partial<SessionLimits> = {}): Record[] {
  const runs = [[input], Array.from(input, (byte) => Uint8Array.of(byte))];
  for (let cut = 1; cut < Math.min(input.length, 64); cut++) runs.push([input.subarray(0, cut), input.subarray(cut)]);
  return runs.map((chunks) => {
    const { session, record } = recordingSession(limits);
    // A copy: the session unmasks in place.
    for (const chunk of chunks) session.receive(Buffer.from(chunk));
    return record;
  });
}
