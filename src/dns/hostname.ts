/**
 * Host names that can be believed: the reverse DNS, confirmed by the forward DNS.
 *
 * In: an address. Out: its host name, if the name leads back to it. The WebIRC document, "Client expectations": "Check the
 * reverse DNS and forward DNS match"; RFC 1912 section 2.1. It does not know IRC, but for how long a host name may be.
 */
import { isIPv4 } from 'node:net';
import { canonicalAddress } from '../address/ranges.ts';
import { type Ask, type LookupOptions, lookUp } from './resolver.ts';
import { reverseName } from './reverse-name.ts';

/**
 * RFC 2812 section 1.1: "The hostname has a maximum length of 63 characters"; clients with a longer one are known by their
 * address.
 */
const MAX_HOSTNAME_SIZE = 63;

/** The reverse DNS is the address owner's to fill: how many names of it are tried. */
const MAX_NAMES = 8;

/**
 * Returns the host name of an address: the first name of its reverse DNS whose A or AAAA records hold the address again, in lower
 * case.
 *
 * @returns `null` where they disagree, there is none, or the time is up: the address is then the host name ("the unverified
 *   hostname SHOULD NOT be sent", IRCv3 WebIRC). `null` too for what is no address.
 * @throws the signal's reason, when it is aborted
 * @example
 * ```ts
 * const { address } = socket.websocket.client;
 * const host = (await confirmHostname(address, { timeout: 2_000 })) ?? address;
 * ```
 */
export async function confirmHostname(address: string, options: LookupOptions = {}): Promise<string | null> {
  const canonical = canonicalAddress(address);
  if (canonical === null) return null;
  return lookUp(options, async (ask) => {
    const names = await ask((resolver) => resolver.resolvePtr(reverseName(canonical)));
    const candidates = names
      .slice(0, MAX_NAMES)
      .map((name) => name.replace(/\.$/, '').toLowerCase())
      .filter(isHostname);
    const confirmed = await Promise.all(candidates.map((name) => leadsTo(name, canonical, ask)));
    return candidates[confirmed.indexOf(true)] ?? null;
  });
}

/** Returns whether one of a name's addresses is this one: the forward half of {@link confirmHostname}. */
export async function resolvesTo(name: string, address: string, options: LookupOptions = {}): Promise<boolean> {
  const canonical = canonicalAddress(address);
  return canonical !== null && isHostname(name) && lookUp(options, (ask) => leadsTo(name, canonical, ask));
}

/**
 * Returns whether a text can be shown as a host name: labels of letters, digits, `-` and `_`, 63 characters at most, and not an
 * address.
 *
 * Host names are shown to people, stand between spaces in IRC lines and are compared with bans: what has colons, slashes or
 * control characters is none.
 */
export function isHostname(text: string): boolean {
  if (text.length > MAX_HOSTNAME_SIZE) return false;
  // RFC 3696 section 2: the last label is not all-numeric; "1.2.3.4" as a name would be somebody else's address.
  return /^(?:[a-z\d_](?:[a-z\d_-]*[a-z\d_])?\.)*(?!\d+$)[a-z\d_](?:[a-z\d_-]*[a-z\d_])?$/i.test(text);
}

async function leadsTo(name: string, address: string, ask: Ask): Promise<boolean> {
  const addresses = await ask((resolver) => (isIPv4(address) ? resolver.resolve4(name) : resolver.resolve6(name)));
  return addresses.some((candidate) => canonicalAddress(candidate) === address);
}
