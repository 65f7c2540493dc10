/**
 * Stored passwords, plain or hashed, in InspIRCd's forms.
 *
 * In: what a configuration stores, and by which algorithm. Out: a check of what somebody gives. Whatever takes long (PBKDF2,
 * scrypt) runs in Node's thread pool, and every comparison takes the same time whether it fits or not. It does not know what the
 * password opens.
 */
import { createHmac, pbkdf2, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';
import { isSameSecret, sha256 } from './constant-time.ts';

/** Returns whether a password is the one that is stored; for algorithms that are not built in, such as bcrypt. */
export type PasswordVerifier = (given: string, stored: string) => boolean | Promise<boolean>;

/** Returns whether a password is the right one; never throws. */
export type PasswordCheck = (given: string) => Promise<boolean>;

/** Makes the check of one stored form; `null` for what is not of this form. */
type Algorithm = (stored: string) => ((given: string) => boolean | Promise<boolean>) | null;

/** A shorter hash is a truncated one, and an empty one would be everybody's. */
const MIN_HASH_SIZE = 16;
const MAX_HASH_SIZE = 512;
/** OWASP asks for 600,000 of PBKDF2 with SHA-256; InspIRCd's default is 12,288. */
const MAX_ROUNDS = 10_000_000;
/** Bytes that one scrypt may take: four times what OWASP asks for (N = 2^17, r = 8). */
const MAX_SCRYPT_MEMORY = 2 ** 29;

const pbkdf2Async = promisify(pbkdf2);
const scryptAsync = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** By the names that `<gateway:hash>` takes. */
const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['plaintext', (stored) => (given) => isSameSecret(given, stored)],
  ['sha256', readSha256],
  ['hmac-sha256', readHmac],
  ['pbkdf2-hmac-sha256', readPbkdf2],
  ['scrypt', readScrypt],
]);

/**
 * Compiles a stored password.
 *
 * A verifier of one's own that throws has not verified: the check is `false`, and a process warning tells of it.
 *
 * @param hash the algorithm's name, in any case
 * @param verifiers algorithms that are not built in, by name
 * @param place where the password is configured; its value is never in an error
 * @throws ConfigError for an unknown algorithm, and for what is not of the algorithm's form
 */
export function compilePassword(
  stored: string,
  hash: string,
  verifiers: Readonly<Record<string, PasswordVerifier>>,
  place: ConfigErrorPlace,
): PasswordCheck {
  const name = hash.toLowerCase();
  const own = Object.entries(verifiers).find(([key]) => key.toLowerCase() === name)?.[1];
  if (own !== undefined) return guard(name, (given) => own(given, stored));
  const algorithm = ALGORITHMS.get(name);
  if (algorithm === undefined) {
    const known = [...ALGORITHMS.keys(), ...Object.keys(verifiers)].join(', ');
    throw new ConfigError({ ...place, key: 'hash', value: hash }, `is not known: use one of ${known}, or add it to "verifiers"`);
  }
  const verify = algorithm(stored);
  if (verify === null) throw new ConfigError({ ...place, key: 'password' }, `is not of the form that ${name} stores`);
  return async (given) => verify(given);
}

function guard(name: string, verify: (given: string) => boolean | Promise<boolean>): PasswordCheck {
  return async (given) => {
    try {
      // An author's verifier may be JavaScript: only `true` is yes.
      return (await verify(given)) === true;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      process.emitWarning(`the verifier ${name} failed: ${detail}`, { code: 'IRCD_WEBSOCKET_VERIFIER' });
      return false;
    }
  };
}

/** 64 hexadecimal digits. */
function readSha256(stored: string): ReturnType<Algorithm> {
  if (!/^[\da-f]{64}$/i.test(stored)) return null;
  const wanted = Buffer.from(stored, 'hex');
  return (given) => isSameSecret(sha256(given), wanted);
}

/** `salt$mac`, both base64. */
function readHmac(stored: string): ReturnType<Algorithm> {
  const [salt, mac, ...rest] = stored.split('$').map(decodeBase64);
  if (!salt || mac?.length !== 32 || rest.length > 0) return null;
  return (given) => isSameSecret(createHmac('sha256', salt).update(given).digest(), mac);
}

/** `rounds:hash:salt`, hash and salt base64. */
function readPbkdf2(stored: string): ReturnType<Algorithm> {
  const [, rounds, hashText = '', saltText = ''] = /^([1-9]\d{0,8}):([^:]+):([^:]+)$/.exec(stored) ?? [];
  const [hash, salt] = [decodeBase64(hashText), decodeBase64(saltText)];
  if (Number(rounds) > MAX_ROUNDS || !isHash(hash) || salt === null) return null;
  return async (given) => isSameSecret(await pbkdf2Async(given, salt, Number(rounds), hash.length, 'sha256'), hash);
}

/** The PHC string `$scrypt$ln=17,r=8,p=1$salt$hash`, salt and hash base64. */
function readScrypt(stored: string): ReturnType<Algorithm> {
  const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([^$]+)\$([^$]+)$/;
  const [, ln, r, p, saltText = '', hashText = ''] = form.exec(stored) ?? [];
  const [hash, salt] = [decodeBase64(hashText), decodeBase64(saltText)];
  const [cost, blockSize, parallelization] = [2 ** Number(ln), Number(r), Number(p)];
  // RFC 7914 section 2: 128 * N * r bytes, and 128 * r * p more.
  const memory = 128 * blockSize * (cost + parallelization);
  if (!isHash(hash) || salt === null || cost < 2 || blockSize < 1 || parallelization < 1 || memory > MAX_SCRYPT_MEMORY)
    return null;
  const options = { cost, blockSize, parallelization, maxmem: memory + 2 ** 20 };
  return async (given) => isSameSecret(await scryptAsync(given, salt, hash.length, options), hash);
}

function isHash(bytes: Buffer | null): bytes is Buffer {
  return bytes !== null && bytes.length >= MIN_HASH_SIZE && bytes.length <= MAX_HASH_SIZE;
}

/** Base64 with or without padding, as InspIRCd writes it; `null` for what is none, which `Buffer.from` would pass over. */
function decodeBase64(text: string): Buffer | null {
  return /^[A-Za-z\d+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : null;
}
