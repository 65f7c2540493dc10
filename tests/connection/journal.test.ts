import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Journal } from '../../src/connection/journal.ts';
import { encodeFrame, Opcode } from '../../src/protocol/frame.ts';

const frame = (opcode: Opcode, text: string): string => encodeFrame(opcode, Buffer.from(text, 'latin1')).toString('latin1');
const text = (line: string): string => frame(Opcode.TEXT, line);

test('what is not acknowledged comes again, from any message on, and only text messages do', () => {
  const journal = new Journal(10_000);
  journal.add(text('1') + frame(Opcode.PONG, 'x') + text('2'));
  journal.add(frame(Opcode.BINARY, 'ack 5'));
  journal.add(text('3'));
  expect(journal.framesAfter(0)).toBe(text('1') + text('2') + text('3'));
  expect(journal.framesAfter(1)).toBe(text('2') + text('3'));
  expect(journal.acknowledge(1)).toBe(true);
  expect(journal.framesAfter(2)).toBe(text('3'));
  expect(journal.acknowledge(3)).toBe(true);
  expect([journal.framesAfter(3), journal.size, journal.sent]).toEqual(['', 0, 3]);
});

test('V4 a count that goes backwards, or beyond what was sent, is refused and changes nothing', () => {
  const journal = new Journal(10_000);
  journal.add(text('1') + text('2'));
  expect(journal.acknowledge(1)).toBe(true);
  for (const count of [0, 3, -1, 1.5 + 1, Number.POSITIVE_INFINITY])
    expect(journal.acknowledge(count), String(count)).toBe(false);
  expect(journal.acknowledge(1)).toBe(true);
  expect([journal.canResumeFrom(0), journal.canResumeFrom(1), journal.canResumeFrom(2), journal.canResumeFrom(3)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('what is over the limit is dropped, the oldest first; a client that would need it cannot come back', () => {
  const journal = new Journal(100);
  for (let i = 1; i <= 10; i++) journal.add(text(`${i}`.padEnd(28, '.')));
  expect(journal.size).toBeLessThanOrEqual(100);
  expect(journal.canResumeFrom(6)).toBe(false);
  expect(journal.canResumeFrom(7)).toBe(true);
  expect(journal.framesAfter(9)).toBe(text('10'.padEnd(28, '.')));
});

describe('frames of every length', () => {
  test.each([0, 1, 125, 126, 127, 65_535, 65_536])('%i bytes', (size) => {
    const journal = new Journal(1_000_000);
    const line = text('x'.repeat(size));
    journal.add(text('before') + line + text('after'));
    expect(journal.framesAfter(1)).toBe(line + text('after'));
  });
});

test('any writes, acknowledged anywhere, leave exactly the rest', () => {
  const write = fc.array(
    fc.tuple(fc.constantFrom(Opcode.TEXT, Opcode.TEXT, Opcode.PONG, Opcode.BINARY), fc.string({ maxLength: 200 })),
    {
      maxLength: 6,
    },
  );
  fc.assert(
    fc.property(fc.array(write, { maxLength: 12 }), fc.nat(), fc.nat(), (writes, a, b) => {
      const journal = new Journal(1_000_000);
      const texts: string[] = [];
      for (const frames of writes) {
        journal.add(frames.map(([opcode, line]) => frame(opcode, line)).join(''));
        for (const [opcode, line] of frames) if (opcode === Opcode.TEXT) texts.push(frame(opcode, line));
      }
      const first = a % (texts.length + 1);
      const second = first + (b % (texts.length - first + 1));
      expect(journal.acknowledge(first)).toBe(true);
      expect(journal.framesAfter(second)).toBe(texts.slice(second).join(''));
    }),
    { numRuns: 300 },
  );
});
