/**
 * The server's side of the opening handshake, RFC 6455 section 4.2.2, as text.
 *
 * In: a `Sec-WebSocket-Key`, the subprotocol that was chosen. Out: the accept value and the 101 answer. It does not know who may
 * come in: that is `admission/`.
 */
import { getHashes, hash } from 'node:crypto';

/** 4.2.2 (5.4): the GUID that is concatenated to the key. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * 4.1: "a nonce consisting of a randomly selected 16-byte value that has been base64-encoded": 22 characters and two of padding.
 */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/**
 * Computes the `Sec-WebSocket-Accept` value for a `Sec-WebSocket-Key`, RFC 6455 section 4.2.2 (5.4).
 *
 * @example
 * ```ts
 * acceptKey('dGhlIHNhbXBsZSBub25jZQ==');   // 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
 * ```
 */
export function acceptKey(key: string): string {
  return hash('sha1', key + GUID, 'base64');
}

/** Returns whether `key` is 16 bytes of base64, as RFC 6455 section 4.2.1 (5) demands. */
export function isWebSocketKey(key: string): boolean {
  return KEY.test(key);
}

/** Returns whether this Node can compute SHA-1 at all; a build or a policy may forbid it. Without it every handshake is a 503. */
export function hasSha1(): boolean {
  return getHashes().some((name) => name.toLowerCase() === 'sha1');
}

/**
 * Writes the 101 answer, its header fields in InspIRCd's order.
 *
 * @param key the client's `Sec-WebSocket-Key`, already checked
 * @param subprotocol the chosen one in the client's spelling; `null` sends no field (4.2.2: "If /subprotocol/ is null … not
 *   send")
 */
export function switchingProtocols(key: string, subprotocol: string | null): string {
  const protocolLine = subprotocol === null ? '' : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(key)}\r\n${protocolLine}\r\n`;
}
