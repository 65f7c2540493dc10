/**
 * The public face of the page's half: its types, and the class.
 *
 * It has no dependencies, imports nothing from the rest of this package, and imports where there is no window. `docs/resume.md`
 * specifies the protocol.
 */
import { ResumableSocket } from './resumable-socket.ts';

/** A `WebSocket` that the server keeps while the network is away. The members of `WebSocket` are the browser's own. */
export interface ResumableWebSocket extends WebSocket {
  /** Whether the server keeps this connection while the network is away; `false` before `open`, and at servers that do not. */
  readonly isResumable: boolean;
  /** Called when the network is lost. `readyState` stays `OPEN`; what is sent from now on waits. */
  onsuspend: ((event: Event) => void) | null;
  /** Called when the connection goes on. The lines that were missed follow as ordinary `message` events. */
  onresume: ((event: Event) => void) | null;
}

/** The constructor: the one of `WebSocket`, with its errors. */
export interface ResumableWebSocketConstructor {
  new (url: string | URL, protocols?: string | string[]): ResumableWebSocket;
  readonly prototype: ResumableWebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
}

/**
 * A drop-in for `WebSocket`: against a server that does not know `v1.resume.ircd-websocket` it is a plain one.
 *
 * @example
 * ```ts
 * const socket = new ResumableWebSocket('wss://irc.example.com/', 'text.ircv3.net');
 * socket.addEventListener('suspend', () => console.log('network lost'));
 * socket.addEventListener('resume', () => console.log('back'));
 * ```
 */
export const ResumableWebSocket: ResumableWebSocketConstructor = ResumableSocket as unknown as ResumableWebSocketConstructor;
