/** The public entry point `ircd-websocket/gateway`: websockets for IRC servers that have none. */

export type { GatewayLimits, GatewayStats } from './gateway.ts';
export { createIrcGateway, type IrcGateway, type IrcGatewayOptions } from './gateway.ts';
export type { Upstream } from './upstream.ts';
