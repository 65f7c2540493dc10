/**
 * What a session holds, and how often it moves a byte: by counting bytes, never by time.
 *
 * A test file is a process of its own, and nothing else runs in it between two measurements.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import * as wsModule from 'ws';
import { Opcode } from '../../src/protocol/frame.ts';
import { MessageBuffer } from '../../src/protocol/message-buffer.ts';
import type { SessionLimits } from '../../src/protocol/session.ts';
import { WebSocketSession } from '../../src/protocol/web-socket-session.ts';
import { clientFrame, clientText, recordingSession } from '../helpers/frames.ts';

const MIB = 1024 * 1024;
/** What a socket gives in one read. */
const READ_SIZE = 65_536;

/** Exported by ws, and missing in its types. */
const { Receiver } = wsModule as unknown as { Receiver: new (options: object) => { write(chunk: Buffer): boolean } };

let collectGarbage: () => void;

beforeAll(() => {
  setFlagsFromString('--expose-gc');
  collectGarbage = runInNewContext('gc') as () => void;
});

/** Bytes, of heap and buffers, that `make`'s result keeps alive. */
function heldBy(make: () => unknown): number {
  const measure = (): number => {
    // Buffers are counted out by the collection after the one that frees them.
    for (let i = 0; i < 3; i++) collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  // Compiled code and feedback are nobody's data.
  make();
  const before = measure();
  const held = make();
  const bytes = measure() - before;
  // Held until here.
  return held === undefined ? 0 : bytes;
}

function silentSession(limits: Partial<SessionLimits> = {}): WebSocketSession {
  return new WebSocketSession(
    { maxMessageSize: MIB, maxFragments: Number.POSITIVE_INFINITY, ...limits },
    { write: () => {}, message: () => {}, closed: () => {} },
  );
}

/** Feeds frames as reads of a socket: buffers of their own. */
function feed(receiver: { receive(chunk: Buffer): unknown }, frames: Buffer, readSize = READ_SIZE): void {
  for (let at = 0; at < frames.length; at += readSize) receiver.receive(Buffer.from(frames.subarray(at, at + readSize)));
}

/** An unfinished message of at most 0.9 MB on the wire. */
function unfinishedMessage(fragment: string): Buffer {
  const start = clientFrame(Opcode.BINARY, fragment, { fin: false });
  const more = clientFrame(Opcode.CONTINUATION, fragment, { fin: false });
  return Buffer.concat([start, ...Array<Buffer>(Math.floor(900_000 / more.length) - 1).fill(more)]);
}

describe('F9 fragments', () => {
  test.each([
    ['empty', '', READ_SIZE],
    ['of one byte', 'x', READ_SIZE],
    ['of two bytes', 'xy', READ_SIZE],
    ['empty, a read each', '', 6],
    ['of one byte, a read each', 'x', 7],
  ])('0.9 MB of fragments, %s, hold less than 2 MB, where no limit helps (CVE-2026-48779)', (_size, payload, readSize) => {
    const frames = unfinishedMessage(payload);
    const held = heldBy(() => {
      const session = silentSession();
      feed(session, frames, readSize);
      return session;
    });
    expect(held).toBeLessThan(2 * MIB);
  });

  test('the same in a receiver that keeps its fragments is seen by this measurement', () => {
    const frames = unfinishedMessage('x');
    const held = heldBy(() => {
      const receiver = new Receiver({ isServer: true, maxPayload: MIB });
      feed({ receive: (chunk) => receiver.write(chunk) }, frames);
      return receiver;
    });
    expect(held).toBeGreaterThan(5 * MIB);
  });

  test('ten thousand fragments of one byte are one message', () => {
    const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i & 0xff));
    const { session, record } = recordingSession({ maxMessageSize: 10_000, maxFragments: 10_000 });
    const frames = Array.from(bytes, (byte, i) =>
      clientFrame(i === 0 ? Opcode.BINARY : Opcode.CONTINUATION, Buffer.of(byte), { fin: i === bytes.length - 1 }),
    );
    feed(session, Buffer.concat(frames));
    expect(record).toEqual({ messages: [{ text: false, bytes: bytes.toString('hex') }], pongs: [], written: '', closed: null });
  });

  test('a connection that was failed for them holds nothing of them', () => {
    const frames = clientFrame(Opcode.BINARY, Buffer.alloc(8 * MIB), { fin: false });
    const wrong = clientFrame(Opcode.BINARY, 'x');
    const held = heldBy(() => {
      const failed = silentSession({ maxMessageSize: 16 * MIB });
      feed(failed, frames);
      failed.receive(Buffer.from(wrong));
      return failed;
    });
    expect(held).toBeLessThan(MIB);
  });
});

describe('reads are not kept', () => {
  // Each is the rest of a read of 64 KiB: a hundred of them would hold 6.4 MB.
  test.each([
    ['within a header', clientText('x'.repeat(200)).subarray(0, 5)],
    ['within a payload', clientText('x'.repeat(200)).subarray(0, 50)],
    ['within a ping', clientFrame(Opcode.PING, 'x'.repeat(100)).subarray(0, 50)],
    ['within a message', clientText('x', { fin: false })],
    ['behind a message', Buffer.alloc(0)],
  ])('a hundred connections that stop %s hold less than 2 MB', (_where, rest) => {
    const read = Buffer.concat([clientFrame(Opcode.BINARY, Buffer.alloc(READ_SIZE - 8 - rest.length)), rest]);
    expect(read.length).toBe(READ_SIZE);
    const held = heldBy(() =>
      Array.from({ length: 100 }, () => {
        const session = silentSession();
        session.receive(Buffer.from(read));
        return session;
      }),
    );
    expect(held).toBeLessThan(2 * MIB);
  });

  test('a message with a byte in each of a hundred reads holds its bytes, not the reads', () => {
    const filler = clientFrame(Opcode.PONG, Buffer.alloc(125));
    const held = heldBy(() => {
      const session = silentSession();
      session.receive(clientFrame(Opcode.BINARY, 'x', { fin: false }));
      for (let i = 0; i < 100; i++) {
        const fragment = clientFrame(Opcode.CONTINUATION, 'x', { fin: false });
        session.receive(Buffer.concat([fragment, ...Array<Buffer>(500).fill(filler)]));
      }
      return session;
    });
    expect(held).toBeLessThan(2 * MIB);
  });
});

