/**
 * The checks of admission as a table: every documented HTTP error, in InspIRCd's order, and the stricter ones that RFC 6455
 * section 4.2.1 demands.
 *
 * In: an {@link Examination}. Out: its findings, or a `HandshakeError`. It does not know sockets, and it answers nobody.
 *
 * Laws of this file:
 * 1. The order of {@link CHECKS} is the order of the documents' table: the first failure wins.
 * 2. Each row is run for every request, and described for a report only: the words of a report cost nothing where there is none.
 *
 * One file, although long: it is one table, and its order is what a reader comes for.
 */
import { HandshakeError } from '../errors.ts';
import { hasSha1, isWebSocketKey } from '../protocol/handshake.ts';
import type { AdmissionRequest, Examination, Forwarded } from './examination.ts';
import { fieldName, hasToken, headerList, headerValue, headerValues, isHeaderDoubled } from './headers.ts';
import { isAddressList, type ResolvedClient, readableHeaders, resolveClient } from './proxy.ts';
import { shownOffers } from './resumption.ts';
import { chooseSubprotocol } from './subprotocol.ts';

/** One row of the table. */
export interface Check {
  readonly name: string;
  /** Writes what it finds into the examination. @throws HandshakeError for a request that does not pass */
  readonly run: (at: Examination) => void;
  /** Describes what the check looks at. */
  readonly input: (at: Examination) => string;
  /** Describes what was found in a request that has passed. */
  readonly finding: (at: Examination) => string;
  /** Returns what may help a request that has not passed; the empty string: nothing. */
  readonly hint?: (at: Examination) => string;
}

/** Twice the fields that Node reads where `server.maxHeadersCount` is not set: it counts names and values. */
const NODE_MAX_HEADER_PAIRS = 2_000;

/** Header fields that may not be there twice, because nobody could say which one counts. */
const SINGLE_VALUED: readonly string[] = [
  'host',
  'origin',
  'sec-websocket-key',
  'sec-websocket-version',
  'x-real-ip',
  'cf-connecting-ip',
  'true-client-ip',
];

/** Returns these fields, and the configured one for the client's address, unless that is a list. */
function singleValued({ rules }: Examination): readonly string[] {
  const { header } = rules.proxy;
  return isAddressList(header) || SINGLE_VALUED.includes(header) ? SINGLE_VALUED : [...SINGLE_VALUED, header];
}

/** A 426 names the versions that are possible (RFC 6455 section 4.4) and the protocol (RFC 9110 section 15.5.22). */
const UPGRADE_REQUIRED = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' } as const;

const sha1IsAvailable = hasSha1();

