/**
 * Who may come in: every documented HTTP error, in InspIRCd's order, and the stricter ones that RFC 6455 section 4.2.1 demands.
 *
 * In: a request, its peer and the rules. Out: what was negotiated and the facts, or a `HandshakeError`; or a report of each check. It does not know sockets, and
 * it answers nobody.
 *
 * Laws of this file:
 * 1. The order of {@link CHECKS} is the order of the documents' table: the first failure wins.
 * 2. `admit` and `explainAdmission` run the same checks; the words of a report are made only for a report.
 */
import type { IncomingMessage } from 'node:http';
import { canonicalAddress, UNIX } from '../address/ranges.ts';
import { HandshakeError } from '../errors.ts';
import { hasSha1, isWebSocketKey } from '../protocol/handshake.ts';
import { type ConnectionFacts, createFacts, type Endpoint } from './facts.ts';
import { headerList, headerValue, headerValues, isHeaderDoubled } from './headers.ts';
import { intern } from './intern.ts';
import type { OriginMatcher } from './origin.ts';
import { type ProxyRules, type ResolvedClient, resolveClient } from './proxy.ts';
import { recognise } from './subprotocol.ts';

/** What is looked at of a request. */
export type AdmissionRequest = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders'>;

/** Who is on the other end of the transport. */
export interface Peer {
  /** As `socket.remoteAddress` has it; `undefined` on a Unix domain socket. */
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** Whether the transport is TLS. */
  readonly encrypted: boolean;
  /** Of the `http.Server` that read the request; absent: Node's default. */
  readonly maxHeadersCount?: number | null | undefined;
  /** What the PROXY protocol said; then no header is read, and none is required. */
  readonly forwarded?: Forwarded | undefined;
}

/** A client's address as it was told before the request. */
export interface Forwarded {
  /** Canonical. */
  readonly address: string;
  readonly port: number | undefined;
  readonly secure?: boolean;
  readonly via: readonly string[];
  readonly provenance: string;
}

/** The rules of admission, compiled from a configuration. */
export interface AdmissionRules {
  readonly origins: OriginMatcher;
  readonly allowMissingOrigin: boolean;
  readonly proxy: ProxyRules;
  readonly defaultMode: 'text' | 'binary' | 'reject' | 'auto';
  /** Whether the server's charset allows text frames. */
  readonly allowsText: boolean;
}

/** What was negotiated with a client that may come in. */
export interface Admitted {
  /** The client's `Sec-WebSocket-Key`. */
  readonly key: string;
  /** `auto`: the first message decides. */
  readonly mode: 'text' | 'binary' | 'auto';
  readonly subprotocol: string | null;
  readonly facts: ConnectionFacts;
}

/** One check of a report. */
export interface AdmissionStep {
  /** What was checked: `origin`, `proxy`, … */
  readonly check: string;
  /** What it looked at, as it was sent. */
  readonly input: string;
  readonly outcome: 'passed' | 'failed' | 'not reached';
  /** The finding, in words. */
  readonly detail: string;
}

/** What each check says to a request. */
export interface AdmissionReport {
  readonly steps: readonly AdmissionStep[];
  /** What the request is answered with; `null`: it is let in. */
  readonly error: HandshakeError | null;
  /** What is known of the client that is let in. */
  readonly facts: ConnectionFacts | null;
  /** Gives the report as text, a line a check. */
  toString(): string;
}

/** Findings on the way through the checks. */
interface Examination {
  readonly request: AdmissionRequest;
  readonly peer: Peer;
  readonly rules: AdmissionRules;
  readonly isClosing: boolean;
  origin: string | null;
  originPattern: string | null;
  peerAddress: string;
  resolved: ResolvedClient | null;
  mode: 'text' | 'binary' | 'auto';
  subprotocol: string | null;
  key: string;
}

interface Check {
  readonly name: string;
  readonly run: (at: Examination) => void;
  readonly input: (at: Examination) => string;
  readonly finding: (at: Examination) => string;
}

/** Twice the fields that Node reads where `server.maxHeadersCount` is not set: it counts names and values. */
const NODE_MAX_HEADER_PAIRS = 2_000;

/** Fields of which a second one is never right: which would count? */
const SINGLE_VALUED = [
  'host',
  'origin',
  'sec-websocket-key',
  'sec-websocket-version',
  'x-real-ip',
  'cf-connecting-ip',
  'true-client-ip',
] as const;

