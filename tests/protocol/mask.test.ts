import { expect, test } from 'vitest';
import { rotateKey, unmask } from '../../src/protocol/mask.ts';

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
          unmask(fast, start, start + size, key, view);
          plainUnmask(plain, start, start + size, key);
          expect(Buffer.compare(fast, plain)).toBe(0);
        }
      }
    }
  }
});

test('one byte above 0x7F anywhere is found, and nothing else is', () => {
  for (const withView of [false, true]) {
    for (let size = 1; size < 40; size++) {
      for (let at = -1; at < size; at++) {
        const bytes = new Uint8Array(size).fill(0x7f);
        if (at >= 0) bytes[at] = 0x80;
        expect(unmask(bytes, 0, size, 0, withView ? new DataView(bytes.buffer) : null)).toBe(at < 0);
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
      unmask(parts, 0, cut, key, null);
      unmask(parts, cut, 12, rotateKey(key, cut), null);
      expect([...parts]).toEqual([...whole]);
    }
  }
});
