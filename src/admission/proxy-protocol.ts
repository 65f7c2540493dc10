/**
 * The PROXY protocol, versions 1 and 2, as HAProxy's document "The PROXY protocol" has them: a header before anything of the client's.
 *
 * In: the first bytes of a connection. Out: who the client is, and how many bytes the header took. It does not know sockets, nor whom to trust.
 *
 * Laws of this file:
 * 1. What cannot be a header is refused at its first wrong byte; what is not whole is waited for, within the longest header that may be.
 * 2. No length is believed beyond that.
 */
import { canonicalAddress } from '../address/ranges.ts';

/** What a header said. */
export interface ProxyHeaderFound {
  /** Bytes that the header took. */
  readonly size: number;
  readonly version: 1 | 2;
  /** Who the client is; `null` where the proxy speaks for itself (`LOCAL`, `UNKNOWN`): health checks. */
  readonly client: { readonly address: string; readonly port: number } | null;
  /** Whether the client's way to the proxy is TLS, where the proxy says so (version 2). */
  readonly secure: boolean | undefined;
}

/** "the maximum line lengths the receiver must support": 107 bytes, CR LF included. */
const V1_MAX_SIZE = 107;
const V1_PREFIX = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEADER_SIZE = 16;
/** Addresses and the usual TLVs take some two hundred bytes; "the receiver may" refuse longer ones. */
const V2_MAX_SIZE = 2_048;

const PP2_TYPE_SSL = 0x20;
const PP2_CLIENT_SSL = 0x01;

/**
 * Reads a header.
 *
 * @returns `'incomplete'` while more bytes are needed, `null` for what is no header
 */
export function readProxyHeader(bytes: Buffer): ProxyHeaderFound | 'incomplete' | null {
  if (beginsLike(bytes, V2_SIGNATURE)) return bytes.length < V2_HEADER_SIZE ? 'incomplete' : readVersion2(bytes);
  if (beginsLike(bytes, V1_PREFIX)) return readVersion1(bytes);
  return null;
}

/** Whether what there is of the bytes is what the prefix has there. */
function beginsLike(bytes: Buffer, prefix: Buffer): boolean {
  const size = Math.min(bytes.length, prefix.length);
  return bytes.compare(prefix, 0, size, 0, size) === 0;
}

function readVersion1(bytes: Buffer): ProxyHeaderFound | 'incomplete' | null {
  const end = bytes.subarray(0, V1_MAX_SIZE).indexOf('\r\n');
  if (end < 0) return bytes.length < V1_MAX_SIZE ? 'incomplete' : null;
  const line = bytes.toString('latin1', 0, end);
  const found = { size: end + 2, version: 1, secure: undefined } as const;
  // "the receiver must ignore anything presented before the CRLF" behind UNKNOWN.
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) return { ...found, client: null };
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] =
    /^PROXY (TCP[46]) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/.exec(line) ?? [];
  const isOfFamily = (text: string): boolean => text.includes(':') === (family === 'TCP6');
  if (family === undefined || !isOfFamily(source) || !isOfFamily(destination)) return null;
  const address = canonicalAddress(source);
  const port = Number(sourcePort);
  if (address === null || port > 65_535 || Number(destinationPort) > 65_535) return null;
  return { ...found, client: { address, port } };
}

function readVersion2(bytes: Buffer): ProxyHeaderFound | 'incomplete' | null {
  const versionAndCommand = bytes[12] as number;
  const family = bytes[13] as number;
  const size = V2_HEADER_SIZE + bytes.readUInt16BE(14);
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >> 4 !== 2 || command > 1 || size > V2_MAX_SIZE) return null;
  if (bytes.length < size) return 'incomplete';
  const found = { size, version: 2 } as const;
  const body = bytes.subarray(V2_HEADER_SIZE, size);
  // LOCAL: "the receiver must accept this connection as valid and must use the real connection endpoints".
  if (command === 0) return { ...found, client: null, secure: undefined };
  const addressSize = family === 0x11 ? 4 : family === 0x21 ? 16 : 0;
  // UNSPEC and Unix domain sockets have no address of a client's.
  if (addressSize === 0) return family === 0x00 || family >> 4 === 3 ? { ...found, client: null, secure: undefined } : null;
  const addressesSize = 2 * addressSize + 4;
  if (body.length < addressesSize) return null;
  const address = canonicalAddress(addressSize === 4 ? body.subarray(0, 4).join('.') : ipv6Text(body.subarray(0, 16)));
  if (address === null) return null;
  const secure = readSecure(body.subarray(addressesSize));
  return secure === null ? null : { ...found, client: { address, port: body.readUInt16BE(2 * addressSize) }, secure };
}

function ipv6Text(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
}

/** Finds PP2_TYPE_SSL among the type-length-values; `null` where one of them overruns the header. */
function readSecure(values: Buffer): boolean | undefined | null {
  let secure: boolean | undefined;
  let at = 0;
  while (at < values.length) {
    if (values.length - at < 3) return null;
    const size = values.readUInt16BE(at + 1);
    const start = at + 3;
    if (start + size > values.length) return null;
    if (values[at] === PP2_TYPE_SSL && size > 0) secure = ((values[start] as number) & PP2_CLIENT_SSL) !== 0;
    at = start + size;
  }
  return secure;
}