const SPELLING: Readonly<Record<(typeof SINGLE_VALUED)[number], string>> = {
  host: 'Host',
  origin: 'Origin',
  'sec-websocket-key': 'Sec-WebSocket-Key',
  'sec-websocket-version': 'Sec-WebSocket-Version',
  'x-real-ip': 'X-Real-IP',
  'cf-connecting-ip': 'CF-Connecting-IP',
  'true-client-ip': 'True-Client-IP',
};

/** RFC 6455 section 4.4: a 426 names the versions that would do. RFC 9110 section 15.5.22: and the protocol. */
const UPGRADE_REQUIRED = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' } as const;

const sha1IsAvailable = hasSha1();

const CHECKS: readonly Check[] = [
  {
    name: 'header count',
    run: ({ request, peer }) => {
      const limit = peer.maxHeadersCount == null ? NODE_MAX_HEADER_PAIRS : peer.maxHeadersCount * 2;
      // Node drops what is beyond its limit without a word, and with it perhaps the one field that names the client (hostile-inputs N3).
      if (limit > 0 && request.rawHeaders.length >= limit)
        refuse(431, 'WebSocket: Received HTTP request with more headers than are read');
    },
    input: ({ request }) => `${request.rawHeaders.length / 2} fields`,
    finding: () => 'all of them were read',
  },
  {
    name: 'doubled headers',
    run: ({ request: { rawHeaders } }) => {
      for (const name of SINGLE_VALUED) {
        if (isHeaderDoubled(rawHeaders, name))
          refuse(400, `WebSocket: Received HTTP request that sent the ${SPELLING[name]} header twice`);
      }
    },
    input: () => SINGLE_VALUED.map((name) => SPELLING[name]).join(', '),
    finding: () => 'none of them is there twice',
  },
  {
    name: 'method',
    run: ({ request }) => {
      if (request.method !== 'GET') refuse(405, 'WebSocket: Received HTTP request whose method is not GET', { Allow: 'GET' });
    },
    input: ({ request }) => request.method ?? '',
    finding: () => 'GET, as RFC 6455 demands',
  },
  {
    name: 'HTTP version',
    run: ({ request }) => {
      // 4.2.1 (1): "An HTTP/1.1 or higher GET request".
      if (request.httpVersion !== '1.1') refuse(505, 'WebSocket: Received HTTP request whose version is not HTTP/1.1');
    },
    input: ({ request }) => request.httpVersion,
    finding: () => 'HTTP/1.1',
  },
  {
    name: 'origin',
    run: (at) => {
      const origin = headerValue(at.request.rawHeaders, 'origin');
      if (origin === '' || (origin === undefined && !at.rules.allowMissingOrigin)) {
        refuse(400, 'WebSocket: Received HTTP request that did not send the Origin header');
      }
      at.origin = origin ?? null;
      if (origin === undefined) return;
      at.originPattern = at.rules.origins(origin);
      if (at.originPattern === null) refuse(403, 'WebSocket: Received HTTP request from a non-whitelisted origin');
    },
    input: ({ request }) => headerValue(request.rawHeaders, 'origin') ?? '(none)',
    finding: ({ originPattern }) =>
      originPattern === null
        ? 'none, and allowMissingOrigin lets native clients in'
        : `allowed by ${JSON.stringify(originPattern)}`,
  },
  {
    name: 'proxy',
    run: (at) => {
      at.resolved =
        at.peer.forwarded === undefined
          ? resolveClient(at.request.rawHeaders, at.peerAddress, at.rules.proxy)
          : fromProxyProtocol(at.peer.forwarded);
    },
    input: ({ request, peerAddress }) => {
      const fields = ['X-Real-IP', 'X-Forwarded-For', 'Forwarded', 'CF-Connecting-IP', 'True-Client-IP'].flatMap((name) =>
        headerValues(request.rawHeaders, name.toLowerCase()).map((value) => `${name}: ${value}`),
      );
      return [`peer ${peerAddress}`, ...fields].join('; ');
    },
    finding: ({ resolved, peerAddress, rules }) => {
      if (resolved !== null) return `the client is ${resolved.address}: ${resolved.provenance}`;
      return `the client is the peer, ${peerAddress}: ${rules.proxy.trusted === null ? 'no proxyRanges are set' : 'it is in none of proxyRanges'}`;
    },
  },
  {
    name: 'subprotocol',
    run: (at) => {
      const offers = recognise(headerList(at.request.rawHeaders, 'sec-websocket-protocol'));
      const { defaultMode, allowsText } = at.rules;
      if (offers.length === 0) {
        // The words are InspIRCd's, also where the field was sent and names nothing that is known.
        if (defaultMode === 'reject')
          refuse(400, 'WebSocket: Received HTTP request that did not send the Sec-WebSocket-Protocol header');
        at.mode = defaultMode as Exclude<typeof defaultMode, 'reject'>;
        return;
      }
      const chosen = offers.find(({ mode }) => mode === 'binary' || allowsText);
      if (chosen === undefined) {
        refuse(
          400,
          'WebSocket: Received HTTP request that requested a text protocol which is not compatible with the server character set',
        );
      }
      at.mode = chosen.mode;
      at.subprotocol = chosen.name;
    },
    input: ({ request }) => headerList(request.rawHeaders, 'sec-websocket-protocol').join(', ') || '(none)',
    finding: ({ subprotocol, mode }) =>
      subprotocol === null ? `none is known: defaultMode, ${mode}` : `${subprotocol}, ${mode}`,
  },
  {
    name: 'key',
    run: (at) => {
      at.key = headerValue(at.request.rawHeaders, 'sec-websocket-key') ?? '';
      if (at.key === '') refuse(501, 'WebSocket: Received HTTP request which is not a websocket upgrade');
    },
    input: ({ request }) => headerValue(request.rawHeaders, 'sec-websocket-key') ?? '(none)',
    finding: () => 'is there',
  },
  {
    name: 'availability',
    run: ({ isClosing }) => {
      if (!sha1IsAvailable) refuse(503, 'WebSocket: SHA-1 provider missing');
      if (isClosing) refuse(503, 'WebSocket: Server is shutting down');
    },
    input: () => 'SHA-1; whether the hook is closing',
    finding: () => 'ready',
  },
  {
    name: 'upgrade',
    run: ({ request: { rawHeaders } }) => {
      // 4.2.1 (3) and (4): "an |Upgrade| header field containing the value "websocket"", "a |Connection| header field that includes the token "Upgrade"".
      if (!hasToken(rawHeaders, 'upgrade', 'websocket') || !hasToken(rawHeaders, 'connection', 'upgrade')) {
        refuse(426, 'WebSocket: Received HTTP request which does not ask for an upgrade to websocket', UPGRADE_REQUIRED);
      }
      // 4.2.1 (6)
      if (headerValue(rawHeaders, 'sec-websocket-version') !== '13') {
        refuse(426, 'WebSocket: Received HTTP request for a WebSocket version which is not 13', UPGRADE_REQUIRED);
      }
    },
    input: ({ request: { rawHeaders } }) =>
      `Upgrade: ${headerList(rawHeaders, 'upgrade')}; Connection: ${headerList(rawHeaders, 'connection')}; version ${headerValue(rawHeaders, 'sec-websocket-version') ?? '(none)'}`,
    finding: () => 'websocket, version 13',
  },
  {
    name: 'form',
    run: ({ request: { rawHeaders }, key }) => {
      // 4.2.1 (5): "a base64-encoded … value that, when decoded, is 16 bytes in length".
      if (!isWebSocketKey(key)) refuse(400, 'WebSocket: Received HTTP request whose Sec-WebSocket-Key is not 16 bytes of base64');
      // 4.2.1 (2)
      if ((headerValue(rawHeaders, 'host') ?? '') === '')
        refuse(400, 'WebSocket: Received HTTP request that did not send the Host header');
      // What came behind the header would be taken for frames.
      const length = headerValue(rawHeaders, 'content-length');
      if ((length !== undefined && !/^0+$/.test(length)) || headerValue(rawHeaders, 'transfer-encoding') !== undefined) {
        refuse(400, 'WebSocket: Received HTTP request which has a body');
      }
    },
    input: ({ request: { rawHeaders } }) => `key, Host: ${headerValue(rawHeaders, 'host') ?? '(none)'}, body`,
    finding: () => 'a key of 16 bytes, a Host, no body',
  },
];