/** The table. */
export const CHECKS: readonly Check[] = [
  {
    name: 'header count',
    run: ({ request, peer }) => {
      const limit = peer.maxHeadersCount == null ? NODE_MAX_HEADER_PAIRS : peer.maxHeadersCount * 2;
      // Node drops the fields beyond its limit without an error, perhaps the very one that names the client.
      if (limit > 0 && request.rawHeaders.length >= limit)
        refuse(431, 'WebSocket: Received HTTP request with more headers than are read');
    },
    input: ({ request }) => `${request.rawHeaders.length / 2} fields`,
    finding: () => 'all of them were read',
  },
  {
    name: 'doubled headers',
    run: (at) => {
      for (const name of singleValued(at)) {
        if (isHeaderDoubled(at.request.rawHeaders, name))
          refuse(400, `WebSocket: Received HTTP request that sent the ${fieldName(name)} header twice`);
      }
    },
    input: (at) => singleValued(at).map(fieldName).join(', '),
    finding: () => 'none of them appears twice',
  },
  {
    name: 'method',
    run: ({ request }) => {
      // RFC 8441 section 4: over HTTP/2 a WebSocket begins with an extended CONNECT, which has a ":protocol".
      const isExtendedConnect = isHttp2(request) && request.method === 'CONNECT' && protocolOf(request) !== undefined;
      if (request.method !== 'GET' && !isExtendedConnect)
        refuse(405, 'WebSocket: Received HTTP request whose method is not GET', { Allow: 'GET' });
    },
    input: ({ request }) => request.method ?? '',
    finding: ({ request }) => (isHttp2(request) ? `${request.method}, over HTTP/2` : 'GET, as RFC 6455 demands'),
  },
  {
    name: 'HTTP version',
    run: ({ request }) => {
      // 4.2.1 (1): "An HTTP/1.1 or higher GET request".
      if (request.httpVersion !== '1.1' && !isHttp2(request))
        refuse(505, 'WebSocket: Received HTTP request whose version is not HTTP/1.1');
    },
    input: ({ request }) => request.httpVersion,
    finding: ({ request }) => `HTTP/${request.httpVersion}`,
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
    hint: ({ request }) =>
      headerValue(request.rawHeaders, 'origin') === undefined
        ? 'programs that are not web pages send none: allowMissingOrigin lets them in'
        : '',
  },
  {
    name: 'proxy',
    run: (at) => {
      at.resolved =
        at.peer.forwarded === undefined
          ? resolveClient(at.request.rawHeaders, at.peerAddress, at.rules.proxy)
          : fromProxyProtocol(at.peer.forwarded);
    },
    input: ({ request, peerAddress, rules }) => {
      const fields = readableHeaders(rules.proxy.header).flatMap((name) =>
        headerValues(request.rawHeaders, name).map((value) => `${fieldName(name)}: ${value}`),
      );
      return [`peer ${peerAddress}`, ...fields].join('; ');
    },
    finding: ({ resolved, peerAddress, rules }) => {
      if (resolved !== null) return `the client is ${resolved.address}: ${resolved.provenance}`;
      return `the client is the peer, ${peerAddress}: ${rules.proxy.trusted === null ? 'no proxyRanges are set' : 'it is in none of proxyRanges'}`;
    },
    hint: ({ rules, peerAddress }) =>
      rules.proxy.trusted?.(peerAddress) == null
        ? `the peer, ${peerAddress}, is in none of proxyRanges: directClients="accept" lets it in under its own address`
        : `proxyHeader is ${rules.proxy.header}`,
  },
  {
    name: 'subprotocol',
    run: (at) => {
      const chosen = chooseSubprotocol(headerList(at.request.rawHeaders, 'sec-websocket-protocol'), at.rules);
      if (chosen === 'text forbidden') {
        refuse(
          400,
          'WebSocket: Received HTTP request that requested a text protocol which is not compatible with the server character set',
        );
      }
      if (chosen === null) {
        const { defaultMode } = at.rules;
        // InspIRCd uses these words also for a client that sent the field with unknown names.
        if (defaultMode === 'reject')
          refuse(400, 'WebSocket: Received HTTP request that did not send the Sec-WebSocket-Protocol header');
        at.mode = defaultMode as Exclude<typeof defaultMode, 'reject'>;
        return;
      }
      at.mode = chosen.mode;
      at.subprotocol = chosen.name;
      at.resume = chosen.resume;
    },
    input: ({ request }) => shownOffers(headerList(request.rawHeaders, 'sec-websocket-protocol')) || '(none)',
    finding: ({ subprotocol, mode }) =>
      subprotocol === null ? `none is known: defaultMode, ${mode}` : `${subprotocol}, ${mode}`,
  },
  {
    name: 'key',
    run: (at) => {
      const { request } = at;
      // RFC 8441 section 5: there is no key, and ":protocol" names the protocol of the stream.
      if (isHttp2(request)) {
        if (request.method === 'CONNECT' && protocolOf(request)?.toLowerCase() === 'websocket') return;
        refuse(501, 'WebSocket: Received HTTP request which is not a websocket upgrade');
      }
      at.key = headerValue(request.rawHeaders, 'sec-websocket-key') ?? '';
      if (at.key === '') refuse(501, 'WebSocket: Received HTTP request which is not a websocket upgrade');
    },
    input: ({ request }) => headerValue(request.rawHeaders, isHttp2(request) ? ':protocol' : 'sec-websocket-key') ?? '(none)',
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
    run: ({ request }) => {
      const { rawHeaders } = request;
      // 4.2.1 (3) and (4): "an |Upgrade| header field containing the value "websocket"", "a |Connection| header field that
      // includes the token "Upgrade"".
      const asksForUpgrade = hasToken(rawHeaders, 'upgrade', 'websocket') && hasToken(rawHeaders, 'connection', 'upgrade');
      if (!asksForUpgrade && !isHttp2(request)) {
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
    run: ({ request, key }) => {
      const { rawHeaders } = request;
      // 4.2.1 (5): "a base64-encoded … value that, when decoded, is 16 bytes in length".
      if (!isHttp2(request) && !isWebSocketKey(key))
        refuse(400, 'WebSocket: Received HTTP request whose Sec-WebSocket-Key is not 16 bytes of base64');
      // 4.2.1 (2)
      if (hostOf(request) === '') refuse(400, 'WebSocket: Received HTTP request that did not send the Host header');
      // The bytes of a body would be read as frames.
      const length = headerValue(rawHeaders, 'content-length');
      if ((length !== undefined && !/^0+$/.test(length)) || headerValue(rawHeaders, 'transfer-encoding') !== undefined) {
        refuse(400, 'WebSocket: Received HTTP request which has a body');
      }
    },
    input: ({ request }) => `key, Host: ${hostOf(request) || '(none)'}, body`,
    finding: () => 'a key of 16 bytes, a Host, no body',
  },
];

/** Returns the host that the request is for: of an HTTP/2 request `:authority`, RFC 9113 section 8.3.1. */
export function hostOf(request: AdmissionRequest): string {
  const { rawHeaders } = request;
  return (isHttp2(request) ? headerValue(rawHeaders, ':authority') : undefined) ?? headerValue(rawHeaders, 'host') ?? '';
}

function protocolOf({ rawHeaders }: AdmissionRequest): string | undefined {
  return headerValue(rawHeaders, ':protocol');
}

function isHttp2({ httpVersion }: AdmissionRequest): boolean {
  return httpVersion === '2.0';
}

function fromProxyProtocol({ address, port, secure, via, provenance }: Forwarded): ResolvedClient {
  return { address, port, via, provenance, secure };
}

function refuse(status: number, reason: string, headers?: Readonly<Record<string, string>>): never {
  throw new HandshakeError(status, reason, headers);
}
