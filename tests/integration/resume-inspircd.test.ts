/**
 * A real InspIRCd behind the gateway's command, with one worker and with two: a page in Chromium loses its network again and
 * again, whichever worker it comes back to, and an observer in its channel sees every line once and no QUIT.
 */
import type { Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { startInspircd } from '../helpers/inspircd.ts';
import { TcpUser } from '../helpers/ircd.ts';
import { requirePeer } from '../helpers/peers.ts';
import { ResumingPage, servePages } from '../helpers/resume-page.ts';
import { type Fault, TcpProxy } from '../helpers/tcp-proxy.ts';

const CHROMIUM = requirePeer('chromium');
const INSPIRCD = requirePeer('inspircd');

const FAULTS: readonly Fault[] = ['reset', 'half-close', 'reset', 'reset', 'half-close', 'reset', 'reset', 'reset'];

describe.skipIf(CHROMIUM === null || INSPIRCD === null)('InspIRCd behind the gateway', () => {
  let browser: Browser;
  let pages: Server;
  let origin: string;
  const cleanup: (() => unknown)[] = [];

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
    ({ server: pages, origin } = await servePages());
  });

  afterEach(async () => {
    for (const undo of cleanup.splice(0).reverse()) await undo();
  });

  afterAll(async () => {
    await browser?.close();
    pages?.closeAllConnections();
    pages?.close();
  });

  test.each([1, 2])('with %d workers: every line once, and no QUIT', async (workers) => {
    const { daemon, port } = await startInspircd(INSPIRCD as string);
    cleanup.push(() => daemon.stop());
    const gateway = await GatewayCli.start(
      `<bind address="127.0.0.1" port="0"><websocket resumewindow="5m"><wsorigin allow="http://127.0.0.1:*">
<upstream host="127.0.0.1" port="${port}"><webirc password="gatepass" gateway="gw">`,
      { workers },
    );
    cleanup.push(() => gateway.stop());
    const proxy = await TcpProxy.start(gateway.webPort());
    cleanup.push(() => proxy.stop());

    const observer = await TcpUser.register(port, 'observer');
    cleanup.push(() => observer.socket.destroy());
    observer.send('JOIN #x');
    await observer.line(/ 366 /);

    const page = await ResumingPage.open(browser, `${origin}/`);
    cleanup.push(() => page.context.close());
    await page.connect(`ws://127.0.0.1:${proxy.port}/`);
    await page.send('NICK web', 'USER web 0 * :web');
    await expect.poll(async () => (await page.lines()).some((line) => / (422|376) /.test(line))).toBe(true);
    await page.send('JOIN #x');
    await observer.line(/^:web!\S+ JOIN/);

    const said: string[] = [];
    for (const [round, fault] of FAULTS.entries()) {
      // Fewer bytes than what is said now has, so that it happens.
      proxy.fail(fault, (round * 31) % 70);
      for (const word of ['one', 'two', 'three']) {
        said.push(`${round} ${word}`);
        await page.send(`PRIVMSG #x :${round} ${word}`);
        observer.send(`PRIVMSG #x :${round} ${word}`);
      }
      await expect
        .poll(async () => {
          // Its back-off need not be waited for.
          await page.skip(1_000);
          return (await page.events()).filter((event) => event === 'resume').length;
        })
        .toBe(round + 1);
    }
    const texts = (lines: readonly string[], nick: string): string[] =>
      lines.flatMap((line) => new RegExp(`^:${nick}!\\S+ PRIVMSG #x :(.*)$`).exec(line)?.[1] ?? []);
    await expect.poll(() => texts(observer.lines, 'web')).toEqual(said);
    await expect.poll(async () => texts(await page.lines(), 'observer')).toEqual(said);
    expect(observer.lines.filter((line) => / QUIT /.test(line))).toEqual([]);
    // And a tab that is closed is a QUIT, at once.
    await page.page.close();
    await observer.line(/^:web!\S+ QUIT/);
  });
});
