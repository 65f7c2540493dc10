/**
 * What may happen in a client's life, one thing at a time, as values of fast-check: small, printable, and easy to make smaller.
 */
import fc from 'fast-check';

/** What the server, the peer or the operator does next. */
export type Step = { readonly who: number; readonly then: Pace } & Act;

/** How much time passes before the next step. */
export type Pace = 'at once' | 'a microtask' | 'a turn' | '3 ms';

export type Act =
  | { readonly do: (typeof SERVER_ACTS)[number] | (typeof PEER_ACTS)[number] | (typeof OPERATOR_ACTS)[number] }
  | { readonly do: 'write lines' | 'say lines'; readonly count: number }
  | { readonly do: 'throw'; readonly where: Place }
  | { readonly do: "act in 'end'"; readonly act: (typeof LAST_ACTS)[number] }
  | { readonly do: 'act in a line'; readonly act: (typeof LINE_ACTS)[number] }
  | { readonly do: 'say a mutated frame'; readonly bit: number; readonly length: number }
  | { readonly do: 'say a line in two parts'; readonly cut: number }
  | { readonly do: 'lose the transport'; readonly how: (typeof LOSSES)[number] }
  | { readonly do: 'come back'; readonly how: (typeof RETURNS)[number]; readonly turns: number }
  | { readonly do: 'claim in vain'; readonly how: (typeof VAIN_CLAIMS)[number] };

/** How a peer that can come back loses its transport; in silence, the server does not learn of it. */
export const LOSSES = ['RST', 'FIN', 'FIN within a frame', 'silence', '1012', '1013', '1014', '4902'] as const;

/**
 * How it comes back. `answer lost`: it resets the new transport after some turns, and does not read it. `ack lost`: it reads
 * what comes, and does not acknowledge. `twice`: two attempts are under way, and it gives the first one up.
 */
export const RETURNS = ['well', 'well', 'well', 'answer lost', 'ack lost', 'twice'] as const;

/** Claims that must be refused, and change nothing; but one from another origin ends the session. */
export const VAIN_CLAIMS = [
  'an old attempt',
  'a dead token',
  'a forged token',
  'an unknown session',
  'more than was sent',
  'less than was acknowledged',
  'malformed',
  'two claims',
  'another origin',
] as const;

/** Where a listener of the server throws, once. */
export const PLACES = ['line', 'data', 'drain', 'end', 'close', 'pong', 'written', 'timeout', 'readable'] as const;
export type Place = (typeof PLACES)[number];

/** What ends a client, as its server does it. */
export const LAST_ACTS = [
  'end',
  'end with a line',
  'destroy',
  'destroySoon',
  'resetAndDestroy',
  'closeWebSocket',
  'write',
] as const;

/** What a server does while it takes a line, with more lines behind it in the same chunk. */
export const LINE_ACTS = [...LAST_ACTS, 'pause', 'pause, and resume soon', 'go back to data', 'read lines'] as const;

const SERVER_ACTS = [
  'write a line',
  'write a line with a callback',
  'write half a line',
  'write a Buffer',
  'write much',
  'write a thousand lines',
  'writeLine',
  'writeLine of two lines',
  'broadcast',
  'cork',
  'uncork',
  'pause',
  'resume',
  'onLine',
  'onLine latin1',
  'onLine buffer',
  'onLine null',
  "listen for 'data'",
  "stop listening for 'data'",
  "listen for 'readable'",
  'setEncoding',
  'ping',
  'setTimeout',
  'setTimeout off',
  'look',
  'destroy with an error',
  'write after end',
  'closeWebSocket twice',
  ...LAST_ACTS,
] as const;

const PEER_ACTS = [
  'say a line',
  'say a fragmented line',
  'say two lines in a message',
  'say an empty line',
  'say ping',
  'say pong',
  'stop reading',
  'read on',
  'be impolite',
  'say garbage',
  'say what is not UTF-8',
  'say too much',
  'send Close',
  'send Close and FIN',
  'send FIN',
  'reset',
  'acknowledge',
  'ask for an acknowledgement',
  'acknowledge less',
  'acknowledge more',
  'say what is no control message',
] as const;

const OPERATOR_ACTS = [
  'connect',
  'connect with lines behind the request',
  'connect, to come back',
  'rehash',
  'close the hook',
  'close the hook slowly',
  'stats',
] as const;

const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...SERVER_ACTS).map((name) => ({ do: name })) },
  { weight: 20, arbitrary: fc.constantFrom(...PEER_ACTS).map((name) => ({ do: name })) },
  { weight: 4, arbitrary: fc.constantFrom(...OPERATOR_ACTS).map((name) => ({ do: name })) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('write lines' as const, 'say lines' as const),
      count: fc.integer({ min: 2, max: 6 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('throw' as const), where: fc.constantFrom(...PLACES) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("act in 'end'" as const), act: fc.constantFrom(...LAST_ACTS) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('act in a line' as const), act: fc.constantFrom(...LINE_ACTS) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('say a mutated frame' as const),
      bit: fc.integer({ min: 0, max: 63 }),
      length: fc.constantFrom(0, 1, 125, 126, 127, 700),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('say a line in two parts' as const), cut: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('lose the transport' as const), how: fc.constantFrom(...LOSSES) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('come back' as const),
      how: fc.constantFrom(...RETURNS),
      turns: fc.integer({ min: 0, max: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('claim in vain' as const), how: fc.constantFrom(...VAIN_CLAIMS) }) },
);

const step: fc.Arbitrary<Step> = fc
  .tuple(fc.nat({ max: 2 }), fc.constantFrom<Pace>('at once', 'at once', 'a microtask', 'a turn', 'a turn', '3 ms'), acts)
  .map(([who, then, act]) => ({ who, then, ...act }));

/** One life, or a few side by side. */
export interface Script {
  readonly door: 'tcp' | 'tls' | 'unix';
  /** What the server has of each client. */
  readonly face: 'socket' | 'lines' | 'lines, then a socket';
  readonly defaultMode: 'text' | 'binary' | 'auto';
  readonly hasPings: boolean;
  /** `not again`: the client is banned when it comes back. */
  readonly authorize: 'none' | 'at once' | 'later' | 'no' | 'not again';
  /** Whether the first client can come back. */
  readonly comesBack: boolean;
  /** Milliseconds that a client lives without a transport. */
  readonly window: 30 | 60_000;
  /** How whoever is left then leaves. */
  readonly last: 'the peers send Close' | 'the peers send FIN' | 'the server ends' | 'the hook closes';
  readonly steps: readonly Step[];
}

export const scripts = (doors: readonly Script['door'][], maxLength = 40): fc.Arbitrary<Script> =>
  fc.record({
    door: fc.constantFrom(...doors),
    face: fc.constantFrom('socket', 'socket', 'lines', 'lines, then a socket'),
    defaultMode: fc.constantFrom('text', 'text', 'binary', 'auto'),
    hasPings: fc.constantFrom(false, false, false, true),
    authorize: fc.constantFrom('none', 'none', 'none', 'at once', 'later', 'later', 'no', 'not again'),
    comesBack: fc.boolean(),
    window: fc.constantFrom(60_000, 60_000, 60_000, 30),
    last: fc.constantFrom('the peers send Close', 'the peers send FIN', 'the server ends', 'the hook closes'),
    steps: fc.array(step, { minLength: 1, maxLength, size: 'max' }),
  });
