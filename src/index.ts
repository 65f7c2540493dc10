/** The public entry point `ircd-websocket`: re-exports, nothing else. */
export type { AdmissionReport, AdmissionStep } from './admission/admission.ts';
export type { ConnectionFacts, Endpoint } from './admission/facts.ts';

export { configFromTags, type ResolvedConfig, type WebSocketConfig } from './config.ts';
export { CloseCode, ConfigError, type ConfigErrorPlace, HandshakeError, ProtocolError, WebSocketError } from './errors.ts';
export { createWebSocketHook, type HookRegistry, type HookStats, type WebSocketHook, type WebSocketHookOptions } from './hook.ts';
export { checkDnsbl, type DnsblHit, type DnsblOptions } from './irc/dnsbl.ts';
export type { WebircGateway, WebircPeer } from './irc/gateway-block.ts';
export { confirmHostname } from './irc/hostname.ts';
export type { PasswordVerifier } from './irc/password.ts';
export { type PreparedLine, prepareLine } from './irc/prepared-line.ts';
export type { LookupOptions } from './irc/resolver.ts';
export { formatWebirc, parseWebirc, type WebircRequest } from './irc/webirc.ts';
export type { WebircClaims } from './irc/webirc-claims.ts';
export { createWebirc, type Webirc, type WebircOptions, type WebircState } from './irc/webirc-gateways.ts';
export { gatewaysFromTags } from './irc/webirc-tags.ts';
export type { UsernameAccepted, WebircAccepted, WebircRefused, WebircVerdict } from './irc/webirc-verdict.ts';
export { ircAddress } from './ranges.ts';
export { broadcast } from './server/broadcast.ts';
export type { IrcSocket } from './server/client.ts';
export type { CloseStatus } from './server/connection.ts';
export type { AcceptOptions, ListenerOptions } from './server/listener.ts';
export { type ConfigTag, parseTags } from './tags.ts';
