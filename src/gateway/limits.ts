/**
 * What one client, or one network, may take up.
 *
 * In: limits as they were given. Out: limits that can work, defaults included. It does not know clients.
 */
import { ConfigError } from '../errors.ts';
import { DEFAULT_IPV6_PREFIX } from './network.ts';

/** What one client, or one network, may take up. A network is an IPv4 address, or an IPv6 prefix of `ipv6Prefix` bits. */
export interface GatewayLimits {
  /** Connections from one network, those that are still being let in among them. @defaultValue `20` */
  readonly connectionsPerAddress?: number;
  /** New connections a minute from one network. @defaultValue `60` */
  readonly connectionsPerMinute?: number;
  /** Bits of an IPv6 address that count. @defaultValue `64` */
  readonly ipv6Prefix?: number;
  /** Lines a second in the long run; a hundred may come at once. A client that sends more is read more slowly. @defaultValue `20` */
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

const DEFAULTS: Required<GatewayLimits> = {
  connectionsPerAddress: 20,
  connectionsPerMinute: 60,
  ipv6Prefix: DEFAULT_IPV6_PREFIX,
  linesPerSecond: 20,
  floodTimeout: 60_000,
  connectTimeout: 4_000,
  stallTimeout: 60_000,
};

/** Timers end here. */
const MAX_TIMEOUT = 2 ** 31 - 1;

interface Range {
  readonly isRight: (value: number) => boolean;
  readonly problem: string;
}

const COUNT: Range = {
  isRight: (value) => Number.isInteger(value) && value >= 1,
  problem: 'must be a whole number from 1',
};
const TIMEOUT: Range = {
  isRight: (value) => Number.isInteger(value) && value >= 1 && value <= MAX_TIMEOUT,
  problem: `must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT}`,
};

const RANGES: Readonly<Record<keyof GatewayLimits, Range>> = {
  connectionsPerAddress: COUNT,
  connectionsPerMinute: COUNT,
  ipv6Prefix: {
    isRight: (value) => Number.isInteger(value) && value >= 1 && value <= 128,
    problem: 'must be a whole number from 1 to 128',
  },
  linesPerSecond: { isRight: (value) => Number.isFinite(value) && value > 0, problem: 'must be a number above 0' },
  floodTimeout: TIMEOUT,
  connectTimeout: TIMEOUT,
  stallTimeout: TIMEOUT,
};

/** @throws ConfigError for a limit that cannot work */
export function resolveLimits(limits: GatewayLimits): Required<GatewayLimits> {
  for (const name of Object.keys(limits)) {
    if (!(name in DEFAULTS)) {
      throw new ConfigError({ tag: 'limits', key: name }, `is not known: have ${Object.keys(DEFAULTS).join(', ')}`);
    }
  }
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  const resolved: Required<GatewayLimits> = { ...DEFAULTS, ...given };
  for (const [name, { isRight, problem }] of Object.entries(RANGES)) {
    const value = resolved[name as keyof GatewayLimits];
    if (typeof value !== 'number' || !isRight(value)) {
      throw new ConfigError({ tag: 'limits', key: name.toLowerCase(), value }, problem);
    }
  }
  return resolved;
}
