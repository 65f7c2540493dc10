/**
 * A page in Chromium with `ResumableWebSocket`, and a server that resumes in this process.
 *
 * In: where the page is to connect. Out: what the page and the server heard. Tests say what happens to the network between them.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { createWebSocketHook, type IrcClient, type WebSocketHook, type WebSocketHookOptions } from '../../src/index.ts';
import { ROOT } from './build.ts';

const FRAMEWORK = createRequire(import.meta.url).resolve('irc-framework/dist/browser/static/browser.js');

/** What pages load. `/replaced` has the class in the place of `WebSocket`, and irc-framework as it is published. */
const FILES: Readonly<Record<string, () => string>> = {
  '/': () => '<!doctype html><title>resume</title><script src="resumable-websocket.js"></script>',
  '/replaced': () =>
    `<!doctype html><title>resume</title><script src="resumable-websocket.js" data-replace></script>
    <script>globalThis.process = { env: {}, version: '', nextTick: (f, ...args) => queueMicrotask(() => f(...args)) }; // Pages that bundle it have it.</script>
    <script src="irc-framework.js"></script>`,
  '/resumable-websocket.js': () => readFileSync(join(ROOT, 'dist/browser/resumable-websocket.js'), 'utf8'),
  '/irc-framework.js': () => readFileSync(FRAMEWORK, 'utf8'),
};

/** Serves the pages; resolves to the server and the origin of its pages. */
export async function servePages(): Promise<{ server: Server; origin: string }> {
  const server = createServer((request, response) => {
    const file = FILES[request.url ?? ''];
    response.writeHead(file ? 200 : 404, { 'Content-Type': request.url?.endsWith('.js') ? 'text/javascript' : 'text/html' });
    response.end(file?.() ?? '');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

type Options = Partial<Omit<WebSocketHookOptions, 'onConnection' | 'onClient'>>;

/** A client of the {@link ResumingServer}, and what came of it. */
export interface ServedClient {
  readonly client: IrcClient;
  readonly lines: string[];
  /** `suspend`, `resume`, `close 1001`, … */
  readonly events: string[];
}

/** A server that resumes, in this process: what a test sees of it is what an IRC server would. */
export class ResumingServer {
  readonly hook: WebSocketHook<IrcClient>;
  readonly clients: ServedClient[] = [];
  readonly #server: Server;

  private constructor(options: Options) {
    this.hook = createWebSocketHook({
      origins: ['http://127.0.0.1:*', 'https://127.0.0.1:*'],
      ...options,
      onClient: (client) => this.#welcome(client),
    });
    this.#server = this.hook.createListener() as Server;
  }

  static async start(options: Options = {}): Promise<ResumingServer> {
    const started = new ResumingServer(options);
    started.#server.listen(0, '127.0.0.1');
    await once(started.#server, 'listening');
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    await this.hook.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #welcome(client: IrcClient): void {
    const served: ServedClient = { client, lines: [], events: [] };
    this.clients.push(served);
    client.onLine((line) => void served.lines.push(line));
    client.onSuspend(() => void served.events.push('suspend'));
    client.onResume(() => void served.events.push('resume'));
    client.onClose(({ code }) => void served.events.push(`close ${code}`));
  }
}

/** A page with one socket, `globalThis.socket`. */
export class ResumingPage {
  readonly page: Page;
  readonly context: BrowserContext;

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
  }

  /** Opens a page; where it has a faked clock, `skip` lets its time pass. */
  static async open(browser: Browser, url: string, context?: BrowserContext): Promise<ResumingPage> {
    const own = context ?? (await browser.newContext());
    const page = await own.newPage();
    await page.clock.install();
    await page.goto(url);
    return new ResumingPage(own, page);
  }

  /** Connects, and waits for `open`. */
  async connect(url: string): Promise<void> {
    await this.page.evaluate(`
      globalThis.lines = [];
      globalThis.events = [];
      globalThis.socket = new ResumableWebSocket(${JSON.stringify(url)}, 'text.ircv3.net');
      for (const type of ['open', 'error', 'suspend', 'resume']) socket.addEventListener(type, () => events.push(type));
      socket.addEventListener('close', ({ code }) => events.push('close ' + code));
      socket.addEventListener('message', ({ data }) => lines.push(data));
      0`);
    await this.hears('open');
  }

  send(...lines: string[]): Promise<void> {
    return this.page.evaluate(`for (const line of ${JSON.stringify(lines)}) socket.send(line)`);
  }

  lines(): Promise<string[]> {
    return this.page.evaluate('lines');
  }

  events(): Promise<string[]> {
    return this.page.evaluate('events');
  }

  /** Waits until the last event is this one. */
  async hears(event: string): Promise<void> {
    await expect.poll(async () => (await this.events()).at(-1)).toBe(event);
  }

  /** The page's clock jumps ahead: its timers fire as if it had slept. */
  skip(milliseconds: number): Promise<void> {
    return this.page.clock.fastForward(milliseconds);
  }
}