/**
 * Lets a request in.
 *
 * @param isClosing whether newcomers are sent away
 * @throws HandshakeError with the documented status and InspIRCd's words
 */
export function admit(request: AdmissionRequest, peer: Peer, rules: AdmissionRules, isClosing = false): Admitted {
  const at = begin(request, peer, rules, isClosing);
  for (const check of CHECKS) check.run(at);
  return { key: at.key, mode: at.mode, subprotocol: at.subprotocol, facts: factsOf(at) };
}

/** Runs the same checks and writes down what each of them says. */
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
      return { check: check.name, input: check.input(at), outcome: 'failed', detail: `${thrown.status} ${thrown.reason}` };
    }
  });
  const refusal = error as HandshakeError | null;
  const facts = refusal === null ? factsOf(at) : null;
  return { steps, error: refusal, facts, toString: () => describe(steps, refusal) };
}

/** Gives the key and a subprotocol of a request that could be a WebSocket, whether or not it may come in: enough to tell it why by a Close frame. */
export function webSocketOffer({
  method,
  httpVersion,
  rawHeaders,
}: AdmissionRequest): { key: string; subprotocol: string | null } | null {
  const key = headerValue(rawHeaders, 'sec-websocket-key') ?? '';
  const isUpgrade = method === 'GET' && httpVersion === '1.1' && hasToken(rawHeaders, 'upgrade', 'websocket');
  if (!isUpgrade || !isWebSocketKey(key) || headerValue(rawHeaders, 'sec-websocket-version') !== '13') return null;
  // A browser that offered some and is answered by none fails the connection, and shows no reason.
  const [first] = headerList(rawHeaders, 'sec-websocket-protocol').filter((offer) => TOKEN.test(offer));
  return { key, subprotocol: first ?? null };
}

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

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
    origin: null,
    originPattern: null,
    peerAddress: peerAddress(peer),
    resolved: null,
    mode: 'text',
    subprotocol: null,
    key: '',
  };
}

