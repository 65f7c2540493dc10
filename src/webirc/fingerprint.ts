/**
 * Fingerprints of TLS certificates, in one spelling.
 *
 * In: a fingerprint as an operator, OpenSSL or a gateway writes it. Out: the spelling that is compared. It does not know
 * certificates.
 */

/** Returns hexadecimal digits in lower case without colons; `null` for anything else. */
export function hexFingerprint(text: string): string | null {
  const hex = text.replaceAll(':', '').toLowerCase();
  return /^(?:[\da-f]{2})+$/.test(hex) ? hex : null;
}

/**
 * Returns a fingerprint in the spelling that is compared: hexadecimal in one form, anything else (a public key's, in base64) as
 * it is.
 */
export function canonicalFingerprint(text: string): string {
  return hexFingerprint(text) ?? text;
}
