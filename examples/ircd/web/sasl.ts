/**
 * SASL PLAIN: logging in to an account while the connection registers.
 *
 * In: an account and its password. Out: the lines of AUTHENTICATE. https://ircv3.net/specs/extensions/sasl-3.1, RFC 4616
 */

export interface Account {
  readonly name: string;
  readonly password: string;
}

/** "The response is encoded in Base64, and then split to 400-byte chunks." */
const CHUNK = 400;

/** Returns whether a capability such as `sasl` or `sasl=PLAIN,EXTERNAL` offers PLAIN. */
export function offersPlain(capability: string): boolean {
  const [name, mechanisms] = capability.split('=');
  return name === 'sasl' && (mechanisms === undefined || mechanisms.toUpperCase().split(',').includes('PLAIN'));
}

/** Returns the answer to `AUTHENTICATE +`. */
export function plainResponse({ name, password }: Account): string[] {
  // RFC 4616: authorization identity (none: it is the account's own), NUL, authentication identity, NUL, password.
  const bytes = new TextEncoder().encode(`\0${name}\0${password}`);
  const encoded = btoa(String.fromCharCode(...bytes));
  const chunks: string[] = encoded.match(new RegExp(`.{1,${CHUNK}}`, 'g')) ?? [];
  // "If the last chunk was exactly 400 bytes long, it must also be followed by AUTHENTICATE +."
  if (encoded.length % CHUNK === 0) chunks.push('+');
  return chunks.map((chunk) => `AUTHENTICATE ${chunk}`);
}
