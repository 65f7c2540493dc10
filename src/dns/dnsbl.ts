/**
 * Lists of bad addresses in the DNS (DNSBL, RFC 5782).
 *
 * In: an address and the zones of some lists. Out: the first list that has it. The WebIRC document, "Client expectations": "Check
 * the IP against suitable access controls (ipaccess, dnsbl in CGI:IRC)". It does not know what becomes of the client.
 */

import { canonicalAddress } from '../address/ranges.ts';
import { ConfigError } from '../errors.ts';
import { type Ask, type LookupOptions, lookUp } from './resolver.ts';
import { reverseLabels } from './reverse-name.ts';

/** One list, and what its answers mean here. */
export interface DnsblZone {
  /** The list's domain, e.g. `dnsbl.dronebl.org`. */
  readonly zone: string;
  /** Which of its codes count: the last numbers of its answers, 3 for 127.0.0.3. @defaultValue {@link DnsblOptions.codes} */
  readonly codes?: readonly number[];
  /** What the program should do with an address that is on it. @defaultValue `'deny'` */
  readonly action?: 'deny' | 'mark';
}

/** An address that is on a list. */
export interface DnsblHit {
  /** The list, as it was given. */
  readonly zone: string;
  /**
   * What it is listed as: the last numbers of the list's answers, `[3]` for 127.0.0.3, ascending. Each list says what its own
   * mean.
   */
  readonly codes: readonly number[];
  /** The list's own words (a TXT record), printable and cut at 200 characters; `null` where it has none. */
  readonly reason: string | null;
  /** What {@link DnsblZone.action} says of this list. */
  readonly action: 'deny' | 'mark';
}

/** How lists are asked. */
export interface DnsblOptions extends LookupOptions {
  /** Which codes count, for all zones that do not name their own. @defaultValue all */
  readonly codes?: readonly number[];
}

const MAX_REASON_SIZE = 200;

/**
 * Asks lists for an address, all at once.
 *
 * A list that does not answer in time has nothing against anybody: a broken list must not close a server.
 *
 * @param zones the lists, as domains or with their codes and actions; the answer is of the first that has the address, in this
 *   order. A list whose action is `deny` goes before those whose action is `mark`
 * @returns `null` for an address that is on none of them, and for what is no address
 * @throws ConfigError for a zone that is no domain, the signal's reason when it is aborted
 * @example
 * ```ts
 * const hit = await checkDnsbl('203.0.113.9', ['dnsbl.dronebl.org'], { timeout: 2_000 });
 * if (hit !== null) throw new HandshakeError(403, `Your address is listed in ${hit.zone}`);
 * ```
 */
export async function checkDnsbl(
  address: string,
  zones: readonly (string | DnsblZone)[],
  options: DnsblOptions = {},
): Promise<DnsblHit | null> {
  const lists = zones.map((zone) => (typeof zone === 'string' ? { zone } : zone));
  for (const list of lists) checkZone(list);
  const canonical = canonicalAddress(address);
  if (canonical === null || zones.length === 0) return null;
  const labels = reverseLabels(canonical);
  return lookUp(options, async (ask) => {
    const hits = await Promise.all(lists.map((list) => askZone(list, labels, list.codes ?? options.codes, ask)));
    return hits.find((hit) => hit?.action === 'deny') ?? hits.find((hit) => hit !== null) ?? null;
  });
}

async function askZone(
  { zone, action = 'deny' }: DnsblZone,
  labels: string,
  wanted: readonly number[] | undefined,
  ask: Ask,
): Promise<DnsblHit | null> {
  const name = `${labels}.${zone.replace(/\.$/, '')}`;
  const answers = await ask((resolver) => resolver.resolve4(name));
  const codes = answers.filter(isListing).map((answer) => Number(answer.split('.')[3]));
  const counted = [...new Set(codes)].filter((code) => wanted === undefined || wanted.includes(code)).sort((a, b) => a - b);
  if (counted.length === 0) return null;
  const [text] = await ask((resolver) => resolver.resolveTxt(name));
  return { zone, codes: counted, reason: text === undefined ? null : printable(text.join('')), action };
}

/**
 * RFC 5782 section 2.1: listings are in 127.0.0.0/8. Name servers that answer every name with an advertiser's address are no
 * list, and 127.255.255.0/24 is how lists say that they do not answer this resolver (Spamhaus: "error codes").
 */
function isListing(answer: string): boolean {
  return answer.startsWith('127.') && !answer.startsWith('127.255.255.');
}

/** @throws ConfigError for a zone that is no domain, codes that no answer can have, and an action that does not exist */
export function checkZone(list: string | DnsblZone): void {
  const { zone, codes = [], action = 'deny' } = typeof list === 'string' ? { zone: list } : list;
  const isDomain = typeof zone === 'string' && zone.length <= 180 && /^(?:[a-z\d_-]{1,63}\.)+[a-z\d_-]{1,63}\.?$/i.test(zone);
  if (!isDomain) throw new ConfigError({ tag: 'dnsbl', key: 'domain', value: zone }, 'is not a domain');
  for (const code of codes) {
    if (!Number.isInteger(code) || code < 0 || code > 255)
      throw new ConfigError({ tag: 'dnsbl', key: 'codes', value: code }, 'must be whole numbers from 0 to 255');
  }
  if (action !== 'deny' && action !== 'mark')
    throw new ConfigError({ tag: 'dnsbl', key: 'action', value: action }, 'must be "deny" or "mark"');
}

/** A list's text is shown to people: no control characters, of IRC's formatting neither. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ').slice(0, MAX_REASON_SIZE);
}
