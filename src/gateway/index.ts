/** The public entry point `ircd-websocket/gateway`: WebSockets for IRC servers that have none. */

export type { AddressPlaces, Place, PlaceLimits } from './address-count.ts';
export type { GatewayEvent } from './events.ts';
export {
  createIrcGateway,
  type GatewayStats,
  type IrcGateway,
  type IrcGatewayOptions,
  type IrcGatewayReload,
} from './gateway.ts';
export type { GatewayUsers } from './identity.ts';
export type { GatewayLimits } from './limits.ts';
export type { UpstreamStats } from './pool.ts';
export type { GatewayDnsbl } from './terms.ts';
export type { Upstream } from './upstream.ts';
