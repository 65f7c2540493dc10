/** A page, its network and a server that resumes, for tests of one end's states. */
import { vi } from 'vitest';
import { ResumableWebSocket } from '../../src/browser/index.ts';
import { FakeNetwork, type FakeTransport } from './fake-network.ts';
import { ModelServer, type ModelSession } from './model-server.ts';
import { FakePage } from './page.ts';

export const RESUME = 'v1.resume.ircd-websocket';

export class Conversation {
  readonly page = new FakePage({
    begin: () => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }),
    end: () => void vi.useRealTimers(),
  });
  readonly network = new FakeNetwork();
  readonly server: ModelServer;
  /** Every event of the sockets made here, in order: `close` with its code, `message` with its data. */
  readonly events: string[] = [];

  constructor(window = 60_000) {
    this.server = new ModelServer(window);
    this.network.onconnection = (transport) => this.server.accept(transport);
    this.page.use(this.network.WebSocket);
  }

  /** Makes a socket, and does not wait. */
  connect(protocols?: string | string[], url = 'ws://irc.example.com/'): ResumableWebSocket {
    const socket = new ResumableWebSocket(url, protocols);
    for (const type of ['open', 'error', 'suspend', 'resume']) socket.addEventListener(type, () => void this.events.push(type));
    socket.addEventListener('message', ({ data }) => void this.events.push(`message ${data}`));
    socket.addEventListener('close', ({ code, wasClean }) => void this.events.push(`close ${code}${wasClean ? ' clean' : ''}`));
    return socket;
  }

  /** Makes a socket whose session has begun. */
  open(url?: string): ResumableWebSocket {
    const socket = this.connect('text.ircv3.net', url);
    vi.advanceTimersByTime(100);
    this.events.splice(0);
    return socket;
  }

  get session(): ModelSession {
    return this.server.sessions.at(-1) as ModelSession;
  }

  get transport(): FakeTransport {
    return this.network.transports.at(-1) as FakeTransport;
  }

  /** Nothing passes any more, and nobody is told. */
  goSilent(): void {
    this.transport.toPage.cut(0);
    this.transport.toServer.cut(0);
  }

  /** Both ends lose the transport, at once. */
  lose(code?: number): void {
    const { transport } = this;
    this.goSilent();
    transport.lose();
    transport.losePage(code);
  }

  /** The network is away: connections are refused. */
  goOffline(): void {
    this.network.fate = () => ({ latency: 20, detour: 0, outcome: 'refused' });
  }

  goOnline(): void {
    this.network.fate = () => ({ latency: 20, detour: 0, outcome: 'through' });
  }

  /** Takes the events so far. */
  take(): string[] {
    return this.events.splice(0);
  }
}
