/**
 * What the command drives: a gateway in this process, or several in workers.
 *
 * It is only the shape; `gateway-process.ts` and `workers.ts` have it.
 */
import type { Counters } from './counters.ts';
import type { GatewaySettings } from './gateway-config.ts';

/** One gateway, or several that pass for one. */
export interface Gateways {
  /**
   * Listens on every bind, or on none; gives the addresses, as they really are. @throws ConfigError for a bind that cannot be
   * listened on
   */
  start(): Promise<string[]>;
  /** Puts settings that were checked in force; gives notes on what does not follow. */
  reload(settings: GatewaySettings): Promise<string[]>;
  counters(): Promise<Counters>;
  /** Processes that take clients now, and those that were started in place of a dead one. */
  workers(): { readonly workers: number; readonly restarts: number };
  /** Takes nobody any more, sends everybody home, and resolves when they are gone. Bounded. */
  drain(reason: string): Promise<void>;
  /** Ends other processes at once. */
  kill(): void;
}
