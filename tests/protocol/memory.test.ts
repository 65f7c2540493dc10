import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/frame.ts';
import { MessageBuffer } from '../../src/protocol/message-buffer.ts';
import { clientFrame, recordingSession } from '../helpers/frames.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that stay behind while `run`'s result is held, after a collection. */
function heldBy(run: () => unknown): number {
  const used = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const held = run();
  const after = used();
  // Still reachable here.
  expect(held).toBeDefined();
  return after - before;
}

describe('memory follows the bytes that came', () => {
  test.each([
    ['empty', ''],
    ['of one byte', 'x'],
  ])('F9 CVE-2026-48779: 0.9 MB of fragments, each %s, pin less than 2 MB', (_what, payload) => {
    const limits = { maxMessageSize: 2 ** 24, maxFragments: Number.POSITIVE_INFINITY };
    const fragment = clientFrame(Opcode.CONTINUATION, payload, { fin: false });
    const count = Math.floor(900_000 / fragment.length);
    const pinned = heldBy(() => {
      const { session, record } = recordingSession(limits);
      session.receive(clientFrame(Opcode.BINARY, payload, { fin: false }));
      for (let i = 0; i < count; i++) session.receive(Buffer.from(fragment));
      expect(record.closed).toBeNull();
      return session;
    });
    expect(pinned).toBeLessThan(2_000_000);
  });

  test('F10 a length that was only announced allocates nothing', () => {
    const pinned = heldBy(() => {
      const sessions = Array.from({ length: 100 }, () => recordingSession({ maxMessageSize: 2 ** 30 }).session);
      // 512 MiB announced, and ten bytes sent, a hundred times.
      for (const session of sessions) session.receive(Buffer.from('82ff000000002000000001020304aaaaaaaaaaaaaaaaaaaa', 'hex'));
      return sessions;
    });
    expect(pinned).toBeLessThan(2_000_000);
  });

  test('a message that drips in byte by byte is copied a constant number of times, not once a byte', () => {
    const buffer = new MessageBuffer();
    let moves = 0;
    let last: ArrayBufferLike | undefined;
    for (let i = 0; i < 100_000; i++) {
      buffer.append(Uint8Array.of(i & 0xff), 0, 1);
      const { buffer: memory } = buffer.bytes;
      if (memory !== last) moves++;
      last = memory;
    }
    expect(buffer.size).toBe(100_000);
    expect(moves).toBeLessThan(12);
  });

  test('10,000 fragments of one byte within the limits are one message', () => {
    const { session, record } = recordingSession({ maxMessageSize: 20_000, maxFragments: 10_000 });
    const parts = Array.from({ length: 10_000 }, (_, i) =>
      clientFrame(i === 0 ? Opcode.TEXT : Opcode.CONTINUATION, 'x', { fin: i === 9_999 }),
    );
    session.receive(Buffer.concat(parts));
    expect(record.messages.map(({ bytes }) => bytes.length)).toEqual([20_000]);
  });
});
