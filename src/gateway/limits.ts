/**
 * What one client, or one network, may take up.
 *
 * In: limits as they were given. Out: limits that can work, defaults included. It does not know clients.
 */
import { ErrorList, LONGEST_TIMER, type OptionRow, OptionTable } from '../config/config.ts';
import { DEFAULT_IPV6_PREFIX } from './network.ts';

/** What one client, or one network, may take up. A network is an IPv4 address, or an IPv6 prefix of `ipv6Prefix` bits. */
export interface GatewayLimits {
  /** Connections from one network, those that are still being let in among them. @defaultValue `20` */
  readonly connectionsPerAddress?: number;
  /** New connections a minute from one network. @defaultValue `60` */
  readonly connectionsPerMinute?: number;
  /** Bits of an IPv6 address that count. @defaultValue `64` */
  readonly ipv6Prefix?: number;
  /**
   * Lines a second in the long run; a hundred may come at once. A client that sends more is read more slowly. @defaultValue `20`
   */
  readonly linesPerSecond?: number;
  /** Milliseconds for which a client may send more than that until it is ended. @defaultValue `60000` */
  readonly floodTimeout?: number;
  /** Milliseconds for each IRC server to answer. @defaultValue `4000` */
  readonly connectTimeout?: number;
  /** Milliseconds for which a client or an IRC server may accept nothing of what waits for it. @defaultValue `60000` */
  readonly stallTimeout?: number;
}

/** How many lines may come at once: what a client sends when it joins its channels again. */
export const LINE_BURST = 100;

/** A duration from 1 ms on. */
export const TIMER: { readonly kind: 'duration'; readonly least: number; readonly most: number; readonly problem: string } = {
  kind: 'duration',
  least: 1,
  most: LONGEST_TIMER,
  problem: 'must be from 0.001 seconds to 24 days',
};

const count = (name: keyof GatewayLimits, byDefault: number, sentence: string): OptionRow => ({
  name,
  kind: 'integer',
  least: 1,
  byDefault,
  sentence,
});

const timeout = (name: keyof GatewayLimits, byDefault: number, sentence: string): OptionRow => ({
  name,
  ...TIMER,
  byDefault,
  sentence,
});

/** The limits as options: `limits` of the library, `<limits>` of the command. */
export const LIMIT_OPTIONS: OptionTable = new OptionTable('limits', [
  count('connectionsPerAddress', 20, 'clients at once; over it: 429'),
  count('connectionsPerMinute', 60, 'new clients a minute; over it: 429'),
  {
    name: 'ipv6Prefix',
    kind: 'integer',
    least: 1,
    most: 128,
    byDefault: DEFAULT_IPV6_PREFIX,
    sentence: 'bits of an IPv6 address that count as one address',
  },
  {
    name: 'linesPerSecond',
    kind: 'number',
    above: 0,
    byDefault: 20,
    sentence: 'in the long run; a hundred may come at once, and who sends more is slowed down',
  },
  timeout('floodTimeout', 60_000, 'a duration for which a client may be too fast until it is ended'),
  timeout('connectTimeout', 4_000, 'a duration for each server to answer'),
  timeout('stallTimeout', 60_000, 'a duration for which a client or a server may read nothing until it is given up'),
]);

/** @throws ConfigError for limits that cannot work */
export function resolveLimits(limits: GatewayLimits): Required<GatewayLimits> {
  const errors = new ErrorList();
  const given = Object.entries(limits).filter(([name, value]) => value !== undefined || !LIMIT_OPTIONS.names.includes(name));
  for (const [name, value] of given) LIMIT_OPTIONS.check(name, value, errors);
  errors.throwIfAny();
  return { ...LIMIT_OPTIONS.defaults(), ...Object.fromEntries(given) } as unknown as Required<GatewayLimits>;
}
