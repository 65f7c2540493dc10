/**
 * Comparing secrets in a time that does not depend on them.
 *
 * In: two secrets. Out: whether they are the same. It does not know what they are for.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Compares two texts or byte strings of any length: their digests are of one length, which is all that `timingSafeEqual` takes.
 */
export function isSameSecret(a: string | Uint8Array, b: string | Uint8Array): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

/** Returns the SHA-256 digest. */
export function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}
