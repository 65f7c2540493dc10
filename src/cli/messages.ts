/**
 * What the primary process and its workers say to one another.
 *
 * Plain data: it goes through Node's channel as JSON. Passwords and keys are among the settings; the channel is between these
 * processes alone.
 */
import type { PlaceLimits } from '../gateway/index.ts';
import type { Counters } from './counters.ts';
import type { GatewaySettings } from './gateway-config.ts';
import type { RelayPlace } from './session-relay.ts';

/** The environment variable by which a worker knows its number; the one that takes a dead one's place has the same. */
export const WORKER_NUMBER = 'GATEWAY_WORKER_NUMBER';
/** The environment variable that says how a worker writes its log. */
export const WORKER_LOG = 'GATEWAY_WORKER_LOG';

/** From the primary to a worker. */
export type ToWorker =
  | { readonly type: 'start'; readonly settings: GatewaySettings; readonly relay: RelayPlace }
  | { readonly type: 'reload'; readonly id: number; readonly settings: GatewaySettings }
  | { readonly type: 'count'; readonly id: number }
  | { readonly type: 'drain'; readonly reason: string }
  /** Answers `take`. */
  | { readonly type: 'place'; readonly id: number; readonly refusal: 'connections' | 'perMinute' | null };

/** From a worker to the primary. */
export type ToPrimary =
  /** It listens to the primary from now on: what was sent before is lost. */
  | { readonly type: 'hello' }
  | { readonly type: 'listening'; readonly urls: readonly string[] }
  | { readonly type: 'failed'; readonly problem: string }
  | { readonly type: 'reloaded'; readonly id: number; readonly problem: string | null; readonly notes: readonly string[] }
  | { readonly type: 'counted'; readonly id: number; readonly counters: Counters }
  | { readonly type: 'drained'; readonly counters: Counters }
  | { readonly type: 'take'; readonly id: number; readonly network: string; readonly limits: PlaceLimits }
  /** Sent to give back the place that was taken by this id. */
  | { readonly type: 'leave'; readonly id: number };
