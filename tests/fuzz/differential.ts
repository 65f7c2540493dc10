/**
 * The same stream to this library, to `ws` and to the reference, each cut in its own way; what they make of it is compared.
 *
 * Ours must do what the reference says, always. `ws` must do the same wherever the reference names no rule that is peculiar to us; where it does, `ws` must have
 * seen the same up to there.
 */
import * as wsModule from 'ws';
import { WebSocketSession } from '../../src/protocol/session.ts';
import { Random } from './random.ts';
import { decodeStream, type Expected, type Limits, type Outcome } from './reference.ts';
import { cut, makeStream } from './streams.ts';

/** Exported by ws, and missing in its types. */
const { Receiver } = wsModule as unknown as {
  Receiver: new (options: object) => NodeJS.EventEmitter & { write(chunk: Buffer): boolean };
};

const LIMITS: Limits = { maxMessageSize: 512, maxFragments: 8 };

export interface Counts {
  streams: number;
  frames: number;
  bytes: number;
  /** How streams ended. */
  ends: Record<string, number>;
}

/** What went wrong, and how to see it again. */
export class Difference extends Error {
  constructor(seed: number, stream: Buffer, who: string, expected: Outcome, actual: Outcome) {
    super(
      `seed ${seed} (npm run fuzz -- --seed ${seed} --streams 1): ${who} differs on ${stream.toString('hex')}\nexpected ${JSON.stringify(expected)}\nactual   ${JSON.stringify(actual)}`,
    );
    this.name = 'Difference';
  }
}

/** Runs `count` streams, of seeds from `seed` on. @throws Difference */
export async function compareStreams(seed: number, count: number, counts: Counts): Promise<void> {
  const pending: { seed: number; stream: Buffer; expected: Expected; theirs: { events: string[]; end: Outcome['end'] } }[] = [];
  for (let i = 0; i < count; i++) {
    const random = new Random(seed + i);
    const { bytes, frames } = makeStream(random);
    const expected = decodeStream(bytes, LIMITS);
    const ours = runOurs(cut(bytes, random));
    if (JSON.stringify(ours) !== JSON.stringify({ events: expected.events, end: expected.end }))
      throw new Difference(seed + i, bytes, 'ircd-websocket', expected, ours);
    pending.push({ seed: seed + i, stream: bytes, expected, theirs: runTheirs(cut(bytes, random)) });
    counts.streams++;
    counts.frames += frames;
    counts.bytes += bytes.length;
    const end =
      expected.end === null
        ? 'open'
        : `${expected.end.kind} ${expected.end.code}${expected.peculiar === null ? '' : `, ${expected.peculiar}`}`;
    counts.ends[end] = (counts.ends[end] ?? 0) + 1;
  }
  // ws tells of errors on a later tick.
  await new Promise((resolve) => setImmediate(resolve));
  for (const { seed: own, stream, expected, theirs } of pending) {
    const isSame =
      expected.peculiar === null
        ? JSON.stringify(theirs) === JSON.stringify({ events: expected.events, end: expected.end }) ||
          isRefusedWithinHeader(stream, expected, theirs)
        : expected.events.every((event, i) => theirs.events[i] === event);
    if (!isSame) throw new Difference(own, stream, 'ws', expected, theirs);
  }
}

/**
 * ws refuses some headers before their masking key has come, we after it (a length over the limit, a continuation without a message): with the bytes that are missing, the reference
 * must say the same.
 */
function isRefusedWithinHeader(stream: Buffer, expected: Expected, theirs: Outcome): boolean {
  if (expected.end !== null || theirs.end?.kind !== 'failed') return false;
  const { code } = theirs.end;
  return [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].some((more) => {
    const { end, peculiar } = decodeStream(Buffer.concat([stream, Buffer.alloc(more)]), LIMITS);
    // A fragment that is one too many and too long: we count first.
    return end?.code === code || peculiar === 'fragment count';
  });
}

function runOurs(chunks: readonly Buffer[]): Outcome {
  const events: string[] = [];
  let end: Outcome['end'] = null;
  const session = new WebSocketSession(LIMITS, {
    write: () => {},
    message: (bytes, isText) => void events.push(`${isText ? 'text' : 'binary'}:${bytes.toString('hex')}`),
    ping: (bytes) => {
      events.push(`ping:${bytes.toString('hex')}`);
      return true;
    },
    pong: (bytes) => void events.push(`pong:${bytes.toString('hex')}`),
    closed: (code, _reason, clean) => {
      end = { kind: clean ? 'closed' : 'failed', code };
    },
  });
  for (const chunk of chunks) session.receive(chunk);
  return { events, end };
}

function runTheirs(chunks: readonly Buffer[]): { events: string[]; end: Outcome['end'] } {
  const outcome: { events: string[]; end: Outcome['end'] } = { events: [], end: null };
  const receiver = new Receiver({
    isServer: true,
    allowSynchronousEvents: true,
    maxPayload: LIMITS.maxMessageSize,
    maxFragments: LIMITS.maxFragments,
  });
  const hex = (bytes: Buffer): string => Buffer.from(bytes).toString('hex');
  receiver.on('message', (data: Buffer, isBinary: boolean) =>
    outcome.events.push(`${isBinary ? 'binary' : 'text'}:${hex(data)}`),
  );
  receiver.on('ping', (data: Buffer) => outcome.events.push(`ping:${hex(data)}`));
  receiver.on('pong', (data: Buffer) => outcome.events.push(`pong:${hex(data)}`));
  receiver.on('conclude', (code: number) => {
    outcome.end ??= { kind: 'closed', code };
  });
  receiver.on('error', (error: Error) => {
    const statusCode = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code');
    if (statusCode !== undefined)
      outcome.end ??= { kind: 'failed', code: (error as unknown as Record<symbol, number>)[statusCode] as number };
  });
  for (const chunk of chunks) if (outcome.end === null) receiver.write(chunk);
  return outcome;
}
