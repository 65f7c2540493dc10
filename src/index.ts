/** The public entry point `ircd-websocket`: re-exports, nothing else. */

export { ircAddress } from './address/ranges.ts';
export type { AdmissionReport, AdmissionStep } from './admission/admission.ts';
export type { ConnectionFacts, Endpoint, TlsFacts } from './admission/facts.ts';
export type { ProxyHeader } from './admission/proxy.ts';
export { broadcast } from './client/broadcast.ts';
export type { FaultPlace } from './client/client.ts';
export { clientOf } from './client/client-of.ts';
export type { FaultContext } from './client/faults.ts';
export type { IrcClient } from './client/irc-client.ts';
export type { IrcSocket } from './client/irc-socket.ts';
export { type PreparedLine, prepareLine } from './client/prepared-line.ts';
export type { ResolvedConfig } from './config/compile.ts';
export { configFromTags, webSocketNames } from './config/from-tags.ts';
export { type ConfigTag, parseTags } from './config/tags.ts';
export type { WebSocketConfig } from './config/web-socket-config.ts';
export type { CloseStatus } from './connection/connection.ts';
export { checkDnsbl, type DnsblHit, type DnsblOptions, type DnsblZone } from './dns/dnsbl.ts';
export { confirmHostname } from './dns/hostname.ts';
export type { LookupOptions } from './dns/resolver.ts';
export { CloseCode, ConfigError, type ConfigErrorPlace, HandshakeError, ProtocolError, WebSocketError } from './errors.ts';
export {
  createWebSocketHook,
  type HookRegistry,
  type WebSocketHook,
  type WebSocketHookOptions,
} from './hook.ts';
export type { ListenerTls, RenewedTls, SniCertificates } from './listening/certificates.ts';
export type {
  AcceptOptions,
  HttpOptions,
  HttpsOptions,
  ListenerOptions,
  NetOptions,
  RenewableHttpsServer,
  RenewableTls,
  RenewableTlsServer,
  TlsListenerOptions,
} from './listening/listener.ts';
export type { HistogramSnapshot } from './metrics/histogram.ts';
export type { HookStats } from './metrics/stats.ts';
export type { WebircClaims } from './webirc/claims.ts';
export type { WebircGateway, WebircPeer } from './webirc/gateway-block.ts';
export { createWebirc, type Webirc, type WebircOptions, type WebircState } from './webirc/gateways.ts';
export type { PasswordVerifier } from './webirc/password.ts';
export { gatewaysFromTags } from './webirc/tags.ts';
export type { UsernameAccepted, WebircAccepted, WebircRefusal, WebircRefused, WebircVerdict } from './webirc/verdict.ts';
export { formatWebirc, parseWebirc, type WebircRequest } from './webirc/webirc.ts';