test('F10 an announced length allocates nothing: a thousand announcements of 64 MiB hold less than 4 MB', () => {
  const header = Buffer.from('82ff000000000400000000000000', 'hex');
  const held = heldBy(() =>
    Array.from({ length: 1_000 }, () => {
      const session = silentSession({ maxMessageSize: 64 * MIB });
      session.receive(Buffer.concat([header, Buffer.from('x')]));
      return session;
    }),
  );
  expect(held).toBeLessThan(4 * MIB);
});

describe('F5 ten thousand frames in a read', () => {
  test.each([
    ['messages', [clientText('x')]],
    ['empty messages', [clientText('')]],
    ['pings', [clientFrame(Opcode.PING, 'x')]],
    ['pongs', [clientFrame(Opcode.PONG, '')]],
    ['messages of two fragments', [clientText('x', { fin: false }), clientFrame(Opcode.CONTINUATION, 'y')]],
  ])('%s: the last is handled at the depth of the first', (_kind, frames) => {
    let handled = 0;
    const depths: number[] = [];
    const handle = (): void => {
      handled++;
      if (handled > 1 && handled < 10_000) return;
      const limit = Error.stackTraceLimit;
      Error.stackTraceLimit = Number.POSITIVE_INFINITY;
      depths.push((new Error('here').stack as string).split('\n').length);
      Error.stackTraceLimit = limit;
    };
    const session = new WebSocketSession(
      { maxMessageSize: 10, maxFragments: 2 },
      {
        write: handle,
        // Answering from within is what servers do.
        message: () => void session.sendText('y'),
        pong: handle,
        closed: () => {},
      },
    );
    session.receive(Buffer.concat(Array<Buffer[]>(10_000).fill(frames).flat()));
    expect(handled).toBe(10_000);
    expect(depths[1]).toBe(depths[0]);
  });
});

describe('a message that drips in byte by byte', () => {
  test('a buffer of 100,000 bytes has moved less than twelve times', () => {
    const buffer = new MessageBuffer();
    const memories = new Set<ArrayBufferLike>();
    for (let i = 0; i < 100_000; i++) {
      buffer.append(Uint8Array.of(i & 0xff), 0, 1);
      memories.add(buffer.bytes.buffer);
    }
    expect(buffer.size).toBe(100_000);
    expect(memories.size).toBeLessThan(12);
  });

  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** Bytes that are copied from buffer to buffer, or allocated, until a message of `size` bytes is whole. */
  function movedBytes(size: number, toFrames: (payload: Buffer) => Buffer): number {
    const frames = toFrames(Buffer.alloc(size, 'é'));
    let moved = 0;
    let received = 0;
    const session = new WebSocketSession(
      { maxMessageSize: size, maxFragments: size },
      {
        write: () => {},
        message: (bytes) => {
          received += bytes.length;
        },
        closed: () => {},
      },
    );
    const chunks = Array.from(frames, (byte) => Buffer.of(byte));

    const { copy } = Buffer.prototype;
    const { set } = Uint8Array.prototype;
    const { allocUnsafe, allocUnsafeSlow, concat } = Buffer;
    vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, from: ArrayLike<number>, at?: number) {
      moved += from.length;
      set.call(this, from, at);
    });
    vi.spyOn(Buffer.prototype, 'copy').mockImplementation(function (this: Buffer, ...args) {
      const copied = copy.apply(this, args as Parameters<typeof copy>);
      moved += copied;
      return copied;
    });
    const counting = <Made extends { readonly length: number }>(made: Made): Made => {
      moved += made.length;
      return made;
    };
    vi.spyOn(Buffer, 'allocUnsafe').mockImplementation((length) => counting(allocUnsafe(length)));
    vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((length) => counting(allocUnsafeSlow(length)));
    vi.spyOn(Buffer, 'concat').mockImplementation((list, length) => counting(concat(list, length)));

    for (const chunk of chunks) session.receive(chunk);
    vi.restoreAllMocks();
    expect(received).toBe(size);
    return moved;
  }

  test.each([
    ['one frame', (payload: Buffer): Buffer => clientFrame(Opcode.TEXT, payload)],
    [
      'a frame for each byte',
      (payload: Buffer): Buffer =>
        Buffer.concat(
          Array.from(payload, (byte, i) =>
            clientFrame(i === 0 ? Opcode.TEXT : Opcode.CONTINUATION, Buffer.of(byte), { fin: i === payload.length - 1 }),
          ),
        ),
    ],
  ])('%s: twice the message is twice the work', (_how, toFrames) => {
    const [once, twice, fourTimes] = [8_192, 16_384, 32_768].map((size) => movedBytes(size, toFrames)) as [
      number,
      number,
      number,
    ];
    // The message itself at least, or nothing was counted.
    expect(once).toBeGreaterThanOrEqual(8_192);
    expect(twice / once).toBeLessThan(2.2);
    expect(fourTimes / twice).toBeLessThan(2.2);
  });
});
