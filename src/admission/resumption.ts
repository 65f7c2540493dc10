/**
 * The subprotocols of a client that wants to survive the loss of its connection (docs/resume.md).
 *
 * In: the subprotocols that a client offers. Out: whether it asks for a session that can be resumed, or which one it wants back.
 * It does not know sessions, nor whether the claim is true.
 *
 * Law of this file: an item with a secret is never shown. {@link shownOffers} is for everything that a person reads.
 */

import type { IncomingMessage } from 'node:http';
import { headerList } from './headers.ts';

/** The subprotocol. Its name is answered as it stands here. */
export const RESUME_SUBPROTOCOL = 'v1.resume.ircd-websocket';

/** What an item begins with that claims a session; a secret follows. */
const CLAIM_PREFIX = 'v1.session.';

/** `v1.session.<node>.<id>.<secret>.<received>.<attempt>`; the numbers are decimal, without sign or leading zeros. */
const CLAIM = /^v1\.session\.([\w-]{1,64})\.([\w-]{11})\.([\w-]{32})\.(0|[1-9]\d{0,15})\.([1-9]\d{0,15})$/;

/** The session that a client wants back. */
export interface SessionClaim {
  /** The server that has the session; not a secret. */
  readonly node: string;
  readonly id: string;
  readonly secret: string;
  /** How many text messages of the session the client has received. */
  readonly received: number;
  /** The number of this attempt; it grows over the life of the session. */
  readonly attempt: number;
}

/** What a client asks for: a new session, or one that it had. A claim that cannot be read is `null`. */
export type Resumption = { readonly isNew: true } | { readonly isNew: false; readonly claim: SessionClaim | null };

/** Returns what the client asks for; `null` where it does not offer the subprotocol. */
export function readResumption(offers: readonly string[]): Resumption | null {
  if (!offers.includes(RESUME_SUBPROTOCOL)) return null;
  const claims = offers.filter(isClaim);
  if (claims.length === 0) return { isNew: true };
  // With two claims it is not clear which one counts, so neither does.
  return { isNew: false, claim: claims.length === 1 ? readClaim(claims[0] as string) : null };
}

function readClaim(item: string): SessionClaim | null {
  const [, node, id, secret, receivedText, attemptText] = CLAIM.exec(item) ?? [];
  if (node === undefined || id === undefined || secret === undefined) return null;
  const received = Number(receivedText);
  const attempt = Number(attemptText);
  return Number.isSafeInteger(received) && Number.isSafeInteger(attempt) ? { node, id, secret, received, attempt } : null;
}

/** Whether an item claims a session, well-formed or not, in any case: such an item is never shown, and never answered. */
export function isClaim(item: string): boolean {
  return item.toLowerCase().startsWith(CLAIM_PREFIX);
}

/** Whether a request wants a session back. */
export function claimsSession({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): boolean {
  return readResumption(headerList(rawHeaders, 'sec-websocket-protocol'))?.isNew === false;
}

/** Returns the offers as a person may read them: without secrets. */
export function shownOffers(offers: readonly string[]): string {
  return offers.map((item) => (isClaim(item) ? `${CLAIM_PREFIX}…` : item)).join(', ');
}
