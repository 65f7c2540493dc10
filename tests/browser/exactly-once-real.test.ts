/**
 * The conversations of exactly-once.test.ts, against the real server's half.
 *
 * `RESUME_RUNS=10000 npx vitest run --config tests/vitest.config.ts --project unit tests/browser/exactly-once-real.test.ts`
 */
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { ResumableWebSocket } from '../../src/browser/index.ts';
import type { IrcClient } from '../../src/index.ts';
import { FakeNetwork, THROUGH } from './fake-network.ts';
import { FakePage } from './page.ts';
import { RealServer } from './real-server.ts';
import { NOTICED, type Scenario, scenario } from './scenario.ts';

const RUNS = Number(process.env['RESUME_RUNS'] ?? 60);
const SEED = process.env['RESUME_SEED'] === undefined ? {} : { seed: Number(process.env['RESUME_SEED']) };

/** Turns of the event loop in which whatever the streams and Node's HTTP parser have to do is done. */
const TURNS = 6;

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets faked time pass, and real turns for each faked timer. */
async function pass(time: number): Promise<void> {
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, time);
  while (!isOver) {
    vi.advanceTimersToNextTimer();
    await settle();
  }
}

let page: FakePage | undefined;
afterEach(() => page?.close());

async function play({ steps, fates, authorizing, seed }: Scenario, window: number) {
  page = new FakePage(seed, ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance']);
  try {
    const network = new FakeNetwork();
    const server = new RealServer(window);
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
    const written: string[] = [];
    const events: string[] = [];
    const socket = new ResumableWebSocket('ws://irc.example.com/', 'text.ircv3.net');
    for (const type of ['open', 'error', 'close', 'suspend', 'resume'])
      socket.addEventListener(type, () => void events.push(type));
    socket.addEventListener('message', ({ data }) => void received.push(data));
    await pass(100);
    const client = server.clients[0] as IrcClient;
    // IRC has no empty lines and none within a line.
    const say = (text: string): void => {
      if (socket.readyState !== ResumableWebSocket.OPEN) return;
      sent.push(`${sent.length} ${text}`);
      socket.send(`${sent.length - 1} ${text}`);
    };
    const write = (text: string): void => {
      if (client.closeStatus !== null) return;
      written.push(`${written.length} ${text}`);
      client.writeLine(`${written.length - 1} ${text}`);
    };
    for (const one of steps) {
      if (one.do === 'page') for (const text of one.lines) say(text.slice(0, 8_000));
      else if (one.do === 'server') for (const text of one.lines) write(text);
      else if (one.do === 'wait') await pass(one.time);
      else if (one.do === 'wake') page.dispatch(one.type);
      else {
        const transport = network.transports.at(-1);
        transport?.toPage.cut(one.toPage);
        transport?.toServer.cut(one.toServer);
        setTimeout(() => transport?.losePage(one.code), one.pageLearns);
        setTimeout(() => transport?.lose(), one.serverLearns);
      }
      await settle();
    }
    isHealed = true;
    await pass(NOTICED + 20_000);
    say('last of the page');
    write('last of the server');
    await pass(NOTICED);
    const result = {
      sent,
      received,
      written,
      events: [...events],
      lines: [...server.lines],
      status: client.closeStatus,
      socket,
      server,
    };
    socket.close();
    await pass(100);
    const closing = server.hook.close();
    await pass(10_000);
    await closing;
    return { ...result, requests: network.requests.length };
  } finally {
    page.close();
    page = undefined;
  }
}

test(`every line once, in order, both ways (${RUNS} conversations)`, { timeout: 300_000 + RUNS * 1_000 }, async () => {
  let resumed = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async (conversation) => {
      const { sent, received, written, events, lines, status, server } = await play(conversation, 3_600_000);
      expect(lines).toEqual(sent);
      expect(received).toEqual(written);
      expect([server.clients.length, status]).toEqual([1, null]);
      expect(events.join(' ')).toMatch(/^open( suspend resume)*$/);
      resumed += server.events.filter((event) => event === 'resume').length;
    }),
    { numRuns: RUNS, ...SEED },
  );
  expect(resumed).toBeGreaterThan(RUNS / 4);
});

test('a window that ends: what arrived is a beginning of what was sent, and each end hears one close', {
  timeout: 300_000 + RUNS * 1_000,
}, async () => {
  let ended = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async (conversation) => {
      const { sent, received, written, events, lines, status, server } = await play(conversation, 3_000);
      expect(sent.slice(0, lines.length)).toEqual(lines);
      expect(written.slice(0, received.length)).toEqual(received);
      expect(events.join(' ')).toMatch(/^open( suspend resume)*( suspend)?( close)?$/);
      // Neither end stays behind alone for ever.
      expect(status === null).toBe(events.at(-1) !== 'close');
      expect(server.events.filter((event) => event.startsWith('close')).length).toBe(1);
      if (events.at(-1) === 'close') ended++;
      else expect(lines).toEqual(sent);
    }),
    { numRuns: RUNS, ...SEED },
  );
  expect(ended).toBeGreaterThan(RUNS / 20);
});
