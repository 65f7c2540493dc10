/**
 * Admission: which requests are let in, and what is known of their clients.
 *
 * In: a request, its peer and the rules. Out: what was negotiated and the facts, or a `HandshakeError`; or a report of each
 * check. It does not know sockets, and it answers nobody.
 *
 * Law of this file: `admit` and `explainAdmission` run the same table of checks, `checks.ts`.
 */
import { canonicalAddress, UNIX, UNKNOWN } from '../address/ranges.ts';
import { HandshakeError } from '../errors.ts';
import { CHECKS, type Check, hostOf } from './checks.ts';
import type { AdmissionRequest, AdmissionRules, Examination, Peer } from './examination.ts';
import { type ConnectionFacts, createFacts, type Endpoint, type TlsFacts } from './facts.ts';
import { headerValue, headerValues } from './headers.ts';
import { cut, cutCookie, intern } from './kept-text.ts';
import type { Resumption } from './resumption.ts';

export type { AdmissionRequest, AdmissionRules, Forwarded, Peer } from './examination.ts';
export type { Resumption } from './resumption.ts';

/** What was negotiated with a client that may come in. */
export interface Admitted {
  /** The client's `Sec-WebSocket-Key`; empty for a request over HTTP/2, which needs none. */
  readonly key: string;
  /** `auto`: the first message decides. */
  readonly mode: 'text' | 'binary' | 'auto';
  readonly subprotocol: string | null;
  /** The session that the client asks for, if it asks for one that survives its connection. */
  readonly resume: Resumption | null;
  readonly facts: ConnectionFacts;
}

/** One check of a report. */
export interface AdmissionStep {
  /** What was checked: `origin`, `proxy`, … */
  readonly check: string;
  /** What it looked at, as it was sent, without secrets. */
  readonly input: string;
  readonly outcome: 'passed' | 'failed' | 'not reached';
  /** The finding, in words. */
  readonly detail: string;
}

/** What each check says about a request. */
export interface AdmissionReport {
  readonly steps: readonly AdmissionStep[];
  /** The refusal; `null` for a request that is let in. */
  readonly error: HandshakeError | null;
  /** What is known of the client that is let in. */
  readonly facts: ConnectionFacts | null;
  /** Returns the report as text, one line for each check. */
  toString(): string;
}

/**
 * Lets a request in.
 *
 * @param isClosing whether new clients are refused because the hook is closing
 * @throws HandshakeError with the documented status and InspIRCd's words
 */
export function admit(request: AdmissionRequest, peer: Peer, rules: AdmissionRules, isClosing = false): Admitted {
  const at = begin(request, peer, rules, isClosing);
  for (const check of CHECKS) check.run(at);
  const { key, mode, subprotocol, resume } = at;
  return { key, mode, subprotocol, resume, facts: factsOf(at) };
}

/** Runs the same checks, and writes down what each of them looks at and finds. */
export function explainAdmission(
  request: AdmissionRequest,
  peer: Peer,
  rules: AdmissionRules,
  isClosing = false,
): AdmissionReport {
  const at = begin(request, peer, rules, isClosing);
  let error: HandshakeError | null = null;
  const steps = CHECKS.map((check): AdmissionStep => {
    if (error !== null) return { check: check.name, input: check.input(at), outcome: 'not reached', detail: '' };
    try {
      check.run(at);
      return { check: check.name, input: check.input(at), outcome: 'passed', detail: check.finding(at) };
    } catch (thrown) {
      if (!(thrown instanceof HandshakeError)) throw thrown;
      error = thrown;
      return { check: check.name, input: check.input(at), outcome: 'failed', detail: failure(thrown, check, at) };
    }
  });
  const refusal = error as HandshakeError | null;
  const facts = refusal === null ? factsOf(at) : null;
  return { steps, error: refusal, facts, toString: () => describe(steps, refusal) };
}

