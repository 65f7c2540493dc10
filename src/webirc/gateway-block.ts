/**
 * One gateway that an operator trusts: a `<gateway>` tag.
 *
 * In: the block as it is configured. Out: whether a peer is this gateway, and what is believed of it. It does not know the WEBIRC
 * line, nor what becomes of the client.
 *
 * Law: a block that would let anybody in is refused: no mask, neither password nor fingerprint, an empty one of them.
 */

import { compileRanges, type RangeMatcher } from '../address/ranges.ts';
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';
import { compileTrustedFlags } from './claims.ts';
import { isSameSecret } from './constant-time.ts';
import { canonicalFingerprint } from './fingerprint.ts';
import { compilePassword, type PasswordVerifier } from './password.ts';

/** A gateway and what it is trusted with: plain data. The keys of the `<gateway>` tag are the same, lower case. */
export interface WebircGateway {
  /** What operators and bans call it. @defaultValue what it calls itself, the second parameter of WEBIRC */
  readonly name?: string;
  /**
   * How the user's address comes: by the WEBIRC command, or as eight hexadecimal digits in the username. @defaultValue `'webirc'`
   */
  readonly type?: 'webirc' | 'username';
  /**
   * Where it connects from: addresses, CIDR ranges, globs of addresses, `loopback`, `unix`, globs of host names. One of them must
   * fit.
   */
  readonly mask: readonly string[];
  /** What it must send, stored as `hash` says. Needed unless there is a fingerprint; where both are given, both must fit. */
  readonly password?: string;
  /**
   * How `password` is stored: `plaintext`, `sha256` (hexadecimal), `hmac-sha256` (`salt$mac`), `pbkdf2-hmac-sha256`
   * (`rounds:hash:salt`), as InspIRCd's MKPASSWD writes them; `scrypt` (the PHC string); or the name of a verifier. @defaultValue
   * `'plaintext'`, with a process warning
   */
  readonly hash?: string;
  /** The fingerprint of the TLS certificate that it must show, hexadecimal with or without colons, or as the server words it. */
  readonly fingerprint?: string;
  /** Which of its options are believed: names, `*` for all, `-name` for all but this. @defaultValue `['*']` */
  readonly trustedFlags?: readonly string[];
  /** The username that users of a username gateway get. @defaultValue `'gateway'` */
  readonly newUsername?: string;
  /**
   * What becomes of the host name that it sends: `ignore` leaves the lookup to the server, `verify` takes a name that resolves to
   * the address, `trust` takes every well-formed name. @defaultValue `'ignore'`, as in InspIRCd
   */
  readonly hostname?: 'ignore' | 'verify' | 'trust';
}

/** The other end of a connection. */
export interface WebircPeer {
  /** Its address, as the socket says; `unix` on a Unix domain socket. */
  readonly address: string;
  /** Its host name, if the server looked one up *and* confirmed it: masks are compared with it. */
  readonly hostname?: string;
  /** The fingerprints of the TLS certificate it showed, by whatever algorithms the server makes them. */
  readonly fingerprints?: readonly string[];
  /** Whether it came over TLS. */
  readonly secure: boolean;
}

/** A block that can work. */
export interface GatewayBlock {
  readonly name: string | undefined;
  readonly type: 'webirc' | 'username';
  readonly newUsername: string;
  readonly hostnamePolicy: 'ignore' | 'verify' | 'trust';
  /** Whether its password stands in the configuration as it is. */
  readonly isPlaintext: boolean;
  /** Whether an option of this name is believed. */
  trusts(option: string): boolean;
  /** Whether the peer, its address canonical, comes from where this gateway is. */
  isFrom(peer: WebircPeer): boolean;
  /** Whether the peer proves to be this gateway, of the type `webirc`; what is not asked for is not looked at. */
  admits(peer: WebircPeer, password: string): Promise<boolean>;
}

const KEYS: readonly string[] = [
  'name',
  'type',
  'mask',
  'password',
  'hash',
  'fingerprint',
  'trustedFlags',
  'newUsername',
  'hostname',
] satisfies (keyof WebircGateway)[];

/**
 * Checks and compiles a block.
 *
 * @param line where its tag stands; absent for a configuration that is no text
 * @throws ConfigError naming the key; the password's value is not in it
 */
