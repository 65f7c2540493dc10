/** The public entry point `ircd-websocket/testing`: clients for a hook under test, without ports. */
export type { TestClient } from './client.ts';
export { type Connectable, type ConnectOptions, connect } from './connect.ts';
export { ConnectionRejectedError } from './rejected.ts';
