/**
 * Header fields against peers: 27 requests, six `proxyHeader`s, seven peers, with and without `proxyRanges`, `directClients` both
 * ways. The cells are what a trusted peer's request comes to; the rest follows from two sentences of the contract, at {@link
 * expected}.
 */
import { describe, expect, test } from 'vitest';
import { admit } from '../../src/admission/admission.ts';
import type { ProxyHeader } from '../../src/admission/proxy.ts';
import { compileConfig } from '../../src/config/config.ts';
import type { HandshakeError } from '../../src/errors.ts';

const MISSING = 'WebSocket: Received a proxied HTTP request that did not send a real IP address header';
const MALFORMED = 'WebSocket: Received a proxied HTTP request that sent a malformed real IP address';

const HEADERS: readonly ProxyHeader[] = [
  'auto',
  'x-real-ip',
  'x-forwarded-for',
  'forwarded',
  'cf-connecting-ip',
  'true-client-ip',
];

const RANGES = ['10.0.0.0/8', '2001:db8:ffff::/48', 'unix'];

/** As the socket has it, and as the facts have it. */
const TRUSTED: readonly (readonly [string | undefined, string])[] = [
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:ffff::1', '2001:db8:ffff::1'],
  [undefined, 'unix'],
];
const STRANGERS: typeof TRUSTED = [
  ['192.0.2.50', '192.0.2.50'],
  ['::ffff:192.0.2.50', '192.0.2.50'],
  ['2001:db8::50', '2001:db8::50'],
];

const C = '203.0.113.9';
const S = '198.51.100.66';
const V6 = '2001:db8::9';
/** No field that tells an address. */
const M = MISSING;
/** A field that tells none that can be read. */
const B = MALFORMED;

/** What was sent, and what it comes to from a trusted peer, by `proxyHeader`: in the order of {@link HEADERS}. */
const TABLE: [what: string, fields: string[][], cells: [string, string, string, string, string, string]][] = [
  ['P6 nothing', [], [M, M, M, M, M, M]],
  ['X-Real-IP', [['X-Real-IP', C]], [C, C, M, M, M, M]],
  ['H1 lower case', [['x-real-ip', C]], [C, C, M, M, M, M]],
  ['another name', [['X_Real_IP', C]], [M, M, M, M, M, M]],
  ['X-Forwarded-For', [['X-Forwarded-For', C]], [C, M, C, M, M, M]],
  ['Forwarded', [['Forwarded', `for=${C}`]], [M, M, M, C, M, M]],
  ['CF-Connecting-IP', [['CF-Connecting-IP', C]], [M, M, M, M, C, M]],
  ['True-Client-IP', [['True-Client-IP', C]], [M, M, M, M, M, C]],
  [
    'P17 all of them, each with another address',
    [
      ['X-Real-IP', '203.0.113.1'],
      ['X-Forwarded-For', '203.0.113.2'],
      ['Forwarded', 'for=203.0.113.3'],
      ['CF-Connecting-IP', '203.0.113.4'],
      ['True-Client-IP', '203.0.113.5'],
    ],
    ['203.0.113.1', '203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5'],
  ],
  [
    'P5 the two disagree',
    [
      ['X-Forwarded-For', C],
      ['X-Real-IP', S],
    ],
    [S, S, C, M, M, M],
  ],
  [
    'P5 a malformed X-Real-IP is not made good by the other',
    [
      ['X-Real-IP', 'unknown'],
      ['X-Forwarded-For', C],
    ],
    [B, B, C, M, M, M],
  ],
  [
    'P16 an empty X-Real-IP is none',
    [
      ['X-Real-IP', ''],
      ['X-Forwarded-For', C],
    ],
    [C, M, C, M, M, M],
  ],
  ['P6 an empty X-Forwarded-For', [['X-Forwarded-For', '']], [M, M, M, M, M, M]],
  ['P3 a spoofed first hop', [['X-Forwarded-For', `${S}, ${C}`]], [C, M, C, M, M, M]],
  ['P3 and a proxy behind', [['X-Forwarded-For', `${S}, ${C}, 10.0.0.7`]], [C, M, C, M, M, M]],
  ['P3 and two of both families', [['X-Forwarded-For', `${S},${V6} ,2001:db8:ffff::7,10.0.0.7`]], [V6, M, V6, M, M, M]],
  ['P4 all hops trusted', [['X-Forwarded-For', '10.0.0.8, 10.0.0.7']], ['10.0.0.8', M, '10.0.0.8', M, M, M]],
  [
    'P5 P17 two lines',
    [
      ['X-Forwarded-For', S],
      ['X-Forwarded-For', C],
    ],
    [C, M, C, M, M, M],
  ],
  ['P4 the last hop cannot be read', [['X-Forwarded-For', `${C}, unknown`]], [B, M, B, M, M, M]],
  ['left of the client nothing is read', [['X-Forwarded-For', `unknown, ${C}`]], [C, M, C, M, M, M]],
  ['P8 mapped IPv4', [['X-Real-IP', `::ffff:${C}`]], [C, C, M, M, M, M]],
  ['P9 a port', [['X-Real-IP', `${C}:4711`]], [B, B, M, M, M, M]],
  ['P16 the wildcard', [['X-Real-IP', '*']], [B, B, M, M, M, M]],
  ['N16 nobody is a Unix domain socket by saying so', [['X-Real-IP', 'unix']], [B, B, M, M, M, M]],
  ['Forwarded with a port, over a proxy', [['Forwarded', `for="[${V6}]:4711", for=10.0.0.7`]], [M, M, M, V6, M, M]],
  ['P9 Forwarded with a hidden address', [['Forwarded', `for=${C}, for=_hidden`]], [M, M, M, B, M, M]],
  ['P16 the unspecified address', [['CF-Connecting-IP', '::']], [M, M, M, M, B, M]],
];