/** Returns the peer's address in the spelling of ranges and facts. */
export function peerAddress({ address }: Peer): string {
  return address === undefined ? UNIX : (canonicalAddress(address) ?? address);
}

function begin(request: AdmissionRequest, peer: Peer, rules: AdmissionRules, isClosing: boolean): Examination {
  return {
    request,
    peer,
    rules,
    isClosing,
    peerAddress: peerAddress(peer),
    origin: null,
    originPattern: null,
    resolved: null,
    mode: 'text',
    subprotocol: null,
    resume: null,
    key: '',
  };
}

function factsOf(at: Examination): ConnectionFacts {
  const { request, peer, resolved, mode, subprotocol, origin } = at;
  const endpoint: Endpoint = Object.freeze({ address: at.peerAddress, port: peer.port });
  const userAgent = headerValue(request.rawHeaders, 'user-agent');
  return createFacts({
    mode: mode === 'auto' ? 'text' : mode,
    subprotocol: subprotocol === null ? null : intern(subprotocol),
    origin: origin === null ? null : intern(origin),
    secure: isSecure(at),
    tls: tlsOf(at),
    peer: endpoint,
    client: resolved === null ? endpoint : Object.freeze({ address: resolved.address, port: resolved.port }),
    local: peer.forwarded?.local ?? peer.local ?? UNKNOWN_ENDPOINT,
    via: resolved === null ? NO_PROXY : Object.freeze([...resolved.via]),
    provenance: resolved?.provenance ?? 'the peer of the connection',
    host: cut(hostOf(request), MAX_HOST_SIZE),
    path: cut(request.url ?? '', MAX_PATH_SIZE),
    userAgent: userAgent === undefined ? null : cut(userAgent, MAX_USER_AGENT_SIZE),
    cookie: cutCookie(headerValues(request.rawHeaders, 'cookie').join('; '), MAX_COOKIE_SIZE) || null,
  });
}

/** A host name has 253 characters at most; with a port and some room. */
const MAX_HOST_SIZE = 300;
const MAX_PATH_SIZE = 1_024;
const MAX_USER_AGENT_SIZE = 256;
/** RFC 6265 section 6.1: a browser allows "at least 4096 bytes per cookie". */
const MAX_COOKIE_SIZE = 4_096;

const NO_PROXY: readonly string[] = Object.freeze([]);
const UNKNOWN_ENDPOINT: Endpoint = Object.freeze({ address: UNKNOWN, port: undefined });

function isSecure({ peer, resolved }: Examination): boolean {
  // The PROXY header comes before TLS. So TLS that ends here is the client's own, unless the proxy says something else.
  if (peer.forwarded !== undefined) return peer.forwarded.secure ?? peer.encrypted;
  // Behind an HTTP proxy, TLS on this connection is the proxy's. Only its header fields tell about the client's.
  return resolved === null ? peer.encrypted : resolved.secure === true;
}

function tlsOf({ peer, resolved }: Examination): TlsFacts | null {
  const { forwarded, tls = null } = peer;
  if (forwarded !== undefined) return forwarded.secure === undefined ? tls : (forwarded.tls ?? null);
  return resolved === null ? tls : null;
}

/** Writes why a check has failed, and what may help. */
function failure({ status, reason }: HandshakeError, { hint }: Check, at: Examination): string {
  const help = hint?.(at) ?? '';
  return `${status} ${reason}${help === '' ? '' : ` (${help})`}`;
}

function describe(steps: readonly AdmissionStep[], error: HandshakeError | null): string {
  const lines = steps.map(({ check, input, outcome, detail }) =>
    outcome === 'not reached'
      ? `- ${check}: not reached`
      : `${outcome === 'passed' ? '+' : '!'} ${check}: ${JSON.stringify(input)}: ${detail}`,
  );
  return [...lines, error === null ? '= let in' : `= refused: ${error.status} ${error.reason}`].join('\n');
}
