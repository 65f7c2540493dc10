/**
 * Addresses and ranges of addresses: one matcher for trusted proxies and for WEBIRC gateways.
 *
 * In: patterns (an address, a CIDR range, a glob, `unix`, `loopback`), and addresses in any spelling. Out: the pattern that an
 * address matches, and the one spelling of an address. It does not know where addresses come from.
 *
 * Laws of this file:
 * 1. A mapped IPv4 address (`::ffff:1.2.3.4`) is IPv4, on both sides of every comparison.
 * 2. A pattern that can never match is refused when it is configured.
 * 3. `net.isIP` decides what an address is: `ipaddr.js` alone takes `010.0.0.1`, `127.1` and `2130706433`, and reads `::10.1.2.3`
 *    as mapped.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';
import { compileGlob, MAX_GLOB_SIZE } from './glob.ts';

/** The name that stands for a peer on a Unix domain socket, in patterns and in facts. */
export const UNIX = 'unix';

/** The name in facts for a peer that has no address and is not a Unix domain socket. No pattern matches it. */
export const UNKNOWN = 'unknown';

/** Returns the first pattern that matches the address, or `null`; `address` is canonical, {@link UNIX} or {@link UNKNOWN}. */
export type RangeMatcher = (address: string, hostname?: string) => string | null;

/** Options of {@link compileRanges}. */
export interface RangeOptions {
  /** Whether a pattern that is not a range of addresses is a glob over host names. @defaultValue `false` */
  readonly hostGlobs?: boolean;
}

type Test = (address: string, hostname: string | undefined) => boolean;

/**
 * Returns an address in the spelling that Node uses (`192.0.2.1`, `2001:db8::1`, `::1`), mapped IPv4 as IPv4.
 *
 * @returns `null` for a text that is not the address of a host: zone ids, ports, brackets, octal, hexadecimal and short forms;
 *   the unspecified, broadcast and multicast addresses
 */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) {
    const first = Number.parseInt(text, 10);
    // 240.0.0.0/4 is reserved, and in use: Cloudflare's "Pseudo IPv4" gives such addresses to IPv6 clients.
    return text === '0.0.0.0' || text === '255.255.255.255' || (first >= 224 && first < 240) ? null : text;
  }
  // Node writes IPv4 peers like this where a socket listens on `::`, so most peers are: 0.1 µs instead of 3.
  if (isMappedIPv4(text)) return canonicalAddress(text.slice(MAPPED_PREFIX.length));
  if (!isIPv6(text) || text.includes('%')) return null;
  const parts = ipv6Parts(text);
  const address = writeIPv6(parts);
  if (isMappedIPv4(address)) return canonicalAddress(address.slice(MAPPED_PREFIX.length));
  // RFC 4291 section 2.7: "11111111 at the start of the address identifies the address as being a multicast address".
  const isMulticast = (parts[0] as number) >> 8 === 0xff;
  return address === '::' || isMulticast ? null : address;
}

const MAPPED_PREFIX = '::ffff:';

/**
 * Writes an IPv6 address as Node does. `net.SocketAddress` does not do: Bun's returns the spelling that it was given, Deno's
 * writes `::a01:203` for `::10.1.2.3`, and a ban or a range would miss an address in another spelling.
 */
function writeIPv6(parts: readonly number[]): string {
  // The longest run of zero groups is left out, the first one of several. A single zero group is written.
  let start = -1;
  let size = 1;
  for (let from = 0; from < 8; from++) {
    let end = from;
    while (end < 8 && parts[end] === 0) end++;
    if (end - from > size) {
      start = from;
      size = end - from;
    }
  }
  const hex = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(':');
  if (start < 0) return hex(parts);
  const tail = parts.slice(start + size);
  // `inet_ntop` writes an embedded IPv4 address like this: `::10.1.2.3` and `::ffff:10.1.2.3`, not `::2`.
  const isEmbedded = start === 0 && (size === 6 || (size === 5 && tail[0] === 0xffff));
  if (isEmbedded) return `::${size === 5 ? 'ffff:' : ''}${dottedQuad(parts)}`;
  return `${hex(parts.slice(0, start))}::${hex(tail)}`;
}

