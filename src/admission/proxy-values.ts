/**
 * The type-length-values of the PROXY protocol version 2: what the proxy knows of the client's TLS.
 *
 * In: a whole header, and where its values begin. Out: whether the client's way to the proxy is TLS, and what is known of it; or
 * `null` for a header that is not valid. It does not know addresses.
 *
 * Two kinds of text are in here. What the proxy writes by itself (version, cipher) is right, or the header is refused. What the
 * client has chosen (the host name it asks for, the names in its certificate) is checked before anybody shows it to an operator:
 * a line feed in there would be a line of IRC.
 */
import { crc32c } from './crc32c.ts';
import type { TlsFacts } from './facts.ts';

const PP2_TYPE_AUTHORITY = 0x02;
const PP2_TYPE_CRC32C = 0x03;
const PP2_TYPE_SSL = 0x20;
const PP2_SUBTYPE_SSL_VERSION = 0x21;
const PP2_SUBTYPE_SSL_CN = 0x22;
const PP2_SUBTYPE_SSL_CIPHER = 0x23;
/**
 * The first of the types that are free for applications. InspIRCd reads the fingerprint of the client's certificate in it, since
 * 4.11.
 */
const PP2_TYPE_CERTFP = 0xe0;

const PP2_CLIENT_SSL = 0x01;
const PP2_CLIENT_CERT_CONN = 0x02;
const PP2_CLIENT_CERT_SESS = 0x04;
/** A checksum that is not there yet: "initialize the checksum field to '0's". */
const NO_CHECKSUM = Buffer.alloc(4);
/** The flags, and the four bytes that tell whether the certificate was verified. */
const SSL_HEADER_SIZE = 5;

/** The sizes of the digests that proxies send as they are: SHA-1 and the SHA-2 family. */
const DIGEST_SIZES: readonly number[] = [20, 32, 48, 64];

/** What the values say. */
export interface ProxyValues {
  /** Whether the client's way to the proxy is TLS; `undefined` where the proxy does not say. */
  readonly secure: boolean | undefined;
  readonly tls: TlsFacts | null;
}

/** Reads the values that begin at `valuesAt`; `null` where one overruns, appears twice, or cannot be right. */
export function readProxyValues(header: Buffer, valuesAt: number): ProxyValues | null {
  const values = split(header.subarray(valuesAt), [PP2_TYPE_AUTHORITY, PP2_TYPE_CRC32C, PP2_TYPE_SSL, PP2_TYPE_CERTFP]);
  if (values === null || !isIntact(header, values.get(PP2_TYPE_CRC32C))) return null;
  const authority = readAuthority(values.get(PP2_TYPE_AUTHORITY));
  if (authority === undefined) return null;
  const ssl = values.get(PP2_TYPE_SSL);
  if (ssl === undefined) return { secure: undefined, tls: null };
  if (ssl.length < SSL_HEADER_SIZE) return null;
  const nested = split(ssl.subarray(SSL_HEADER_SIZE), [PP2_SUBTYPE_SSL_VERSION, PP2_SUBTYPE_SSL_CN, PP2_SUBTYPE_SSL_CIPHER]);
  if (nested === null) return null;
  const version = readWord(nested.get(PP2_SUBTYPE_SSL_VERSION));
  const cipher = readWord(nested.get(PP2_SUBTYPE_SSL_CIPHER));
  if (version === undefined || cipher === undefined) return null;
  const flags = ssl[0] as number;
  if ((flags & PP2_CLIENT_SSL) === 0) return { secure: false, tls: null };
  const hasCertificate = (flags & (PP2_CLIENT_CERT_CONN | PP2_CLIENT_CERT_SESS)) !== 0;
  const tls: TlsFacts = Object.freeze({
    version,
    cipher,
    authority,
    commonName: readName(nested.get(PP2_SUBTYPE_SSL_CN)),
    fingerprint: readFingerprint(values.get(PP2_TYPE_CERTFP)),
    // "The verify field will be zero if the client presented a certificate and it was successfully verified, and non-zero
    // otherwise."
    isVerified: hasCertificate && ssl.readUInt32BE(1) === 0,
  });
  return { secure: true, tls };
}

/** Splits type-length-values; `null` where one overruns the bytes, or where one of the `single` types appears twice. */
function split(bytes: Buffer, single: readonly number[]): Map<number, Buffer> | null {
  const values = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 3) return null;
    const type = bytes[at] as number;
    const end = at + 3 + bytes.readUInt16BE(at + 1);
    if (end > bytes.length || (values.has(type) && single.includes(type))) return null;
    values.set(type, bytes.subarray(at + 3, end));
    at = end;
  }
  return values;
}

/**
 * Whether the header has the checksum that it claims; one without a checksum is as good. "If it is not, the receiver MUST treat
 * the TCP connection providing the header as invalid."
 */
function isIntact(header: Buffer, checksum: Buffer | undefined): boolean {
  if (checksum === undefined) return true;
  if (checksum.length !== NO_CHECKSUM.length) return false;
  // `checksum` is a view of `header`, so their offsets tell its place. The bytes may be read again: they are not changed.
  const at = checksum.byteOffset - header.byteOffset;
  const sum = crc32c(header.subarray(0, at), NO_CHECKSUM, header.subarray(at + NO_CHECKSUM.length));
  return sum === checksum.readUInt32BE();
}

/**
 * Reads the host name that the client has asked for (SNI); `undefined` for what is not a host name, `null` where there is none.
 */
function readAuthority(value: Buffer | undefined): string | null | undefined {
  if (value === undefined) return null;
  const text = value.toString('latin1');
  return /^[\w.:[\]-]{1,255}$/.test(text) ? text.toLowerCase() : undefined;
}

/** Reads the name of a version or cipher; `undefined` for what is not one, `null` where there is none. */
function readWord(value: Buffer | undefined): string | null | undefined {
  if (value === undefined) return null;
  const text = value.toString('latin1');
  return /^[\x21-\x7e]{1,64}$/.test(text) ? text : undefined;
}

/** Reads the common name of a certificate, "in UTF8". */
function readName(value: Buffer | undefined): string | null {
  return value === undefined ? null : certificateName(value.toString('utf8'));
}

/** Returns a common name that may be shown. One that is too long, or has line ends or wrong bytes in it, is `null`. */
export function certificateName(text: string): string | null {
  return text === '' || text.length > 256 || /[\p{Cc}\u2028\u2029\ufffd]/u.test(text) ? null : text;
}

/**
 * Reads a fingerprint: hexadecimal digits, as InspIRCd reads it (an even number of them, 128 at most; anything else is ignored),
 * or the bytes of a digest, as HAProxy sends it without its `hex` converter.
 */
function readFingerprint(value: Buffer | undefined): string | null {
  if (value === undefined || value.length === 0) return null;
  const text = value.toString('latin1');
  if (text.length % 2 === 0 && text.length <= 128 && /^[\da-f]+$/i.test(text)) return text.toLowerCase();
  return DIGEST_SIZES.includes(value.length) ? value.toString('hex') : null;
}