const OTHER_FIELDS = [
  ['Host', 'irc.example.com'],
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Origin', 'https://chat.example.com'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['Sec-WebSocket-Version', '13'],
  ['X-Forwarded-Proto', 'https'],
];

interface Outcome {
  /** The client's address, or why it is refused. */
  readonly client: string;
  readonly secure: boolean;
}

function outcome(
  fields: readonly string[][],
  address: string | undefined,
  config: { proxyHeader: ProxyHeader; proxyRanges?: readonly string[]; directClients?: 'reject' | 'accept' },
): Outcome {
  const { rules } = compileConfig({ origins: ['https://chat.example.com'], ...config });
  const request = { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders: [...OTHER_FIELDS, ...fields].flat() };
  try {
    const { facts } = admit(request, { address, port: 4711, encrypted: false }, rules);
    return { client: facts.client.address, secure: facts.secure };
  } catch (error) {
    expect((error as HandshakeError).status).toBe(400);
    return { client: (error as HandshakeError).reason, secure: false };
  }
}

const isRefusal = (cell: string): boolean => cell === M || cell === B;

/**
 * "From a peer outside the ranges a well-formed header is required (`directClients: 'reject'`) and then ignored"; with `accept`,
 * "headers unread".
 */
function expected(cell: string, own: string, directClients: 'reject' | 'accept'): Outcome {
  return { client: directClients === 'reject' && isRefusal(cell) ? cell : own, secure: false };
}

describe.each(TABLE)('%s', (_what, fields, cells) => {
  test.each(HEADERS.map((header, i) => [header, cells[i] as string] as const))('P1 P7 P8 P14 %s: %s', (proxyHeader, cell) => {
    // X-Forwarded-Proto says https in all of them; `Forwarded` has its own word for that.
    const trusted: Outcome = { client: cell, secure: !isRefusal(cell) && proxyHeader !== 'forwarded' };
    for (const directClients of ['reject', 'accept'] as const) {
      const config = { proxyHeader, proxyRanges: RANGES, directClients };
      for (const [address, own] of TRUSTED) expect([own, outcome(fields, address, config)]).toEqual([own, trusted]);
      for (const [address, own] of STRANGERS) {
        expect([own, outcome(fields, address, config)]).toEqual([own, expected(cell, own, directClients)]);
      }
    }
    for (const [address, own] of [...TRUSTED, ...STRANGERS]) {
      expect(outcome(fields, address, { proxyHeader })).toEqual({ client: own, secure: false });
    }
  });
});
