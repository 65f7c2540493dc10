/** The public entry point `ircd-websocket`: re-exports, nothing else. */
export type { AdmissionReport } from './admission/admission.ts';
export type { ConnectionFacts, Endpoint } from './admission/facts.ts';

export { configFromTags, type ResolvedConfig, type WebSocketConfig } from './config.ts';
export { CloseCode, ConfigError, type ConfigErrorPlace, HandshakeError, ProtocolError, WebSocketError } from './errors.ts';
export { createWebSocketHook, type HookRegistry, type WebSocketHook, type WebSocketHookOptions } from './hook.ts';
export { type PreparedLine, prepareLine } from './irc/prepared-line.ts';
export { ircAddress } from './ranges.ts';
export { broadcast } from './server/broadcast.ts';
export type { IrcSocket } from './server/client.ts';
export type { CloseStatus } from './server/connection.ts';
export type { ListenerOptions } from './server/listener.ts';
export { type ConfigTag, parseTags } from './tags.ts';
