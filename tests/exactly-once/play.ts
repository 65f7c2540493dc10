/**
 * Plays one conversation of both ends to its end.
 *
 * In: a scenario, and a server's end: the real one or the model. Out: what each end said and got. It does not judge.
 */
import { ResumableWebSocket } from '../../src/browser/index.ts';
import { FakeNetwork, type FakeTransport, THROUGH } from '../browser/fake-network.ts';
import { FakePage } from '../browser/page.ts';
import { FakeClock } from './clock.ts';
import { NOTICED, type Scenario } from './scenario.ts';

/** The server's half, with the IRC server that has the client. */
export interface ServerEnd {
  /** Takes a connection of the network. */
  accept(transport: FakeTransport): void;
  /** How long the checks of the next resumption take. */
  authorizing: () => number;
  /** Makes a line of any text that this end can carry. */
  lineOf(text: string, count: number): string;
  write(line: string): void;
  /** Whether the client is in no more. */
  readonly isOver: boolean;
  /** What the page sent. */
  readonly lines: readonly string[];
  /** How many clients there were. */
  readonly clientCount: number;
  /** How often a client came back. */
  readonly resumedCount: number;
  /** How often the IRC server heard that a client is gone, once everything is shut down. */
  readonly closeCount: number;
  /** Whether it has streams and parsers, which go on in turns of the event loop. */
  readonly hasTurns: boolean;
  /** Shuts the server down. */
  stop(): void;
}

/** What came of a conversation, after both ends have had the time to notice whatever was lost. */
export interface Outcome {
  readonly sent: readonly string[];
  readonly received: readonly string[];
  readonly written: readonly string[];
  readonly lines: readonly string[];
  /** The page's events, but for messages. */
  readonly events: readonly string[];
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly isOver: boolean;
  readonly clientCount: number;
  readonly resumedCount: number;
  /** How many connections the page tried to make. */
  readonly requestCount: number;
  /** What the server heard in the end, when the page had left and the server was shut down. */
  readonly closeCount: number;
}

export async function play(
  { steps, fates, authorizing, seed }: Scenario,
  makeServer: (window: number) => ServerEnd,
  window: number,
): Promise<Outcome> {
  const clock = new FakeClock();
  const page = new FakePage(clock, seed);
  try {
    const network = new FakeNetwork();
    const server = makeServer(window);
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

    const turn = (): Promise<void> | null => (server.hasTurns ? clock.turn() : null);
    const pass = async (time: number): Promise<void> => {
      const until = clock.now + time;
      while (clock.step(until)) await turn();
    };
    const sent: string[] = [];
    const received: string[] = [];
    const written: string[] = [];
    const events: string[] = [];
    const socket = new ResumableWebSocket('ws://irc.example.com/', 'text.ircv3.net');
    for (const type of ['open', 'error', 'close', 'suspend', 'resume'])
      socket.addEventListener(type, () => void events.push(type));
    socket.addEventListener('message', ({ data }) => void received.push(data));
    const say = (text: string): void => {
      if (socket.readyState !== ResumableWebSocket.OPEN) return;
      const line = server.lineOf(text, sent.length);
      sent.push(line);
      socket.send(line);
    };
    const write = (text: string): void => {
      if (server.isOver) return;
      const line = server.lineOf(text, written.length);
      written.push(line);
      server.write(line);
    };

    await pass(100);
    for (const one of steps) {
      if (one.do === 'page') for (const text of one.lines) say(text);
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
      await turn();
    }
    isHealed = true;
    // Whoever has not noticed learns it now, one end after the other.
    await pass(NOTICED + 20_000);
    say('last of the page');
    write('last of the server');
    await turn();
    await pass(NOTICED);
    const { clientCount, resumedCount, isOver } = server;
    const { readyState, bufferedAmount } = socket;
    const lines = [...server.lines];
    const counts = { clientCount, resumedCount, requestCount: network.requests.length };
    const before = { sent, received: [...received], written, lines, events: [...events], readyState, bufferedAmount, isOver };
    socket.close();
    await pass(100);
    server.stop();
    await pass(10_000);
    return { ...before, ...counts, closeCount: server.closeCount };
  } finally {
    page.close();
  }
}
