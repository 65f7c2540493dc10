import { expect, test } from 'vitest';
import { Content, rotateKey, unmask } from '../../src/protocol/mask.ts';

const KEYS = [0, 0x3d21fa37, -1, 0x01020304, 0x80000000 | 0];

function plainUnmask(bytes: Uint8Array, start: number, end: number, key: number): void {
  for (let i = start; i < end; i++) bytes[i] = (bytes[i] as number) ^ ((key >>> (((i - start) % 4) * 8)) & 0xff);
}

test('the fast unmask equals the plain one at every length and offset, and touches nothing else', () => {
  for (const key of KEYS) {
    for (let start = 0; start < 9; start++) {
      for (let size = 0; size < 70; size++) {
        for (const withView of [false, true]) {
          const original = Uint8Array.from({ length: 96 }, (_, i) => (i * 37 + size) & 0xff);
          const fast = original.slice();
          const plain = original.slice();
          const view = withView ? new DataView(fast.buffer) : null;
          unmask(fast, start, start + size, start, key, view);
          plainUnmask(plain, start, start + size, key);
          expect(Buffer.compare(fast, plain)).toBe(0);
        }
      }
    }
  }
});

test('a payload that moves to the left arrives whole, wherever it goes', () => {
  for (const key of KEYS) {
    for (let distance = 0; distance < 15; distance++) {
      for (let size = 0; size < 40; size++) {
        for (const withView of [false, true]) {
          const moved = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + size) & 0xff);
          const plain = moved.slice();
          unmask(moved, 20, 20 + size, 20 - distance, key, withView ? new DataView(moved.buffer) : null);
          plainUnmask(plain, 20, 20 + size, key);
          expect([...moved.subarray(20 - distance, 20 - distance + size)]).toEqual([...plain.subarray(20, 20 + size)]);
        }
      }
    }
  }
});

test('one byte below 0x0E or above 0x7F anywhere is found, whatever stands beside it, and nothing else is', () => {
  for (const withView of [false, true]) {
    for (const around of [0x0e, 0x7f]) {
      for (let byte = 0; byte < 256; byte++) {
        for (let size = 1; size < 20; size++) {
          for (let at = 0; at < size; at++) {
            const bytes = new Uint8Array(size).fill(around);
            bytes[at] = byte;
            const content = byte < 0x0e ? Content.CONTROLS : byte > 0x7f ? Content.NOT_ASCII : Content.PLAIN;
            const seen = unmask(bytes, 0, size, 0, 0, withView ? new DataView(bytes.buffer) : null);
            if (seen !== content) expect.fail(`${byte} at ${at} of ${size} is ${seen}`);
          }
        }
      }
    }
  }
});

test('F6 a payload that goes on in another chunk goes on with the rotated key, mask key 0 included', () => {
  for (const key of KEYS) {
    for (let cut = 0; cut < 12; cut++) {
      const whole = Uint8Array.from({ length: 12 }, (_, i) => i);
      const parts = whole.slice();
      plainUnmask(whole, 0, 12, key);
      unmask(parts, 0, cut, 0, key, null);
      unmask(parts, cut, 12, cut, rotateKey(key, cut), null);
      expect([...parts]).toEqual([...whole]);
    }
  }
});
