/**
 * Requests that are refused by a Close frame rather than by an HTTP error (`rejectMode: 'close-frame'`).
 *
 * In: a request that may not come in. Out: what a 101 needs, if the request could be a WebSocket at all. It does not know why it
 * is refused.
 */
import { isWebSocketKey } from '../protocol/handshake.ts';
import type { AdmissionRequest } from './examination.ts';
import { hasToken, headerList, headerValue } from './headers.ts';
import { isClaim } from './resumption.ts';

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

/** Returns the key of a request, and a subprotocol to answer; `null` for a request that cannot be answered by a 101. */
export function webSocketOffer(request: AdmissionRequest): { key: string; subprotocol: string | null } | null {
  const { method, httpVersion, rawHeaders } = request;
  const key = headerValue(rawHeaders, 'sec-websocket-key') ?? '';
  const isUpgrade = method === 'GET' && httpVersion === '1.1' && hasToken(rawHeaders, 'upgrade', 'websocket');
  // RFC 8441 section 5: an extended CONNECT for `websocket` takes the place of the upgrade, and has no key.
  const isStream = method === 'CONNECT' && httpVersion === '2.0' && hasToken(rawHeaders, ':protocol', 'websocket');
  if (!isStream && !(isUpgrade && isWebSocketKey(key))) return null;
  if (headerValue(rawHeaders, 'sec-websocket-version') !== '13') return null;
  // If a browser has offered subprotocols and the answer names none, it closes the connection and the page sees no reason.
  const offers = headerList(rawHeaders, 'sec-websocket-protocol').filter((offer) => TOKEN.test(offer) && !isClaim(offer));
  return { key, subprotocol: offers[0] ?? null };
}
