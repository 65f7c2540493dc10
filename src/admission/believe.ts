/**
 * What a PROXY header is worth: who may speak for others, and what is known of the client then.
 *
 * In: a header that was read, the peer that sent it, and the ranges that are trusted. Out: the client. It does not know sockets.
 *
 * Law of this file: a header from outside the ranges is never believed.
 */
import type { Forwarded } from './examination.ts';
import type { ProxyHeaderFound } from './proxy-protocol.ts';

/**
 * Decides on a header.
 *
 * @param peerAddress the address of the peer that sent it, canonical, `unix` or `unknown`
 * @param trusted returns the range that has an address, or `null`
 * @returns `null` where the peer may not speak for others, `undefined` where it speaks for itself
 */
export function believeProxy(
  found: ProxyHeaderFound,
  peerAddress: string,
  trusted: (address: string) => string | null,
): Forwarded | null | undefined {
  const range = trusted(peerAddress);
  if (range === null) return null;
  const { client, local, secure, tls, version } = found;
  if (client === null) return undefined;
  const provenance = `PROXY protocol version ${version}, trusted by ${range}`;
  return { ...client, local, secure, tls, via: [peerAddress], provenance };
}
