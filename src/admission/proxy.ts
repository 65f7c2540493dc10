/**
 * Who the client is, where a proxy stands in front: `<websocket proxyranges="…">`.
 *
 * In: the header fields, the peer, and whom to trust. Out: the client's address with how it is known. It does not know sockets or the PROXY protocol.
 *
 * Laws of this file:
 * 1. A header from outside the ranges is never believed.
 * 2. What cannot be read is refused: the proxy's own address never stands for the user's.
 * 3. Lists are read from the right: what stands left of the first hop that is not trusted is whatever the client wrote.
 */

import { canonicalAddress, type RangeMatcher, UNIX } from '../address/ranges.ts';
import { HandshakeError } from '../errors.ts';
import { readForwarded } from './forwarded.ts';
import { headerList, headerValue, headerValues } from './headers.ts';

/** Which header field tells the client's address. */
export type ProxyHeader = 'auto' | 'x-real-ip' | 'x-forwarded-for' | 'forwarded' | 'cf-connecting-ip' | 'true-client-ip';

/** Whom to trust, and how to read what they say. */
export interface ProxyRules {
  /** `null` where no proxy is configured. */
  readonly trusted: RangeMatcher | null;
  readonly header: ProxyHeader;
  readonly directClients: 'reject' | 'accept';
}

/** Who the client is, and how that is known. */
export interface ResolvedClient {
  readonly address: string;
  readonly port: number | undefined;
  /** The proxies, the one nearest to the client first. */
  readonly via: readonly string[];
  readonly provenance: string;
  /** Whether the way from the client to the first trusted proxy is TLS; `undefined` where no proxy says. */
  readonly secure: boolean | undefined;
}

const NAMES: Readonly<Record<Exclude<ProxyHeader, 'auto'>, string>> = {
  'x-real-ip': 'X-Real-IP',
  'x-forwarded-for': 'X-Forwarded-For',
  forwarded: 'Forwarded',
  'cf-connecting-ip': 'CF-Connecting-IP',
  'true-client-ip': 'True-Client-IP',
};

const MISSING = 'WebSocket: Received a proxied HTTP request that did not send a real IP address header';
const MALFORMED = 'WebSocket: Received a proxied HTTP request that sent a malformed real IP address';

/**
 * Resolves the client.
 *
 * @param peer the transport's other end, canonical, or {@link UNIX}
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
  // Documented: from outside the ranges a well-formed field is required, and then ignored.
  return range === null ? null : resolved;
}

/** X-Real-IP wins over X-Forwarded-For, as in InspIRCd, also where it is malformed; an empty one counts as absent. */
function presentHeader(rawHeaders: readonly string[]): 'x-real-ip' | 'x-forwarded-for' | null {
  if ((headerValue(rawHeaders, 'x-real-ip') ?? '') !== '') return 'x-real-ip';
  return headerList(rawHeaders, 'x-forwarded-for').length > 0 ? 'x-forwarded-for' : null;
}

function readHeader(
  header: Exclude<ProxyHeader, 'auto'>,
  rawHeaders: readonly string[],
  peer: string,
  trusted: RangeMatcher,
  range: string,
): ResolvedClient | null {
  if (header === 'forwarded') return walk(forwardedHops(rawHeaders), 'Forwarded', peer, trusted, range, null);
  if (header === 'x-forwarded-for') {
    const hops = headerList(rawHeaders, 'x-forwarded-for').map((text): Hop => ({ text, proto: undefined }));
    return walk(hops, NAMES[header], peer, trusted, range, forwardedProto(rawHeaders));
  }
  const value = headerValue(rawHeaders, header) ?? '';
  if (value === '') return null;
  const address = canonicalAddress(value);
  if (address === null) throw new HandshakeError(400, MALFORMED);
  return {
    address,
    port: undefined,
    via: [peer],
    provenance: `${NAMES[header]}, trusted by ${range}`,
    secure: forwardedProto(rawHeaders),
  };
}

/** One element of a list of hops: as it was sent, and how that hop was spoken to. */
interface Hop {
  readonly text: string;
  readonly proto: boolean | undefined;
}

/** Walks from the right over the trusted hops; the first that is not trusted is the client, or, where all are, the leftmost. */
function walk(
  hops: readonly Hop[],
  name: string,
  peer: string,
  trusted: RangeMatcher,
  range: string,
  proto: boolean | undefined | null,
): ResolvedClient | null {
  if (hops.length === 0) return null;
  const via = [peer];
  let trustedBy = range;
  for (let i = hops.length - 1; ; i--) {
    const hop = hops[i] as Hop;
    const address = hopAddress(hop.text, proto === null);
    if (address === null) throw new HandshakeError(400, MALFORMED);
    const next = i === 0 ? null : trusted(address.address);
    if (next === null) {
      return {
        ...address,
        via: via.reverse(),
        provenance: `${name} hop ${i + 1} of ${hops.length}, trusted by ${trustedBy}`,
        secure: proto === null ? hop.proto : proto,
      };
    }
    via.push(address.address);
    trustedBy = next;
  }
}

function hopAddress(text: string, mayHavePort: boolean): { address: string; port: number | undefined } | null {
  if (!mayHavePort) {
    const address = canonicalAddress(text);
    return address === null ? null : { address, port: undefined };
  }
  // RFC 7239 section 6: IPv4, or IPv6 in brackets, either with a port; `unknown` and `_hidden` are no addresses.
  const [, v6, v4, portText] = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const plain = v6 ?? v4;
  if (plain === undefined || (v6 !== undefined && !v6.includes(':'))) return null;
  const address = canonicalAddress(plain);
  const port = portText === undefined ? undefined : Number(portText);
  return address === null || (port !== undefined && port > 65_535) ? null : { address, port };
}

/** What the last proxy says of the way to it; only a list of one, or its last element, is that proxy's word. */
function forwardedProto(rawHeaders: readonly string[]): boolean | undefined {
  const last = headerValues(rawHeaders, 'x-forwarded-proto').at(-1)?.split(',').at(-1)?.trim();
  return last === undefined || last === '' ? undefined : isSecureScheme(last);
}

/** The hops of `Forwarded`. @throws HandshakeError 400 for a field that breaks its grammar */
function forwardedHops(rawHeaders: readonly string[]): Hop[] {
  const elements = readForwarded(rawHeaders);
  if (elements === null) throw new HandshakeError(400, MALFORMED);
  return elements.map(({ for: text, proto }) => ({ text, proto: proto === undefined ? undefined : isSecureScheme(proto) }));
}

function isSecureScheme(scheme: string): boolean {
  return ['https', 'wss'].includes(scheme.toLowerCase());
}
