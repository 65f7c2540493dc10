/** The public entry point `ircd-websocket/browser`: a `WebSocket` whose connection survives the loss of its network. */
export { ResumableWebSocket, type ResumableWebSocketConstructor } from './resumable-websocket.ts';
