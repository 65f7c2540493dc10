/** The two receivers under test, as functions from chunks to an outcome. */
import * as wsModule from 'ws';
import { Session } from '../../src/protocol/session.ts';
import { type SessionSink, WebSocketSession } from '../../src/protocol/web-socket-session.ts';
import type { Limits, Outcome } from './reference.ts';

/** Exported by ws, and missing in its types. */
const { Receiver } = wsModule as unknown as {
  Receiver: new (options: object) => NodeJS.EventEmitter & { write(chunk: Buffer): boolean };
};

/** Which session takes them: the public one, or the one behind it, whose claims about the bytes of a message are checked. */
export const WAYS = ['public', 'internal'] as const;

/**
 * Passes chunks to a session of this library, and returns what it wrote: frames in hex, of Close frames the code alone (reasons are ours to choose).
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
  const sink: Required<SessionSink> = {
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
  const session =
    way === 'public'
      ? new WebSocketSession(limits, sink)
      : new Session(limits, {
          ...sink,
          message: (chunk, start, last, isText, content) => {
            const bytes = chunk.subarray(start, last);
            message(bytes, isText);
            if (content !== contentOf(bytes)) events.push(`content: ${content}`);
          },
        });
  for (const chunk of chunks) session.receive(chunk);
  return { outcome: { events, end }, written };
}

/** What the session is to say of a payload's bytes. */
const contentOf = (bytes: Buffer): number =>
  (bytes.some((byte) => byte < 0x0e) ? 1 : 0) + (bytes.some((byte) => byte > 0x7f) ? 2 : 0);

/** Passes chunks to the receiver of `ws`, which reports errors on a later tick. */
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
