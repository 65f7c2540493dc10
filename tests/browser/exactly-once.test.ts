/**
 * Both ends over a channel that loses its tail at any byte, and delays and reorders attempts: every line once, in order, both ways.
 *
 * `RESUME_RUNS=100000 RESUME_SEED=1 npx vitest run --config tests/vitest.config.ts --project unit tests/browser/exactly-once.test.ts` runs as many as one likes.
 */
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { ResumableWebSocket } from '../../src/browser/index.ts';
import { FakeNetwork, type Fate, THROUGH } from './fake-network.ts';
import { ModelServer, type ModelSession } from './model-server.ts';
import { FakePage } from './page.ts';

const RUNS = Number(process.env['RESUME_RUNS'] ?? 1_000);
const SEED = process.env['RESUME_SEED'] === undefined ? {} : { seed: Number(process.env['RESUME_SEED']) };

/** After this long an end has noticed, whatever was lost: the page's silence, the server's pings. */
const NOTICED = 120_000;

type Step =
  | { readonly do: 'page'; readonly lines: readonly string[] }
  | { readonly do: 'server'; readonly lines: readonly string[] }
  | { readonly do: 'wait'; readonly time: number }
  | { readonly do: 'wake'; readonly type: string }
  | {
      readonly do: 'cut';
      /** How many bytes of what is on its way still arrive. */
      readonly toPage: number;
      readonly toServer: number;
      /** When the ends learn of it. */
      readonly pageLearns: number;
      readonly serverLearns: number;
      readonly code: number;
    };

const line = fc.oneof(
  { weight: 20, arbitrary: fc.string({ maxLength: 20, unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.constant('x'.repeat(20_000)) },
);
const lines = fc.array(line, { minLength: 1, maxLength: 6 });
const delay = fc.oneof(fc.constant(0), fc.integer({ max: 40, min: 1 }), fc.integer({ max: 15_000, min: 1 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('page' as const), lines }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('server' as const), lines }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), time: delay }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wake' as const), type: fc.constantFrom('online', 'pageshow', 'visibilitychange') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      toPage: fc.nat({ max: 200 }),
      toServer: fc.nat({ max: 200 }),
      pageLearns: fc.oneof(delay, fc.constant(NOTICED)),
      serverLearns: fc.oneof(delay, fc.constant(NOTICED)),
      code: fc.constantFrom(1006, 1006, 1012, 1013, 1014),
    }),
  },
);
const fate: fc.Arbitrary<Fate> = fc.record({
  latency: fc.integer({ min: 1, max: 300 }),
  detour: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 20_000 }) }),
  outcome: fc.oneof(
    { weight: 4, arbitrary: fc.constant('through' as const) },
    { weight: 1, arbitrary: fc.constantFrom('unreachable' as const, 'unanswered' as const, 'refused' as const) },
  ),
});
const scenario = fc.record({
  steps: fc.array(step, { maxLength: 30, size: 'max' }),
  /** Of the attempts to resume; the first connection goes through. */
  fates: fc.array(fate, { maxLength: 12 }),
  authorizing: fc.array(delay, { maxLength: 12 }),
  seed: fc.integer(),
});

let page: FakePage | undefined;
afterEach(() => page?.close());

/** One conversation, played up to its end. */
function play({ steps, fates, authorizing, seed }: typeof scenario extends fc.Arbitrary<infer T> ? T : never, window: number) {
  page = new FakePage(seed);
  try {
    const network = new FakeNetwork();
    const server = new ModelServer(window);
    let isHealed = false;
    let fateCount = -1;
    let authorizeCount = 0;
    network.onconnection = (transport) => server.accept(transport);
    network.fate = () => {
      const fate = fates[fateCount++] ?? THROUGH;
      return isHealed ? THROUGH : fate;
    };
    server.authorizing = () => (isHealed ? 0 : (authorizing[authorizeCount++] ?? 0));
    page.use(network.WebSocket);

    const sent: string[] = [];
    const received: string[] = [];
    const events: string[] = [];
    const socket = new ResumableWebSocket('ws://irc.example.com/', 'text.ircv3.net');
    for (const type of ['open', 'error', 'close', 'suspend', 'resume'])
      socket.addEventListener(type, () => void events.push(type));
    socket.addEventListener('message', ({ data }) => void received.push(data));
    vi.advanceTimersByTime(100);
    const session = server.sessions[0] as ModelSession;
    const say = (line: string): void => {
      if (socket.readyState !== ResumableWebSocket.OPEN) return;
      sent.push(line);
      socket.send(line);
    };
    for (const one of steps) {
      if (one.do === 'page') for (const text of one.lines) say(text);
      else if (one.do === 'server') for (const text of one.lines) session.state !== 'ended' && session.send(text);
      else if (one.do === 'wait') vi.advanceTimersByTime(one.time);
      else if (one.do === 'wake') page.dispatch(one.type);
      else {
        const transport = network.transports.at(-1);
        transport?.toPage.cut(one.toPage);
        transport?.toServer.cut(one.toServer);
        setTimeout(() => transport?.losePage(one.code), one.pageLearns);
        setTimeout(() => transport?.lose(), one.serverLearns);
      }
    }
    isHealed = true;
    // Whoever has not noticed learns it now, one end after the other.
    vi.advanceTimersByTime(NOTICED + 20_000);
    say('last of the page');
    if (session.state !== 'ended') session.send('last of the server');
    vi.advanceTimersByTime(NOTICED);
    return { sent, received, events, session, socket, server, network };
  } finally {
    page.close();
    page = undefined;
  }
}

test(`every line once, in order, both ways (${RUNS} conversations)`, { timeout: 20_000 + RUNS * 20 }, () => {
  const seen = { resumed: 0, attempts: 0, lines: 0 };
  fc.assert(
    fc.property(scenario, (conversation) => {
      const { sent, received, events, session, socket, server, network } = play(conversation, 3_600_000);
      expect(session.lines).toEqual(sent);
      expect(received).toEqual(session.sent);
      expect(server.sessions).toHaveLength(1);
      expect([session.state, socket.readyState]).toEqual(['attached', 1]);
      // `suspend` and `resume` alternate.
      expect(events.join(' ')).toMatch(/^open( suspend resume)*$/);
      expect(socket.bufferedAmount).toBe(0);
      seen.resumed += events.length >> 1;
      seen.attempts += network.requests.length - 1;
      seen.lines += sent.length + received.length;
    }),
    { numRuns: RUNS, ...SEED },
  );
  expect(seen.resumed).toBeGreaterThan(RUNS / 4);
});

test(`a window that ends: what arrived is a beginning of what was sent, and the page gets one close`, {
  timeout: 20_000 + RUNS * 20,
}, () => {
  let ended = 0;
  fc.assert(
    fc.property(scenario, (conversation) => {
      const { sent, received, events, session, socket } = play(conversation, 3_000);
      expect(sent.slice(0, session.lines.length)).toEqual(session.lines);
      expect(session.sent.slice(0, received.length)).toEqual(received);
      expect(events.join(' ')).toMatch(/^open( suspend resume)*( suspend)?( close)?$/);
      expect(socket.readyState).toBe(events.at(-1) === 'close' ? 3 : 1);
      // Neither end stays behind alone for ever.
      expect(session.state).toBe(events.at(-1) === 'close' ? 'ended' : 'attached');
      if (events.at(-1) === 'close') ended++;
      else expect(session.lines).toEqual(sent);
    }),
    { numRuns: RUNS, ...SEED },
  );
  expect(ended).toBeGreaterThan(RUNS / 20);
});
