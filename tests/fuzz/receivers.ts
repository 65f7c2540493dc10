/** The two receivers under test, as functions from chunks to an outcome. */
import * as wsModule from 'ws';
import { type SessionSink, WebSocketSession } from '../../src/protocol/session.ts';
import type { Limits, Outcome } from './reference.ts';

/** Exported by ws, and missing in its types. */
const { Receiver } = wsModule as unknown as {
  Receiver: new (options: object) => NodeJS.EventEmitter & { write(chunk: Buffer): boolean };
};

/** How messages are taken: by `message`; by `messageIn` and `messagesIn`, whose claims about their bytes are checked then; or where they can be, joined. */
export const WAYS = ['message', 'run', 'joined'] as const;

/**
 * Gives chunks to a session of this library, and what it wrote: frames in hex, of Close frames the code alone (reasons are ours to choose).
 */
export function receiveHere(
  chunks: readonly Buffer[],
  limits: Limits,
  way: (typeof WAYS)[number],
): { readonly outcome: Outcome; readonly written: string[] } {
  const events: string[] = [];
  const written: string[] = [];
  let end: Outcome['end'] = null;
  const message = (bytes: Buffer, isText: boolean): void =>
    void events.push(`${isText ? 'text' : 'binary'}:${bytes.toString('hex')}`);
  const sink: SessionSink = {
    write: (bytes) => {
      const isCode = bytes[0] === 0x88 && bytes.length > 2;
      written.push(isCode ? `88..${bytes.toString('hex', 2, 4)}` : bytes.toString('hex'));
    },
    message,
    ping: (bytes) => {
      events.push(`ping:${bytes.toString('hex')}`);
      return true;
    },
    pong: (bytes) => void events.push(`pong:${bytes.toString('hex')}`),
    closed: (code, _reason, isClean) => {
      events.push(...(end === null ? [] : ['closed twice']));
      end = { kind: isClean ? 'closed' : 'failed', code };
    },
  };
  const inChunks = { messageIn, messagesIn, joinedMessagesIn };
  const session = new WebSocketSession(
    limits,
    way === 'message' ? sink : { ...sink, ...inChunks, joinsMessages: way === 'joined' },
  );
  for (const chunk of chunks) session.receive(chunk);
  return { outcome: { events, end }, written };

  function messageIn(chunk: Buffer, start: number, last: number, isText: boolean, content: number): void {
    const bytes = chunk.subarray(start, last);
    message(bytes, isText);
    if (content !== contentOf(bytes)) events.push(`content: ${content}`);
  }

  function messagesIn(chunk: Buffer, bounds: Int32Array, count: number, isText: boolean): void {
    const runSize = (bounds[2 * count - 1] as number) - (bounds[0] as number);
    if (way === 'joined' || count < 2 || runSize > 4_096) events.push(`run of ${count}, ${runSize} bytes`);
    for (let i = 0; i < count; i++) plainMessage(chunk.subarray(bounds[2 * i], bounds[2 * i + 1]), isText);
  }

  function joinedMessagesIn(chunk: Buffer, start: number, last: number, isText: boolean): void {
    const lines = chunk.toString('latin1', start, last).split('\r\n');
    if (way !== 'joined' || lines.pop() !== '' || lines.length < 2) events.push('no run of lines');
    for (const line of lines) plainMessage(Buffer.from(line, 'latin1'), isText);
  }

  function plainMessage(bytes: Buffer, isText: boolean): void {
    message(bytes, isText);
    if (bytes.length === 0 || contentOf(bytes) !== 0) events.push('not plain');
  }
}

/** What `SessionSink.messageIn` is to say of a payload. */
const contentOf = (bytes: Buffer): number =>
  (bytes.some((byte) => byte < 0x0e) ? 1 : 0) + (bytes.some((byte) => byte > 0x7f) ? 2 : 0);

/** Gives chunks to the receiver of `ws`, which tells of errors on a later tick. */
export async function receiveInWs(chunks: readonly Buffer[], limits: Limits): Promise<Outcome> {
  const outcome: { events: string[]; end: Outcome['end'] } = { events: [], end: null };
  const receiver = new Receiver({
    isServer: true,
    allowSynchronousEvents: true,
    maxPayload: limits.maxMessageSize,
    maxFragments: limits.maxFragments,
  });
  receiver.on('message', (bytes: Buffer, isBinary: boolean) =>
    outcome.events.push(`${isBinary ? 'binary' : 'text'}:${bytes.toString('hex')}`),
  );
  receiver.on('ping', (bytes: Buffer) => outcome.events.push(`ping:${bytes.toString('hex')}`));
  receiver.on('pong', (bytes: Buffer) => outcome.events.push(`pong:${bytes.toString('hex')}`));
  receiver.on('conclude', (code: number) => {
    outcome.end ??= { kind: 'closed', code };
  });
  receiver.on('error', (error: Error & { readonly [key: symbol]: unknown }) => {
    const statusCode = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code');
    // Without one it is the stream's own: a write behind the end.
    if (statusCode !== undefined) outcome.end ??= { kind: 'failed', code: error[statusCode] as number };
  });
  for (const chunk of chunks) if (outcome.end === null) receiver.write(chunk);
  await new Promise((resolve) => setImmediate(resolve));
  return outcome;
}
