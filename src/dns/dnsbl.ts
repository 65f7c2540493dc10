/**
 * Lists of bad addresses in the DNS (DNSBL, RFC 5782).
 *
 * In: an address and the zones of some lists. Out: the first list that has it. The WebIRC document, "Client expectations": "Check the IP against suitable
 * access controls (ipaccess, dnsbl in CGI:IRC)". It does not know what becomes of the client.
 */

import { canonicalAddress } from '../address/ranges.ts';
import { ConfigError } from '../errors.ts';
import { type Ask, type LookupOptions, lookUp } from './resolver.ts';
import { reverseLabels } from './reverse-name.ts';

/** An address that is on a list. */
export interface DnsblHit {
  /** The list, as it was given. */
  readonly zone: string;
  /** What it is listed as: the last numbers of the list's answers, `[3]` for 127.0.0.3, ascending. Each list says what its own mean. */
  readonly codes: readonly number[];
  /** The list's own words (a TXT record), printable and cut at 200 characters; `null` where it has none. */
  readonly reason: string | null;
}

/** How lists are asked. */
export interface DnsblOptions extends LookupOptions {
  /** Which codes count, for all zones. @defaultValue all */
  readonly codes?: readonly number[];
}

const MAX_REASON_SIZE = 200;

/**
 * Asks lists for an address, all at once.
 *
 * A list that does not answer in time has nothing against anybody: a broken list must not close a server.
 *
 * @param zones the lists' domains, e.g. `dnsbl.dronebl.org`; the answer is of the first that has the address, in this order
 * @returns `null` for an address that is on none of them, and for what is no address
 * @throws ConfigError for a zone that is no domain, the signal's reason when it is aborted
 */
export async function checkDnsbl(
  address: string,
  zones: readonly string[],
  options: DnsblOptions = {},
): Promise<DnsblHit | null> {
  for (const zone of zones) checkZone(zone);
  const canonical = canonicalAddress(address);
  if (canonical === null || zones.length === 0) return null;
  const labels = reverseLabels(canonical);
  const wanted = options.codes === undefined ? null : new Set(options.codes);
  return lookUp(options, async (ask) => {
    const hits = await Promise.all(zones.map((zone) => askZone(zone, labels, wanted, ask)));
    return hits.find((hit) => hit !== null) ?? null;
  });
}

async function askZone(zone: string, labels: string, wanted: ReadonlySet<number> | null, ask: Ask): Promise<DnsblHit | null> {
  const name = `${labels}.${zone.replace(/\.$/, '')}`;
  const answers = await ask((resolver) => resolver.resolve4(name));
  const codes = answers.filter(isListing).map((answer) => Number(answer.split('.')[3]));
  const counted = [...new Set(codes)].filter((code) => wanted === null || wanted.has(code)).sort((a, b) => a - b);
  if (counted.length === 0) return null;
  const [text] = await ask((resolver) => resolver.resolveTxt(name));
  return { zone, codes: counted, reason: text === undefined ? null : printable(text.join('')) };
}

/**
 * RFC 5782 section 2.1: listings are in 127.0.0.0/8. Name servers that answer every name with an advertiser's address are no list, and 127.255.255.0/24 is how
 * lists say that they do not answer this resolver (Spamhaus: "error codes").
 */
function isListing(answer: string): boolean {
  return answer.startsWith('127.') && !answer.startsWith('127.255.255.');
}

/** @throws ConfigError for a zone that is no domain */
export function checkZone(zone: string): void {
  const isDomain = typeof zone === 'string' && zone.length <= 180 && /^(?:[a-z\d_-]{1,63}\.)+[a-z\d_-]{1,63}\.?$/i.test(zone);
  if (!isDomain) throw new ConfigError({ tag: 'dnsbl', key: 'domain', value: zone }, 'is not a domain');
}

/** A list's text is shown to people: no control characters, of IRC's formatting neither. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ').slice(0, MAX_REASON_SIZE);
}
