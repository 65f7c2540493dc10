/**
 * Both ends over a channel that loses its tail at any byte, and delays and reorders attempts: every line once, in order, both
 * ways.
 *
 * `RESUME_RUNS=100000 RESUME_SEED=1 npx vitest run --config tests/vitest.config.ts --project unit
 * tests/browser/exactly-once.test.ts` runs as many as one likes.
 */
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { ResumableWebSocket } from '../../src/browser/index.ts';
import { FakeNetwork, THROUGH } from './fake-network.ts';
import { ModelServer, type ModelSession } from './model-server.ts';
import { FakePage } from './page.ts';
import { NOTICED, type Scenario, scenario } from './scenario.ts';

const RUNS = Number(process.env['RESUME_RUNS'] ?? 1_000);
const SEED = process.env['RESUME_SEED'] === undefined ? {} : { seed: Number(process.env['RESUME_SEED']) };

let page: FakePage | undefined;
afterEach(() => page?.close());

/** One conversation, played up to its end. */
function play({ steps, fates, authorizing, seed }: Scenario, window: number) {
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

test(`every line once, in order, both ways (${RUNS} conversations)`, { timeout: 300_000 + RUNS * 20 }, () => {
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
  timeout: 300_000 + RUNS * 20,
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
