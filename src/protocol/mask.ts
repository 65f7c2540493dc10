/**
 * Unmasking, RFC 6455 section 5.3, in place.
 *
 * In: a chunk, the part of it that is payload, the masking key. Out: the chunk, unmasked there, and whether all of it was ASCII.
 * It does not know frames.
 */

/** Any byte of a word that is not ASCII. */
const NOT_ASCII = 0x80808080 | 0;

/**
 * Unmasks `bytes[start, end)` in place and tells whether every unmasked byte is below 0x80.
 *
 * The test for ASCII rides along (1 ns a frame) and saves the UTF-8 check of most lines.
 *
 * @param key the four bytes of the key, the first in the low byte
 * @param view a `DataView` of `bytes`, kept for all frames of a chunk: 32 bits at a time are four to five times as fast as the loop over bytes;
 *   a new view for each frame would cost more than it gains. `null` for chunks where it does not pay.
 */
export function unmask(bytes: Uint8Array, start: number, end: number, key: number, view: DataView | null): boolean {
  let seen = 0;
  let i = start;
  if (view !== null) {
    for (const words = end - 3; i < words; i += 4) {
      const word = view.getInt32(i, true) ^ key;
      view.setInt32(i, word, true);
      seen |= word;
    }
  }
  // 5.3: "transformed-octet-i = original-octet-i XOR masking-key-octet-j", j = i MOD 4. Whole words leave j at 0.
  for (let shift = 0; i < end; i++, shift = (shift + 8) & 31) {
    const byte = (bytes[i] as number) ^ ((key >>> shift) & 0xff);
    bytes[i] = byte;
    seen |= byte;
  }
  return (seen & NOT_ASCII) === 0;
}

/** Gives the key that continues a payload of which `count` bytes are unmasked already. */
export function rotateKey(key: number, count: number): number {
  const shift = (count & 3) << 3;
  return shift === 0 ? key : (key >>> shift) | (key << (32 - shift));
}