export function compileGateway(
  gateway: WebircGateway,
  verifiers: Readonly<Record<string, PasswordVerifier>>,
  line?: number,
): GatewayBlock {
  const place: ConfigErrorPlace = { tag: 'gateway', line };
  if (typeof gateway !== 'object' || gateway === null) throw new ConfigError({ ...place, value: gateway }, 'must be an object');
  for (const key of Object.keys(gateway)) {
    if (!KEYS.includes(key))
      throw new ConfigError({ ...place, key: key.toLowerCase() }, `is not known: use one of ${KEYS.join(', ')}`);
  }
  const { name, type = 'webirc', mask, trustedFlags = ['*'], newUsername = 'gateway', hostname = 'ignore' } = gateway;
  checkChoice(type, ['webirc', 'username'], { ...place, key: 'type' });
  checkChoice(hostname, ['ignore', 'verify', 'trust'], { ...place, key: 'hostname' });
  if (name !== undefined) checkText(name, /^[^\0\r\n]+$/, { ...place, key: 'name' });
  checkText(newUsername, /^[^\0\r\n @!:]+$/, { ...place, key: 'newusername' });
  checkList(trustedFlags, { ...place, key: 'trustedflags' });
  checkList(mask, { ...place, key: 'mask' });
  if (mask.length === 0)
    throw new ConfigError({ ...place, key: 'mask' }, 'is missing: it tells which addresses the gateway connects from');
  const masks = mask.map((pattern) => compileMask(pattern, { ...place, key: 'mask' }));
  return {
    name,
    type,
    newUsername,
    hostnamePolicy: hostname,
    isPlaintext: gateway.password !== undefined && (gateway.hash ?? 'plaintext').toLowerCase() === 'plaintext',
    trusts: compileTrustedFlags(trustedFlags),
    isFrom: (peer) => masks.some((matches) => matches(peer.address, peer.hostname) !== null),
    admits: compileProof(gateway, type, verifiers, place),
  };
}

/**
 * A glob that can be an address is not tried against host names: `127.*` would let the owner of `127.example.com` in. InspIRCd
 * tries both.
 */
function compileMask(pattern: string, place: ConfigErrorPlace): RangeMatcher {
  try {
    return compileRanges([pattern], place);
  } catch {
    return compileRanges([pattern], place, { hostGlobs: true });
  }
}

function compileProof(
  { password, hash, fingerprint }: WebircGateway,
  type: 'webirc' | 'username',
  verifiers: Readonly<Record<string, PasswordVerifier>>,
  place: ConfigErrorPlace,
): GatewayBlock['admits'] {
  if (type === 'username') {
    // An operator who sets a password believes that it is asked for.
    for (const [key, value] of Object.entries({ password, hash, fingerprint }))
      if (value !== undefined)
        throw new ConfigError({ ...place, key }, 'cannot be combined with the type "username", which has only a mask');
    return async () => false;
  }
  if (fingerprint !== undefined) checkText(fingerprint, /^[^\0\r\n ]+$/, { ...place, key: 'fingerprint' });
  if (password !== undefined) {
    // Not checkText: the value stays out of the error.
    if (typeof password !== 'string' || password === '')
      throw new ConfigError({ ...place, key: 'password' }, 'must be a text that is not empty');
  } else if (fingerprint === undefined) {
    throw new ConfigError(place, 'needs a password or a fingerprint');
  } else if (hash !== undefined) {
    throw new ConfigError({ ...place, key: 'hash', value: hash }, 'needs a password');
  }
  if (hash !== undefined) checkText(hash, /^\S+$/, { ...place, key: 'hash' });
  const wanted = fingerprint === undefined ? null : canonicalFingerprint(fingerprint);
  const checkPassword = password === undefined ? null : compilePassword(password, hash ?? 'plaintext', verifiers, place);
  return async (peer, given) => {
    if (wanted !== null && !hasFingerprint(peer, wanted)) return false;
    return checkPassword === null || checkPassword(given);
  };
}

/** Looks at every fingerprint, whichever fits. */
function hasFingerprint({ fingerprints = [] }: WebircPeer, wanted: string): boolean {
  return fingerprints.filter((fingerprint) => isSameSecret(canonicalFingerprint(fingerprint), wanted)).length > 0;
}

function checkChoice(value: string, choices: readonly string[], place: ConfigErrorPlace): void {
  if (!choices.includes(value)) throw new ConfigError({ ...place, value }, `must be one of ${choices.join(', ')}`);
}

function checkText(value: unknown, form: RegExp, place: ConfigErrorPlace): void {
  if (typeof value !== 'string' || !form.test(value))
    throw new ConfigError({ ...place, value }, 'is empty, or has characters that are not allowed');
}

function checkList(value: unknown, place: ConfigErrorPlace): void {
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
    throw new ConfigError({ ...place, value }, 'must be a list of texts');
}