/** The last two groups as an IPv4 address. */
function dottedQuad(parts: readonly number[]): string {
  const [high, low] = [parts[6] as number, parts[7] as number];
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

/** Whether a text is a mapped IPv4 address as Node writes it. */
function isMappedIPv4(text: string): boolean {
  return text.startsWith(MAPPED_PREFIX) && isIPv4(text.slice(MAPPED_PREFIX.length));
}

/**
 * Returns the spelling for a parameter of an IRC line, where a leading colon would begin the last parameter: `0::1` for `::1`,
 * mapped IPv4 as IPv4. A text that is not an address is returned unchanged.
 *
 * @example
 * ```ts
 * ircAddress('::1');                // '0::1'
 * ircAddress('::ffff:192.0.2.1');   // '192.0.2.1'
 * ```
 */
export function ircAddress(address: string): string {
  const canonical = canonicalAddress(address) ?? address;
  return canonical.startsWith(':') ? `0${canonical}` : canonical;
}

/**
 * Compiles a list of patterns.
 *
 * @param place where they were configured; `value` is filled in here
 * @throws ConfigError for a pattern that can never match
 */
export function compileRanges(patterns: readonly string[], place: ConfigErrorPlace, options: RangeOptions = {}): RangeMatcher {
  const tests = patterns.map((pattern): readonly [string, Test] => {
    if (typeof pattern !== 'string') throw new ConfigError({ ...place, value: pattern }, 'is not a text');
    return [pattern, compilePattern(pattern, { ...place, value: pattern }, options.hostGlobs ?? false)];
  });
  return (address, hostname) => {
    for (const [pattern, matches] of tests) if (matches(address, hostname)) return pattern;
    return null;
  };
}

function compilePattern(pattern: string, place: ConfigErrorPlace, hostGlobs: boolean): Test {
  if (pattern === UNIX) return (address) => address === UNIX;
  if (pattern === 'loopback') {
    const [v4, v6] = [compileCidr('127.0.0.0/8', place), compilePattern('::1', place, false)];
    return (address) => v4(address, undefined) || v6(address, undefined);
  }
  if (pattern.includes('/')) return compileCidr(pattern, place);
  if (isIP(pattern) !== 0) {
    const wanted = canonicalAddress(pattern);
    if (wanted === null) throw new ConfigError(place, 'is not the address of a host: it can never match');
    return (address) => address === wanted;
  }
  if (pattern.length > MAX_GLOB_SIZE) throw new ConfigError(place, `has ${pattern.length} characters, limit ${MAX_GLOB_SIZE}`);
  if (/[*?]/.test(pattern)) {
    const mapped = /^0?::ffff:([^:]+)$/i.exec(pattern)?.[1];
    if (mapped !== undefined && canBeIPv4(mapped)) return compileIPv4Glob(mapped);
    if (mapped === undefined && (canBeIPv4(pattern) || canBeIPv6(pattern))) return compileAddressGlob(pattern);
  }
  if (hostGlobs && /^[\w*?.-]+$/.test(pattern)) {
    const glob = compileGlob(pattern);
    return (_address, hostname) => hostname !== undefined && glob(hostname);
  }
  throw new ConfigError(place, `is not an address, a CIDR range or a glob of addresses: it can never match`);
}

/** Whether some IPv4 address matches the pattern: none matches `*.example.com` or `300.*`. */
function canBeIPv4(pattern: string): boolean {
  if (!/^[\d.*?]+$/.test(pattern)) return false;
  const octets = pattern.split('.');
  const leastSize = pattern.replaceAll('*', '').length;
  if (octets.length > 4 || leastSize > 15 || (leastSize === pattern.length && leastSize < 7)) return false;
  return octets.every((octet) => /[*?]/.test(octet) || (/^(0|[1-9]\d*)$/.test(octet) && Number(octet) <= 255));
}

/**
 * Whether some IPv6 address matches the pattern, as Node or InspIRCd (`0::1`) writes it: none matches `2001:0db8:*` or `::1::*`.
 */
function canBeIPv6(pattern: string): boolean {
  // `cafe*` could match an address, but is more likely meant for a host name.
  if (!/^[*?]+$|^[\da-f.:*?]*:[\da-f.:*?]*$/i.test(pattern) || /:::|::.*::/.test(pattern)) return false;
  const groups = pattern.split(':');
  // Eight groups, and one empty group more where `::` stands at the beginning or the end.
  if (groups.length > 9) return false;
  return groups.every((group) => group === '' || /[*?.]/.test(group) || /^(0|[1-9a-f][\da-f]{0,3})$/i.test(group));
}

/**
 * Compiles a glob over addresses as text, IPv6 also as InspIRCd writes it (`0::1`). Host names never match it: anybody may name a
 * host `127.example`.
 */
function compileAddressGlob(pattern: string): Test {
  const glob = compileGlob(pattern);
  return (address) => isIP(address) !== 0 && (glob(address) || (address.startsWith(':') && glob(`0${address}`)));
}

function compileIPv4Glob(pattern: string): Test {
  const glob = compileGlob(pattern);
  return (address) => isIPv4(address) && glob(address);
}

function compileCidr(pattern: string, place: ConfigErrorPlace): Test {
  const [, base = '', bitsText = ''] = /^([^/]+)\/(\d{1,3})$/.exec(pattern) ?? [];
  const family = base.includes('%') ? 0 : isIP(base);
  const bits = Number(bitsText);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) throw new ConfigError(place, 'is not a CIDR range');
  if (family === 4) return matchIPv4(base, bits);
  const parts = ipv6Parts(base);
  const mapped = mappedIPv4(parts);
  if (mapped !== null && bits >= 96) return matchIPv4(mapped, bits - 96);
  const network = new ipaddr.IPv6([...parts]);
  return (address) => isIPv6(address) && new ipaddr.IPv6([...ipv6Parts(address)]).match(network, bits);
}

function matchIPv4(base: string, bits: number): Test {
  const network = ipaddr.IPv4.parse(base);
  return (address) => isIPv4(address) && ipaddr.IPv4.parse(address).match(network, bits);
}

/** The eight groups of an IPv6 address. */
function ipv6Parts(text: string): readonly number[] {
  // A dotted quad is rewritten first: `ipaddr.js` takes every one for mapped IPv4.
  const hex = text.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_all, a, b, c, d) => `${((+a << 8) | +b).toString(16)}:${((+c << 8) | +d).toString(16)}`,
  );
  return ipaddr.IPv6.parse(hex).parts;
}

function mappedIPv4(parts: readonly number[]): string | null {
  return parts.slice(0, 5).every((part) => part === 0) && parts[5] === 0xffff ? dottedQuad(parts) : null;
}
