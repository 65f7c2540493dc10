/**
 * The classic script, `dist/browser/resumable-websocket.js`, for pages whose IRC client nobody changes.
 *
 * It sets `globalThis.ResumableWebSocket`. With `data-replace` on its tag it replaces `globalThis.WebSocket` too; the class keeps
 * the native one for itself.
 */
import { ResumableWebSocket } from './index.ts';
import { globals } from './resumable-socket.ts';

interface Page {
  ResumableWebSocket: unknown;
  WebSocket: unknown;
  /** Absent in a worker. `currentScript` is the tag of a classic script for as long as the script runs for the first time. */
  readonly document?: { readonly currentScript: { hasAttribute(name: string): boolean } | null };
}

const page = globals as unknown as Page;
page.ResumableWebSocket = ResumableWebSocket;
if (page.document?.currentScript?.hasAttribute('data-replace')) page.WebSocket = ResumableWebSocket;
