import { expect, test } from 'vitest';
import { crc32c } from '../../src/admission/crc32c.ts';

const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);

// The first is the check value of every catalogue of checksums; the others are RFC 3720, B.4, read as numbers.
test.each([
  ['123456789', Buffer.from('123456789'), 0xe306_9283],
  ['no byte', Buffer.alloc(0), 0],
  ['32 bytes of zeros', Buffer.alloc(32), 0x8a91_36aa],
  ['32 bytes of ones', Buffer.alloc(32, 0xff), 0x62a8_ab43],
  ['32 bytes ascending', ascending, 0x46dd_794e],
  ['32 bytes descending', ascending.toReversed(), 0x113f_db5c],
])('%s, at once and cut anywhere', (_what, bytes, sum) => {
  expect(crc32c(bytes)).toBe(sum);
  for (let cut = 0; cut <= bytes.length; cut++) expect(crc32c(bytes.subarray(0, cut), bytes.subarray(cut))).toBe(sum);
  expect(crc32c(...[...bytes].map((byte) => Uint8Array.of(byte)))).toBe(sum);
});
