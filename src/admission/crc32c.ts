/**
 * The checksum CRC32c (Castagnoli), as RFC 9260 has it in appendix A: the PROXY protocol guards its header with it.
 *
 * In: bytes. Out: 32 bits. It does not know what the bytes are.
 */

/** The polynomial 0x1EDC6F41 with its bits in reverse order: the lowest bit of each byte comes first. */
const POLYNOMIAL = 0x82f63b78;
/** The remainder of each byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ POLYNOMIAL;
  return remainder;
});

/** Returns the checksum of the bytes, which may come in parts. */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let remainder = 0xffff_ffff;
  for (const part of parts) for (const byte of part) remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ byte) & 0xff] as number);
  return (remainder ^ 0xffff_ffff) >>> 0;
}
