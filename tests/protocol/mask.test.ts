import { describe, expect, test } from 'vitest';
import { Content, rotateKey, unmask, wordsOf } from '../../src/protocol/mask.ts';

const KEYS = [0, 0x3d21fa37, -1, 0x01020304, 0x80000000 | 0];

function plainUnmask(bytes: Uint8Array, start: number, end: number, key: number): void {
  for (let i = start; i < end; i++) bytes[i] = (bytes[i] as number) ^ ((key >>> (((i - start) % 4) * 8)) & 0xff);
}

const plainContent = (bytes: Uint8Array): number =>
  (bytes.some((byte) => byte < 0x0e) ? Content.CONTROLS : 0) | (bytes.some((byte) => byte > 0x7f) ? Content.NOT_ASCII : 0);

/** Bytes of which every other lot is plain. */
const someBytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => ((i * 37 + seed) & 0xff) % (seed % 2 === 0 ? 256 : 0x72)).map((byte) =>
    seed % 2 === 0 ? byte : byte + 0x0e,
  );

describe('words of a chunk', () => {
  test('are its whole ones, and none of its neighbours', () => {
    for (let size = 0; size < 9; size++) {
      const words = wordsOf(new Uint8Array(new ArrayBuffer(16), 4, size));
      expect([words?.byteOffset, words?.length]).toEqual([4, Math.floor(size / 4)]);
    }
  });

  test.each([1, 2, 3])('that begins %i bytes behind one are not to be had', (offset) => {
    expect(wordsOf(new Uint8Array(new ArrayBuffer(16), offset, 8))).toBeNull();
  });
});

test('the fast unmask equals the plain one at every length, offset and end of the chunk, sees the same, and touches nothing else', () => {
  for (const key of KEYS) {
    for (let start = 0; start < 9; start++) {
      for (let size = 0; size < 70; size++) {
        for (let behind = 0; behind < 6; behind++) {
          for (const withWords of [false, true]) {
            const fast = someBytes(100, size);
            const plain = fast.slice();
            const chunk = fast.subarray(4, 4 + start + size + behind);
            plainUnmask(plain, 4 + start, 4 + start + size, key);
            const content = unmask(chunk, start, start + size, key, withWords ? wordsOf(chunk) : null);
            if (Buffer.compare(fast, plain) !== 0) expect.fail(`${size} bytes at ${start}, ${behind} behind`);
            const seen = plainContent(plain.subarray(4 + start, 4 + start + size));
            if (content !== seen) expect.fail(`${size} bytes at ${start}, ${behind} behind: content ${content} for ${seen}`);
          }
        }
      }
    }
  }
});

test('one byte below 0x0E or above 0x7F anywhere is found, whatever stands beside it, and nothing else is', () => {
  for (const around of [0x0e, 0x7f]) {
    for (let byte = 0; byte < 256; byte++) {
      const content = byte < 0x0e ? Content.CONTROLS : byte > 0x7f ? Content.NOT_ASCII : Content.PLAIN;
      for (let size = 1; size < 20; size++) {
        for (let at = 0; at < size; at++) {
          // Zeros beside the payload: none of it.
          const bytes = new Uint8Array(28);
          bytes.fill(around, 3, 3 + size);
          bytes[3 + at] = byte;
          const words = wordsOf(bytes);
          const seen = [unmask(bytes, 3, 3 + size, 0, null), unmask(bytes, 3, 3 + size, 0, words)];
          if (seen.some((each) => each !== content)) expect.fail(`${byte} at ${at} of ${size} is ${seen}`);
        }
      }
    }
  }
});

test('both are found, also where one stands right behind the other', () => {
  for (let size = 2; size < 20; size++) {
    for (let at = 0; at < size - 1; at++) {
      for (const [first, second] of [
        [0x0d, 0xff],
        [0x80, 0x00],
        [0x80, 0x0d],
      ] as const) {
        const bytes = new Uint8Array(28).fill(0x61);
        bytes[5 + at] = first;
        bytes[6 + at] = second;
        for (const words of [null, wordsOf(bytes)]) expect(unmask(bytes, 5, 5 + size, 0, words)).toBe(3);
      }
    }
  }
});

test('F6 a payload that goes on in another chunk goes on with the rotated key, mask key 0 included', () => {
  for (const key of KEYS) {
    for (let cut = 0; cut < 40; cut++) {
      const whole = Uint8Array.from({ length: 40 }, (_, i) => i);
      const parts = whole.slice();
      plainUnmask(whole, 0, 40, key);
      unmask(parts, 0, cut, key, wordsOf(parts));
      unmask(parts, cut, 40, rotateKey(key, cut), wordsOf(parts));
      expect([...parts]).toEqual([...whole]);
    }
  }
});
