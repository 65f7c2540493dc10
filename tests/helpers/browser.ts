import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { WAIT_LIMIT } from './wait.ts';

/** Pictures are kept for whoever looks at a CI run, outside the repository. */
const ARTIFACTS = process.env['ARTIFACTS'] ?? join(tmpdir(), 'ircd-websocket-artifacts');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchBrowser(executablePath: string, flags: readonly string[] = []): Promise<Browser> {
  mkdirSync(ARTIFACTS, { recursive: true });
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
}

/** A person with the web client, in a browser profile of their own. */
export class WebUser {
  readonly page: Page;
  /** What the page complained about: exceptions, and errors on its console. */
  readonly problems: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(message.text());
    });
  }

  /** Opens the page, and stays at the form. */
  static async open(browser: Browser, port: number, options: BrowserContextOptions = {}): Promise<WebUser> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(WAIT_LIMIT);
    const user = new WebUser(await context.newPage());
    await user.page.goto(`http://127.0.0.1:${port}/`);
    return user;
  }

  /** Fills in the form. */
  async join(nick: string, channel: string): Promise<void> {
    await this.page.fill('#nick', nick);
    await this.page.fill('#channel', channel);
    await this.page.click('#join-button');
  }

  /** Opens the page and joins, until the channel is on it. */
  static async enter(
    browser: Browser,
    port: number,
    nick: string,
    channel: string,
    options?: BrowserContextOptions,
  ): Promise<WebUser> {
    const user = await WebUser.open(browser, port, options);
    await user.join(nick, channel);
    await user.isIn(channel);
    return user;
  }

  /** Waits until a conversation is shown. */
  async isIn(name: string): Promise<void> {
    await this.page.locator(`#title:text-is("${name}")`).waitFor();
  }

  /** Waits until the connection stands so. */
  async isConnection(state: 'online' | 'waiting' | 'offline'): Promise<void> {
    // A server's restart may fall between two tries.
    await this.page.locator(`#status[data-state="${state}"]`).waitFor({ timeout: 2 * WAIT_LIMIT });
  }

  async say(text: string): Promise<void> {
    await this.page.fill('#line', text);
    await this.page.press('#line', 'Enter');
  }

  /** Waits until the log shows a text. */
  async sees(text: string): Promise<void> {
    await this.page.locator('#log li', { hasText: text }).first().waitFor();
  }

  async takePicture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(ARTIFACTS, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
