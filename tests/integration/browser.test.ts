import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type RunningIrcd, startIrcd, TcpUser } from '../helpers/ircd.ts';
import { requirePeer } from '../helpers/peers.ts';

/** Pictures are kept for whoever looks at a CI run, outside the repository. */
const ARTIFACTS = process.env['ARTIFACTS'] ?? join(tmpdir(), 'ircd-websocket-artifacts');
const CHROMIUM = requirePeer('chromium');
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// irc-framework's Node entry point has TCP alone; its WebSocket transport is the one that browsers get.
const require = createRequire(import.meta.url);
const { Client: IrcFramework } = require('irc-framework') as { Client: new (options: object) => IrcFrameworkClient };

interface IrcFrameworkClient {
  connect(options: object): void;
  join(channel: string): void;
  say(target: string, text: string): void;
  quit(reason: string): void;
  on(event: string, listener: (event: { nick: string; message: string; target: string; channel: string }) => void): void;
}

describe.skipIf(CHROMIUM === null)('a browser, a TCP client and irc-framework in one channel', () => {
  let browser: Browser;
  let ircd: RunningIrcd;

  beforeAll(async () => {
    mkdirSync(ARTIFACTS, { recursive: true });
    browser = await chromium.launch({ executablePath: CHROMIUM as string, args: FLAGS });
    ircd = await startIrcd();
  });

  afterAll(async () => {
    await browser?.close();
    await ircd?.stop();
  });

  async function enter(nick: string, channel: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })).newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    (page as Page & { problems: string[] }).problems = problems;
    await page.goto(`http://127.0.0.1:${ircd.webPort}/`);
    await page.fill('#nick', nick);
    await page.fill('#channel', channel);
    await page.click('#join-button');
    await isShown(page, channel);
    return page;
  }

  const isShown = (page: Page, name: string): Promise<void> => page.locator(`#title:text-is("${name}")`).waitFor();
  const say = async (page: Page, text: string): Promise<void> => {
    await page.fill('#line', text);
    await page.keyboard.press('Enter');
  };
  const shows = (page: Page, text: string): Promise<unknown> => page.locator('#log li', { hasText: text }).first().waitFor();

  function frameworkUser(nick: string, protocol: string | undefined): Promise<{ client: IrcFrameworkClient; heard: string[] }> {
    const WebSocketTransport = require('irc-framework/src/transports/websocket.js') as new (options: object) => object;
    // The transport takes the browser's global; Node 20 has none.
    (globalThis as { WebSocket?: unknown }).WebSocket = class extends WebSocket {
      constructor(url: string, protocols?: string) {
        super(url, protocols ?? [], { origin: `http://127.0.0.1:${ircd.webPort}` });
      }
    };
    const client = new IrcFramework({});
    const heard: string[] = [];
    client.on('privmsg', ({ nick: from, message }) => void heard.push(`${from}: ${message}`));
    return new Promise((resolve) => {
      client.on('join', ({ nick: who }) => {
        if (who === nick) resolve({ client, heard });
      });
      client.on('registered', () => client.join('#lobby'));
      client.connect({
        transport: WebSocketTransport,
        host: '127.0.0.1',
        port: ircd.webPort,
        nick,
        username: nick,
        auto_reconnect: false,
        ...(protocol === undefined ? {} : { websocket_protocol: protocol }),
      });
    });
  }

  async function until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 5_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error('it did not happen within 5 s');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  test.each([undefined, 'text.ircv3.net', 'binary.ircv3.net'])(
    'all of them talk to each other, with emoji (irc-framework asking for %s)',
    async (protocol) => {
      const suffix = protocol?.split('.')[0] ?? 'none';
      const page = await enter(`web_${suffix}`, '#lobby');
      const tcp = await TcpUser.register(ircd.tcpPort, `tcp_${suffix}`);
      tcp.send('JOIN #lobby');
      await tcp.line(/ 366 /);
      if (protocol === 'binary.ircv3.net') {
        // irc-framework closes a WebSocket that brings binary frames: S7 of hostile-inputs, the reason for text as the default.
        await shows(page, `tcp_${suffix} joined`);
      } else {
        const framework = await frameworkUser(`fw_${suffix}`, protocol);
        await shows(page, `fw_${suffix} joined`);
        framework.client.say('#lobby', 'from the framework 🚀');
        await shows(page, 'from the framework 🚀');
        await tcp.line(/PRIVMSG #lobby :from the framework 🚀$/);
        await say(page, 'from the browser 😀');
        await until(() => framework.heard.includes(`web_${suffix}: from the browser 😀`));
        tcp.send('PRIVMSG #lobby :from TCP 🧦');
        await until(() => framework.heard.includes(`tcp_${suffix}: from TCP 🧦`));
        framework.client.quit('bye');
        await shows(page, `fw_${suffix} left`);
      }
      await say(page, 'hello 🎉');
      await tcp.line(/PRIVMSG #lobby :hello 🎉$/);
      tcp.send('PRIVMSG #lobby :and back 🧶');
      await shows(page, 'and back 🧶');
      expect((page as Page & { problems: string[] }).problems).toEqual([]);
      await page.screenshot({ path: join(ARTIFACTS, `chat-${suffix}.png`) });
      tcp.socket.destroy();
      await page.close();
    },
  );

  test('an operator’s /whois shows the web client’s origin', async () => {
    const page = await enter('seen', '#lobby');
    const oper = await TcpUser.register(ircd.tcpPort, 'boss');
    oper.send('WHOIS seen');
    await oper.line(/ 318 boss seen /);
    expect(oper.lines.some((line) => line.includes(' 350 '))).toBe(false);
    oper.send('OPER admin secret', 'WHOIS seen');
    expect(await oper.line(/ 350 /)).toBe(
      `:irc.example.test 350 boss seen * * :is connected from the http://127.0.0.1:${ircd.webPort} WebSocket origin`,
    );
    await say(page, '/oper admin secret');
    await say(page, '/whois seen');
    await shows(page, 'is connected from the http://127.0.0.1');
    await page.screenshot({ path: join(ARTIFACTS, 'whois.png') });
    oper.socket.destroy();
    await page.close();
  });

  test('the commands do what they say, by keyboard alone', async () => {
    const page = await enter('keys', '#desk');
    const friend = await TcpUser.register(ircd.tcpPort, 'friend');
    friend.send('JOIN #desk');
    await shows(page, 'friend joined');
    await say(page, '/topic Tea & biscuits');
    await friend.line(/TOPIC #desk :Tea & biscuits$/);
    await say(page, '/me pours');
    await friend.line(/PRIVMSG #desk :\x01ACTION pours\x01$/);
    await page.locator('#line').pressSequentially('fri');
    await page.keyboard.press('Tab');
    expect(await page.inputValue('#line')).toBe('friend: ');
    await page.keyboard.type('look');
    await page.keyboard.press('Enter');
    await friend.line(/PRIVMSG #desk :friend: look$/);
    await page.keyboard.press('ArrowUp');
    expect(await page.inputValue('#line')).toBe('friend: look');
    await say(page, '/msg friend psst 🤫');
    await friend.line(/PRIVMSG friend :psst 🤫$/);
    await isShown(page, 'friend');
    await page.keyboard.press('Alt+ArrowUp');
    await isShown(page, '#desk');
    friend.send('PRIVMSG keys :hello?');
    await page.locator('#buffer-list .badge').waitFor();
    await say(page, '/nick clavier');
    await friend.line(/NICK :clavier$/);
    await say(page, '/part off');
    await friend.line(/PART #desk :off$/);
    await say(page, '/join #other');
    await isShown(page, '#other');
    friend.socket.destroy();
    await page.close();
  });

  test('what people say is text: markup, controls and long messages', async () => {
    const page = await enter('safe', '#text');
    const other = await TcpUser.register(ircd.tcpPort, 'other');
    other.send(
      'JOIN #text',
      'PRIVMSG #text :<img src=x onerror=alert(1)> \x02\x0304,01red\x03 http://example.com/a?b=<c> javascript:alert(1)',
    );
    await shows(page, '<img src=x onerror=alert(1)> red http://example.com/a?b=<c>');
    expect(await page.locator('#log img').count()).toBe(0);
    expect(
      await page.locator('#log a').evaluateAll((links) => links.map((link) => (link as unknown as { href: string }).href)),
    ).toEqual(['http://example.com/a?b=']);
    const long = '😀 word '.repeat(150).trim();
    await say(page, long);
    const parts = await (async () => {
      await until(() => other.lines.filter((line) => / PRIVMSG #text :/.test(line)).length >= 4);
      return other.lines.filter((line) => / PRIVMSG #text :/.test(line));
    })();
    expect(
      parts
        .map((line) => line.slice(line.indexOf(' :') + 2))
        .join('')
        .replaceAll(' ', ''),
    ).toContain(long.replaceAll(' ', '').slice(0, 400));
    for (const line of parts) {
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(510);
      expect(line).not.toContain('\ufffd');
    }
    other.socket.destroy();
    await page.close();
  });

  test('a taken nick gets a tail, a refused one is said on the form', async () => {
    const first = await enter('twin', '#lobby');
    const second = await enter('twin', '#lobby');
    await second.locator('#member-list button', { hasText: 'twin_' }).waitFor();
    const third = await (await browser.newContext()).newPage();
    await third.goto(`http://127.0.0.1:${ircd.webPort}/`);
    await third.fill('#nick', '9lives');
    await third.click('#join-button');
    await third.locator('#join-error', { hasText: 'Erroneous Nickname' }).waitFor();
    for (const page of [first, second, third]) await page.close();
  });

  test('it comes back by itself when the server does, and shows meanwhile that it is away', async () => {
    const own = await startIrcd();
    const saved = ircd;
    ircd = own;
    try {
      const page = await enter('phoenix', '#nest');
      await own.stop();
      await page.locator('#status[data-state="waiting"]').waitFor();
      await page.screenshot({ path: join(ARTIFACTS, 'reconnecting.png') });
      ircd = await startIrcd({ webPort: own.webPort });
      await page.locator('#status[data-state="online"]').waitFor({ timeout: 20_000 });
      const other = await TcpUser.register(ircd.tcpPort, 'other');
      other.send('JOIN #nest', 'PRIVMSG #nest :welcome back');
      await shows(page, 'welcome back');
      other.socket.destroy();
      await page.close();
    } finally {
      await ircd.stop();
      ircd = saved;
    }
  });

  test('it can be used on a phone, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await enter(`phone_${colorScheme}`, '#lobby', { viewport: { width: 390, height: 844 }, colorScheme });
      await say(page, 'from a phone 📱');
      await shows(page, 'from a phone 📱');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
      await page.click('#show-buffers');
      await page.locator('#buffers.is-open button', { hasText: 'Server' }).waitFor();
      await page.keyboard.press('Escape');
      await page.screenshot({ path: join(ARTIFACTS, `phone-${colorScheme}.png`) });
      await page.close();
    }
  });
});
