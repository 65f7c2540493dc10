/**
 * The PROXY protocol, versions 1 and 2, as HAProxy's document "The PROXY protocol" has them: a header before anything of the
 * client's.
 *
 * In: the first bytes of a connection. Out: what they say of the client, and how many bytes the header took. It does not know
 * sockets, nor which peers are trusted.
 *
 * Laws of this file:
 * 1. Bytes that cannot become a header are refused at the first wrong one. A header that is not whole is waited for, within the
 *    longest that is allowed.
 * 2. No announced length is believed beyond that.
 * 3. A header that has two values of one kind is refused: the first reader and the last reader in a chain of proxies could take
 *    different ones.
 * 4. A header with a wrong checksum is refused. Where the proxy speaks for itself, nothing behind the command is read at all, as
 *    in HAProxy.
 */
import { isIP } from 'node:net';
import { canonicalAddress } from '../address/ranges.ts';
import type { Endpoint, TlsFacts } from './facts.ts';
import { readProxyValues } from './proxy-values.ts';

/** What a header says. */
export interface ProxyHeaderFound {
  /** The bytes that the header took. */
  readonly size: number;
  readonly version: 1 | 2;
  /** The client; `null` where the proxy speaks for itself (`LOCAL`, `UNKNOWN`): health checks. */
  readonly client: { readonly address: string; readonly port: number } | null;
  /** The address that the client is connected to; `null` where it is not the address of a host. */
  readonly local: Endpoint | null;
  /** Whether the client's way to the proxy is TLS, where the proxy says so (version 2). */
  readonly secure: boolean | undefined;
  /** What the proxy says of that TLS. */
  readonly tls: TlsFacts | null;
}

/** "the maximum line lengths the receiver must support": 107 bytes, CR LF included. */
const V1_MAX_SIZE = 107;
const V1_PREFIX = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEADER_SIZE = 16;
/**
 * Addresses and the usual values take some two hundred bytes, a certificate's names a few hundred more; "the receiver may" refuse
 * longer headers.
 */
const V2_MAX_SIZE = 2_048;

/** What a header says where the proxy speaks for itself. */
const NOBODY = { client: null, local: null, secure: undefined, tls: null } as const;

/**
 * Reads a header.
 *
 * @returns `'incomplete'` while more bytes are needed, `null` for bytes that are not a header
 */
export function readProxyHeader(bytes: Buffer): ProxyHeaderFound | 'incomplete' | null {
  if (beginsLike(bytes, V2_SIGNATURE)) return bytes.length < V2_HEADER_SIZE ? 'incomplete' : readVersion2(bytes);
  if (beginsLike(bytes, V1_PREFIX)) return readVersion1(bytes);
  return null;
}

/** Whether the bytes agree with the prefix, as far as both go. */
function beginsLike(bytes: Buffer, prefix: Buffer): boolean {
  const size = Math.min(bytes.length, prefix.length);
  return bytes.compare(prefix, 0, size, 0, size) === 0;
}

function readVersion1(bytes: Buffer): ProxyHeaderFound | 'incomplete' | null {
  const end = bytes.subarray(0, V1_MAX_SIZE).indexOf('\r\n');
  if (end < 0) return bytes.length < V1_MAX_SIZE ? 'incomplete' : null;
  const line = bytes.toString('latin1', 0, end);
  const found = { size: end + 2, version: 1 } as const;
  // "the receiver must ignore anything presented before the CRLF" behind UNKNOWN.
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) return { ...found, ...NOBODY };
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] =
    /^PROXY TCP([46]) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/.exec(line) ?? [];
  if (family === undefined || isIP(source) !== Number(family) || isIP(destination) !== Number(family)) return null;
  const client = endpoint(source, Number(sourcePort));
  if (client === null || client.port > 65_535 || Number(destinationPort) > 65_535) return null;
  return { ...found, client, local: endpoint(destination, Number(destinationPort)), secure: undefined, tls: null };
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
  if (command === 0) return { ...found, ...NOBODY };
  const addressSize = family === 0x11 ? 4 : family === 0x21 ? 16 : 0;
  // UNSPEC and Unix domain sockets have no address of a client's.
  if (addressSize === 0) return family === 0x00 || family >> 4 === 3 ? { ...found, ...NOBODY } : null;
  const valuesAt = 2 * addressSize + 4;
  if (body.length < valuesAt) return null;
  const client = endpoint(addressText(body.subarray(0, addressSize)), body.readUInt16BE(2 * addressSize));
  const values = readProxyValues(bytes.subarray(0, size), V2_HEADER_SIZE + valuesAt);
  if (client === null || values === null) return null;
  const local = endpoint(addressText(body.subarray(addressSize, 2 * addressSize)), body.readUInt16BE(2 * addressSize + 2));
  return { ...found, client, local, ...values };
}

function endpoint(text: string, port: number): { readonly address: string; readonly port: number } | null {
  const address = canonicalAddress(text);
  return address === null ? null : Object.freeze({ address, port });
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
}
