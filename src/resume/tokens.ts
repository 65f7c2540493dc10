/**
 * The tokens of one session: who shows one may have the session back.
 *
 * In: that a token is needed, was acknowledged, or is shown. Out: secrets from `node:crypto`; whether a shown one works. It does
 * not know sessions.
 *
 * Laws of this file:
 * 1. A secret has 192 bits and is compared in constant time; nothing here is ever logged.
 * 2. Every token since the last acknowledged one works, as the answer that brought a newer one may have been lost. An older one
 *    is dead.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';

/** Bytes of a secret; 32 characters of base64url. */
const SECRET_SIZE = 24;

/**
 * Tokens that are kept at most: a client whose every answer is lost shows the same one again and again, and gets a new one each
 * time.
 */
const MAX_TOKENS = 256;

/** The tokens of one session. */
export class Tokens {
  /** The oldest that works comes first. */
  #secrets: Buffer[] = [];

  /** Makes a new token and returns its secret. */
  issue(): string {
    const secret = randomBytes(SECRET_SIZE).toString('base64url');
    this.#secrets.push(Buffer.from(secret, 'latin1'));
    // Neither the oldest, which the client surely has, nor a new one.
    if (this.#secrets.length > MAX_TOKENS) this.#secrets.splice(1, 1);
    return secret;
  }

  /** Call this when the client has acknowledged the newest token: all others are dead. */
  acknowledge(): void {
    this.#secrets.splice(0, this.#secrets.length - 1);
  }

  /** Whether a shown secret works. If so, all older ones are dead: to show one acknowledges it. */
  accept(secret: string): boolean {
    const shown = Buffer.from(secret, 'latin1');
    let found = -1;
    // All of them are compared, whichever it is.
    for (const [index, own] of this.#secrets.entries())
      if (own.length === shown.length && timingSafeEqual(own, shown)) found = index;
    if (found < 0) return false;
    this.#secrets.splice(0, found);
    return true;
  }
}
