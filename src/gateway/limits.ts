/**
 * What one client, or one address, may take up.
 *
 * In: limits as they were given. Out: limits that can work, defaults included. It does not know clients.
 */
import { ConfigError } from '../errors.ts';

/** What one client, or one address, may take up. */
export interface GatewayLimits {
  /** Connections from one address, those that are still being let in among them. @defaultValue `20` */
  readonly connectionsPerAddress?: number;
  /** Lines a second in the long run; a hundred may come at once. @defaultValue `20` */
  readonly linesPerSecond?: number;
  /** Milliseconds for each IRC server to answer. @defaultValue `10000` */
  readonly connectTimeout?: number;
}

/** How many lines may come at once: what a client sends when it joins its channels again. */
export const LINE_BURST = 100;

const DEFAULTS: Required<GatewayLimits> = { connectionsPerAddress: 20, linesPerSecond: 20, connectTimeout: 10_000 };

/** Timers end here. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** @throws ConfigError for a limit that cannot be one */
export function resolveLimits(limits: GatewayLimits): Required<GatewayLimits> {
  for (const name of Object.keys(limits)) {
    if (!(name in DEFAULTS)) {
      throw new ConfigError({ tag: 'limits', key: name }, `is not known: have ${Object.keys(DEFAULTS).join(', ')}`);
    }
  }
  const resolved = {
    connectionsPerAddress: limits.connectionsPerAddress ?? DEFAULTS.connectionsPerAddress,
    linesPerSecond: limits.linesPerSecond ?? DEFAULTS.linesPerSecond,
    connectTimeout: limits.connectTimeout ?? DEFAULTS.connectTimeout,
  };
  const { connectionsPerAddress, linesPerSecond, connectTimeout } = resolved;
  if (!Number.isInteger(connectionsPerAddress) || connectionsPerAddress < 1) {
    throw refusal('connectionsperaddress', connectionsPerAddress, 'must be a whole number from 1');
  }
  if (!Number.isFinite(linesPerSecond) || linesPerSecond <= 0) {
    throw refusal('linespersecond', linesPerSecond, 'must be a number above 0');
  }
  if (!Number.isInteger(connectTimeout) || connectTimeout < 1 || connectTimeout > MAX_TIMEOUT) {
    throw refusal('connecttimeout', connectTimeout, `must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT}`);
  }
  return resolved;
}

function refusal(key: string, value: number, problem: string): ConfigError {
  return new ConfigError({ tag: 'limits', key, value }, problem);
}
