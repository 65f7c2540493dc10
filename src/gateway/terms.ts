/**
 * What new clients meet: the options of a gateway, checked.
 *
 * In: options. Out: terms that can work, or a `ConfigError`. It does not know clients.
 */
import { checkZone, type DnsblOptions, type DnsblZone } from '../dns/dnsbl.ts';
import { checkLookupOptions, type LookupOptions } from '../dns/resolver.ts';
import { ConfigError } from '../errors.ts';
import { checkUsers, type GatewayUsers } from './identity.ts';
import { type GatewayLimits, resolveLimits } from './limits.ts';
import { UpstreamPool } from './pool.ts';
import { prepareUpstreams, type Upstream } from './upstream.ts';

/** Lists of addresses that may not come in. */
export type GatewayDnsbl = DnsblOptions & { readonly zones: readonly (string | DnsblZone)[] };

/** The options that a reload may change. */
export interface TermOptions {
  readonly upstreams: readonly Upstream[];
  readonly users: GatewayUsers;
  readonly hostnames: boolean | LookupOptions;
  readonly dnsbl: GatewayDnsbl | null;
  readonly limits: GatewayLimits;
}

/** What new clients meet. */
export interface Terms {
  readonly options: TermOptions;
  readonly pool: UpstreamPool;
  readonly limits: Required<GatewayLimits>;
  /** `null`: host names are not looked up. */
  readonly lookup: LookupOptions | null;
}

/** @throws ConfigError */
export function checkTerms(options: TermOptions, before?: Terms): Terms {
  const { upstreams, users, hostnames, dnsbl, limits } = options;
  const lookup = hostnames === false ? null : hostnames === true ? {} : hostnames;
  if (lookup !== null) checkLookup(lookup, 'hostnames');
  if (dnsbl !== null) {
    checkLookup(dnsbl, 'dnsbl');
    for (const zone of dnsbl.zones) checkZone(zone);
  }
  checkUsers(users);
  return { options, pool: new UpstreamPool(prepareUpstreams(upstreams), before?.pool), limits: resolveLimits(limits), lookup };
}

/** A mistake that is found at the first lookup would refuse everybody. */
function checkLookup(options: LookupOptions, tag: string): void {
  try {
    checkLookupOptions(options);
  } catch (error) {
    throw new ConfigError({ tag }, `has lookup options that cannot work: ${(error as Error).message}`, { cause: error });
  }
}
