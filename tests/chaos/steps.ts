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
  | { readonly do: 'say a line in two parts'; readonly cut: number };

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
] as const;

const OPERATOR_ACTS = [
  'connect',
  'connect with lines behind the request',
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
  readonly authorize: 'none' | 'at once' | 'later' | 'no';
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
    authorize: fc.constantFrom('none', 'none', 'at once', 'later', 'no'),
    last: fc.constantFrom('the peers send Close', 'the peers send FIN', 'the server ends', 'the hook closes'),
    steps: fc.array(step, { minLength: 1, maxLength, size: 'max' }),
  });
