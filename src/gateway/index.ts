/** The public entry point `ircd-websocket/gateway`: websockets for IRC servers that have none. */

export type { AddressPlaces } from './address-count.ts';
export {
  createIrcGateway,
  type GatewayStats,
  type IrcGateway,
  type IrcGatewayOptions,
  type IrcGatewayReload,
} from './gateway.ts';
export type { GatewayLimits } from './limits.ts';
export type { Upstream } from './upstream.ts';
