/**
 * irc-framework as it is published, in Chromium, with `WebSocket` replaced by the classic script: not one line of it is changed,
 * and it knows nothing of losses.
 *
 * It keeps its channels while its network is lost, and an observer on plain TCP sees no QUIT.
 */
import type { Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { type RunningIrcd, startIrcd, TcpUser } from '../helpers/ircd.ts';
import { requirePeer } from '../helpers/peers.ts';
import { servePages } from '../helpers/resume-page.ts';
import { TcpProxy } from '../helpers/tcp-proxy.ts';

const CHROMIUM = requirePeer('chromium');

describe.skipIf(CHROMIUM === null)('irc-framework with WebSocket replaced', () => {
  let browser: Browser;
  let pages: Server;
  let origin: string;
  let ircd: RunningIrcd;
  let proxy: TcpProxy;

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
    ({ server: pages, origin } = await servePages());
    ircd = await startIrcd();
    proxy = await TcpProxy.start(ircd.webPort);
  });

  afterAll(async () => {
    await browser?.close();
    pages?.closeAllConnections();
    pages?.close();
    await proxy?.stop();
    await ircd?.stop();
  });

  test.each([
    ['as irc-framework asks by itself', '{}'],
    ['without a subprotocol', '{ websocket_protocol: "" }'],
  ])('keeps its channels over five losses (%s)', async (_name, options) => {
    const nick = `framework${options.length}`;
    const observer = await TcpUser.register(ircd.tcpPort, `observer${options.length}`);
    observer.send('JOIN #lobby');
    await observer.line(/ 366 /);
    const page = await browser.newPage();
    await page.clock.install();
    await page.goto(`${origin}/replaced`);
    await page.evaluate(`
      globalThis.heard = [];
      globalThis.client = new (self['irc-framework'].Client)();
      client.on('registered', () => client.join('#lobby'));
      for (const type of ['join', 'reconnecting', 'socket close', 'close']) client.on(type, ({ nick = '' } = {}) => heard.push((type + ' ' + nick).trim()));
      client.on('privmsg', ({ nick, message }) => heard.push(nick + ': ' + message));
      client.connect({ host: '127.0.0.1', port: ${proxy.port}, nick: '${nick}', username: 'f', gecos: 'f', auto_reconnect: false, ...${options} });
      0`);
    const heard = (): Promise<string[]> => page.evaluate('heard');
    await expect.poll(heard).toContain(`join ${nick}`);
    await observer.line(new RegExp(`^:${nick}!\\S+ JOIN`));

    const said: string[] = [];
    for (let loss = 1; loss <= 5; loss++) {
      proxy.fail(loss % 2 ? 'reset' : 'half-close', loss * 7);
      for (const [index, word] of ['before', 'within', 'after'].entries()) {
        const text = `${word} loss ${loss}, line ${index}`;
        said.push(text);
        await page.evaluate(`client.say('#lobby', ${JSON.stringify(text)})`);
        observer.send(`PRIVMSG #lobby :to the page: ${text}`);
      }
      await expect
        .poll(async () => {
          // Its back-off need not be waited for.
          await page.clock.fastForward(1_000);
          return (await heard()).filter((line) => line.includes(': to the page: ')).length;
        })
        .toBe(said.length);
    }
    const fromPage = (): string[] =>
      observer.lines.filter((line) => line.startsWith(`:${nick}!`)).map((line) => line.replace(/^:\S+ /, ''));
    await expect.poll(fromPage).toEqual(['JOIN #lobby', ...said.map((text) => `PRIVMSG #lobby :${text}`)]);
    expect(observer.lines.filter((line) => / (QUIT|PART) /.test(line))).toEqual([]);
    const lines = await heard();
    expect(
      lines.filter((line) => line.startsWith('observer') || line.includes('close') || line.includes('reconnecting')),
    ).toEqual(said.map((text) => `observer${options.length}: to the page: ${text}`));
    // And when it wants to go, it goes.
    await page.evaluate("client.quit('bye')");
    await observer.line(new RegExp(`^:${nick}!\\S+ QUIT`));
    observer.socket.destroy();
    await page.close();
  });
});
