/**
 * The client's address, where a proxy stands in front: `<websocket proxyranges="…">`.
 *
 * In: the header fields, the peer, and the proxies to trust. Out: the client's address, with how it is known. It does not know
 * sockets or the PROXY protocol.
 *
 * Laws of this file:
 * 1. A header from outside the ranges is never believed.
 * 2. A field that cannot be read is refused: the proxy's own address never stands for the user's.
 * 3. Lists are read from the right. The first hop that is not trusted is the client, and it may have written anything to the left
 *    of itself.
 */

import { canonicalAddress, type RangeMatcher } from '../address/ranges.ts';
import { HandshakeError } from '../errors.ts';
import type { Endpoint } from './facts.ts';
import { readForwarded } from './forwarded.ts';
import { fieldName, headerList, headerValue, headerValues } from './headers.ts';

/**
 * The header field that tells the client's address, in lower case. `auto` is X-Real-IP, then X-Forwarded-For. `x-forwarded-for`
 * and `forwarded` are lists; every other field is one address.
 */
export type ProxyHeader =
  | 'auto'
  | 'x-real-ip'
  | 'x-forwarded-for'
  | 'forwarded'
  | 'cf-connecting-ip'
  | 'true-client-ip'
  // Any other field. With `string` alone, editors would not suggest the names above.
  | (string & {});

/** The proxies that are trusted, and the header field that they write. */
export interface ProxyRules {
  /** The matcher of `proxyRanges`; `null` where no proxy is configured. */
  readonly trusted: RangeMatcher | null;
  readonly header: ProxyHeader;
  readonly directClients: 'reject' | 'accept';
}

/** A client behind a proxy, and how its address is known. */
export interface ResolvedClient {
  readonly address: string;
  readonly port: number | undefined;
  /** The proxies, the one nearest to the client first. */
  readonly via: readonly string[];
  readonly provenance: string;
  /** Whether the way from the client to the first trusted proxy is TLS; `undefined` where no proxy says. */
  readonly secure: boolean | undefined;
}

const MISSING = 'WebSocket: Received a proxied HTTP request that did not send a real IP address header';
const MALFORMED = 'WebSocket: Received a proxied HTTP request that sent a malformed real IP address';

/**
 * Resolves the client.
 *
 * @param peer the transport's other end, canonical, `unix` or `unknown`
 * @returns `null` where the peer is the client
 * @throws HandshakeError 400 where a header field is required and missing, or cannot be read
 */
export function resolveClient(rawHeaders: readonly string[], peer: string, rules: ProxyRules): ResolvedClient | null {
  const { trusted } = rules;
  if (trusted === null) return null;
  const range = trusted(peer);
  if (range === null && rules.directClients === 'accept') return null;
  const header = rules.header === 'auto' ? presentHeader(rawHeaders) : rules.header;
  const resolved = header === null ? null : readHeader(header, rawHeaders, peer, trusted, range ?? '');
  if (resolved === null) throw new HandshakeError(400, MISSING);
  // As InspIRCd documents it: a peer outside the ranges must send a well-formed field, which is then ignored.
  return range === null ? null : resolved;
}

/**
 * Whether a field is a list of addresses, and may come in several lines. `auto` is such a list too: X-Real-IP is checked by name.
 */
export function isAddressList(header: ProxyHeader): boolean {
  return header === 'auto' || header === 'x-forwarded-for' || header === 'forwarded';
}

/** Returns the fields that a person wants to see who asks which address was taken: the common ones, and the configured one. */
export function readableHeaders(header: ProxyHeader): readonly string[] {
  return header === 'auto' || COMMON_HEADERS.includes(header) ? COMMON_HEADERS : [...COMMON_HEADERS, header];
}

const COMMON_HEADERS: readonly string[] = ['x-real-ip', 'x-forwarded-for', 'forwarded', 'cf-connecting-ip', 'true-client-ip'];

/** X-Real-IP wins over X-Forwarded-For, as in InspIRCd, also where it is malformed; an empty one counts as absent. */
function presentHeader(rawHeaders: readonly string[]): 'x-real-ip' | 'x-forwarded-for' | null {
  if ((headerValue(rawHeaders, 'x-real-ip') ?? '') !== '') return 'x-real-ip';
  return headerList(rawHeaders, 'x-forwarded-for').length > 0 ? 'x-forwarded-for' : null;
}

