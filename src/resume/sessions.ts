/**
 * The sessions of one hook: who may have which client back.
 *
 * In: new clients that ask for it, and claims. Out: a session, or why there is none. It does not know requests.
 */
import { randomBytes } from 'node:crypto';
import type { ConnectionFacts } from '../admission/facts.ts';
import type { SessionClaim } from '../admission/resumption.ts';
import { CloseCode, HandshakeError } from '../errors.ts';
import { ResumableSession, type SessionSettings } from './session.ts';

/** Bytes of a session's id; 11 characters of base64url. The id is no secret. */
const ID_SIZE = 8;

/** A claim that was found good, until it is settled. */
export interface Ticket {
  readonly claim: SessionClaim;
  readonly session: ResumableSession;
  /** The facts that the client had before. */
  readonly before: ConnectionFacts;
}

/** The sessions of one hook. */
export class Sessions {
  readonly #sessions = new Map<string, ResumableSession>();

  /** Begins a session; it is known from now on until it ends. */
  begin(settings: SessionSettings): ResumableSession {
    const id = randomBytes(ID_SIZE).toString('base64url');
    const session = new ResumableSession(id, settings, this.#forget);
    this.#sessions.set(id, session);
    return session;
  }

  /**
   * Looks at a claim.
   *
   * @param origin the Origin header field of the request: it must be the session's
   * @throws HandshakeError 410 for a session that is not there, or cannot be had back; 403 for one of another origin, which ends
   */
  claim(claim: SessionClaim | null, origin: string | null): Ticket {
    const session = claim === null ? undefined : this.#sessions.get(claim.id);
    const client = session?.client ?? null;
    if (claim === null || session === undefined || client === null) throw gone('Unknown session');
    const problem = session.check(claim);
    if (problem !== null) throw gone(problem);
    if (client.facts.origin !== origin) {
      client.expel(CloseCode.POLICY_VIOLATION, 'Claimed from another origin');
      throw new HandshakeError(403, 'WebSocket: This session belongs to another origin');
    }
    return { claim, session, before: client.facts };
  }

  readonly #forget = (session: ResumableSession): void => {
    this.#sessions.delete(session.id);
  };
}

/** RFC 9110 section 15.5.11: what was there "is no longer available … and this condition is likely to be permanent". */
function gone(reason: string): HandshakeError {
  return new HandshakeError(410, `WebSocket: ${reason}`);
}