function factsOf({ request, peer, peerAddress, resolved, mode, subprotocol, origin }: Examination): ConnectionFacts {
  const endpoint: Endpoint = Object.freeze({ address: peerAddress, port: peer.port });
  const { rawHeaders } = request;
  const userAgent = headerValue(rawHeaders, 'user-agent');
  return createFacts({
    mode: mode === 'auto' ? 'text' : mode,
    subprotocol: subprotocol === null ? null : intern(subprotocol),
    origin: origin === null ? null : intern(origin),
    // Behind a proxy the transport's TLS is the proxy's, not the client's.
    secure: resolved === null ? peer.encrypted : resolved.secure === true,
    peer: endpoint,
    client: resolved === null ? endpoint : Object.freeze({ address: resolved.address, port: resolved.port }),
    via: resolved === null ? NO_PROXY : Object.freeze([...resolved.via]),
    provenance: resolved?.provenance ?? 'the peer of the connection',
    host: intern(headerValue(rawHeaders, 'host') ?? ''),
    path: intern(request.url ?? ''),
    userAgent: userAgent === undefined ? null : intern(userAgent),
    cookie: headerValues(rawHeaders, 'cookie').join('; ') || null,
  });
}

const NO_PROXY: readonly string[] = Object.freeze([]);

function fromProxyProtocol({ address, port, secure, via, provenance }: Forwarded): ResolvedClient {
  return { address, port, via, provenance, secure };
}

/** Whether a list field has a token, in any case: the whole token, `notwebsocket` is another. */
function hasToken(rawHeaders: readonly string[], name: string, token: string): boolean {
  return headerList(rawHeaders, name).some((element) => element.toLowerCase() === token);
}

function refuse(status: number, reason: string, headers?: Readonly<Record<string, string>>): never {
  throw new HandshakeError(status, reason, headers);
}

function describe(steps: readonly AdmissionStep[], error: HandshakeError | null): string {
  const lines = steps.map(({ check, input, outcome, detail }) =>
    outcome === 'not reached'
      ? `- ${check}: not reached`
      : `${outcome === 'passed' ? '+' : '!'} ${check}: ${JSON.stringify(input)}: ${detail}`,
  );
  return [...lines, error === null ? '= let in' : `= refused: ${error.status} ${error.reason}`].join('\n');
}