function readHeader(
  header: string,
  rawHeaders: readonly string[],
  peer: string,
  trusted: RangeMatcher,
  range: string,
): ResolvedClient | null {
  if (header === 'forwarded') return walk(forwardedHops(rawHeaders), 'Forwarded', peer, trusted, range);
  if (header === 'x-forwarded-for') {
    const secure = forwardedProto(rawHeaders);
    const hops = headerList(rawHeaders, header).map((text): Hop => ({ endpoint: () => readListedAddress(text), secure }));
    return walk(hops, 'X-Forwarded-For', peer, trusted, range);
  }
  const value = headerValue(rawHeaders, header) ?? '';
  if (value === '') return null;
  const address = canonicalAddress(value);
  if (address === null) throw new HandshakeError(400, MALFORMED);
  return {
    address,
    port: undefined,
    via: [peer],
    provenance: `${fieldName(header)}, trusted by ${range}`,
    secure: forwardedProto(rawHeaders),
  };
}

/** One element of a list. */
interface Hop {
  /** Reads the address; `null` for what is not one. What the walk does not come to is not read. */
  readonly endpoint: () => Endpoint | null;
  /** Whether the way to this hop is TLS, if a proxy says so. */
  readonly secure: boolean | undefined;
}

/**
 * Walks from the right over the trusted hops. The first that is not trusted is the client; where all are trusted, it is the
 * leftmost.
 */
function walk(hops: readonly Hop[], name: string, peer: string, trusted: RangeMatcher, range: string): ResolvedClient | null {
  if (hops.length === 0) return null;
  const via = [peer];
  let trustedBy = range;
  for (let i = hops.length - 1; ; i--) {
    const { endpoint, secure } = hops[i] as Hop;
    const client = endpoint();
    if (client === null) throw new HandshakeError(400, MALFORMED);
    const next = i === 0 ? null : trusted(client.address);
    if (next === null) {
      const provenance = `${name} hop ${i + 1} of ${hops.length}, trusted by ${trustedBy}`;
      return { ...client, via: via.reverse(), provenance, secure };
    }
    via.push(client.address);
    trustedBy = next;
  }
}

/** Reads an element of X-Forwarded-For: a bare address, or one with a port and brackets, as Azure's balancers write it. */
function readListedAddress(text: string): Endpoint | null {
  const address = canonicalAddress(text);
  return address === null ? readNode(text) : { address, port: undefined };
}

/**
 * Reads a `node` of RFC 7239 section 6: IPv4, or IPv6 in brackets, either with a port. `unknown` and `_hidden` are not addresses;
 * a port may be hidden.
 */
function readNode(text: string): Endpoint | null {
  const [, v6, v4, portText] = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::(?:(\d{1,5})|_[\w.-]+))?$/i.exec(text) ?? [];
  const plain = v6 ?? v4;
  if (plain === undefined || (v6 !== undefined && !v6.includes(':'))) return null;
  const address = canonicalAddress(plain);
  const port = portText === undefined ? undefined : Number(portText);
  return address === null || (port !== undefined && port > 65_535) ? null : { address, port };
}

/**
 * Whether the last proxy says that the way to it is TLS. Only the last element of X-Forwarded-Proto is that proxy's; the client
 * may have written the others.
 */
function forwardedProto(rawHeaders: readonly string[]): boolean | undefined {
  const last = headerValues(rawHeaders, 'x-forwarded-proto').at(-1)?.split(',').at(-1)?.trim();
  return last === undefined || last === '' ? undefined : isSecureScheme(last);
}

/** The hops of `Forwarded`. @throws HandshakeError 400 for a field that breaks its grammar */
function forwardedHops(rawHeaders: readonly string[]): Hop[] {
  const elements = readForwarded(rawHeaders);
  if (elements === null) throw new HandshakeError(400, MALFORMED);
  return elements.map(({ for: node, proto }) => ({
    endpoint: () => readNode(node),
    secure: proto === undefined ? undefined : isSecureScheme(proto),
  }));
}

function isSecureScheme(scheme: string): boolean {
  return ['https', 'wss'].includes(scheme.toLowerCase());
}
