/**
 * A network of real parts: pages in Chromium, a real HAProxy that routes by node, two gateways of two workers each, a real InspIRCd.
 * The pages lose their network again and again and come back through HAProxy; irssi and a plain client in the channel see every
 * line once and no QUIT.
 */
import type { Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { freePort } from '../helpers/daemons.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { startHaproxy } from '../helpers/haproxy.ts';
import { startInspircd } from '../helpers/inspircd.ts';
import { TcpUser } from '../helpers/ircd.ts';
import { Irssi } from '../helpers/irssi.ts';
import { findProgram, requirePeer } from '../helpers/peers.ts';
import { ResumingPage, servePages } from '../helpers/resume-page.ts';
import { TcpProxy } from '../helpers/tcp-proxy.ts';

const CHROMIUM = requirePeer('chromium');
const HAPROXY = requirePeer('haproxy');
const INSPIRCD = requirePeer('inspircd');
const IRSSI = requirePeer('irssi');
const SCRIPT = findProgram('script');
const isHere = [CHROMIUM, HAPROXY, INSPIRCD, IRSSI, SCRIPT].every((program) => program !== null);

const NODES = ['gw1', 'gw2'] as const;
const PAGES = 4;
/** What happens to the network of everybody, in turn. `restart` is HAProxy's own. */
const ROUNDS = ['reset', 'restart', 'half-close', 'reset'] as const;

describe.skipIf(!isHere)('two gateways behind HAProxy, in front of InspIRCd', () => {
  let browser: Browser;
  let site: Server;
  let origin: string;
  const cleanup: (() => unknown)[] = [];

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
    ({ server: site, origin } = await servePages());
  });

  afterEach(async () => {
    for (const undo of cleanup.splice(0).reverse()) await undo();
  });

  afterAll(async () => {
    await browser?.close();
    site?.closeAllConnections();
    site?.close();
  });

  test('every line once, no QUIT, and each page in the gateway that has it', async () => {
    const { daemon, port: ircPort } = await startInspircd(INSPIRCD as string);
    cleanup.push(() => daemon.stop());
    const gateways: GatewayCli[] = [];
    for (const node of NODES) {
      const gateway = await GatewayCli.start(
        `<bind port="0"><health port="0"><wsorigin allow="http://127.0.0.1:*">
<websocket resumenode="${node}" resumewindow="5m" proxyranges="loopback" proxyheader="x-forwarded-for">
<upstream host="127.0.0.1" port="${ircPort}"><webirc password="gatepass" gateway="${node}">`,
        { workers: 2 },
      );
      cleanup.push(() => gateway.stop());
      gateways.push(gateway);
    }
    const balancer = await freePort();
    const start = () =>
      startHaproxy(
        HAPROXY as string,
        balancer,
        gateways.map((gateway) => gateway.webPort()),
      );
    let haproxy = await start();
    cleanup.push(() => haproxy.stop());
    const network = await TcpProxy.start(balancer);
    cleanup.push(() => network.stop());

    const irssi = await Irssi.join({ irssi: IRSSI as string, script: SCRIPT as string }, ircPort, 'watcher', '#x');
    cleanup.push(() => irssi.stop());
    const plain = await TcpUser.register(ircPort, 'plain');
    cleanup.push(() => plain.socket.destroy());
    plain.send('JOIN #x');
    await plain.line(/ 366 /);

    const pages: ResumingPage[] = [];
    for (let i = 0; i < PAGES; i++) {
      const page = await ResumingPage.open(browser, `${origin}/`);
      cleanup.push(() => page.context.close());
      await page.connect(`ws://127.0.0.1:${network.port}/`);
      await page.send(`NICK web${i}`, `USER web${i} 0 * :web`);
      await expect.poll(async () => (await page.lines()).some((line) => / (422|376) /.test(line))).toBe(true);
      await page.send('JOIN #x');
      await plain.line(new RegExp(`^:web${i}!\\S+ JOIN`));
      pages.push(page);
    }
    const accepted = async (): Promise<unknown[]> =>
      Promise.all(gateways.map(async (gateway) => (await gateway.stats()).gateway['accepted']));
    const before = await accepted();
    // HAProxy takes new clients to the two in turn.
    expect(before).toEqual([PAGES / 2, PAGES / 2]);

    const said: string[] = [];
    for (const [round, loss] of ROUNDS.entries()) {
      if (loss === 'restart') await haproxy.stop();
      else network.fail(loss, round * 31);
      for (const word of ['one', 'two']) {
        said.push(`${round} ${word}`);
        for (const page of pages) await page.send(`PRIVMSG #x :${round} ${word}`);
        plain.send(`PRIVMSG #x :${round} ${word}`);
        irssi.type(`/msg #x ${round} ${word}`);
      }
      if (loss === 'restart') haproxy = await start();
      for (const page of pages)
        await expect
          .poll(async () => {
            // Its back-off need not be waited for.
            await page.skip(1_000);
            return (await page.events()).filter((event) => event === 'resume').length;
          })
          .toBe(round + 1);
    }

    const from = (nick: string, lines: readonly string[]): string[] =>
      lines.flatMap((line) => new RegExp(`^:${nick}!\\S+ PRIVMSG #x :(.*)$`).exec(line)?.[1] ?? []);
    const logged = (nick: string): string[] => irssi.log.flatMap((line) => new RegExp(`^<.${nick}> (.*)$`).exec(line)?.[1] ?? []);
    for (const [i, page] of pages.entries()) {
      await expect.poll(() => from(`web${i}`, plain.lines)).toEqual(said);
      await expect.poll(() => logged(`web${i}`)).toEqual(said);
      await expect.poll(async () => from('plain', await page.lines())).toEqual(said);
      await expect.poll(async () => from('watcher', await page.lines())).toEqual(said);
    }
    const leaving = (): string[] => [
      ...plain.lines.filter((line) => / (QUIT|PART) /.test(line)),
      ...irssi.log.filter((line) => / has (quit|left) /.test(line)),
    ];
    expect(leaving()).toEqual([]);
    expect(plain.lines.filter((line) => /^:web\d!\S+ JOIN /.test(line))).toHaveLength(PAGES);
    // Nobody was let in anew.
    expect(await accepted()).toEqual(before);
    for (const gateway of gateways)
      expect(await gateway.stats()).toMatchObject({
        gateway: { clients: PAGES / 2 },
        hook: { resumed: (PAGES / 2) * ROUNDS.length },
      });

    // A tab that is closed is a QUIT, at once, and both see it.
    await (pages[0] as ResumingPage).page.close();
    await plain.line(/^:web0!\S+ QUIT/);
    await expect.poll(() => irssi.log.some((line) => /^-!- web0 \[\S+\] has quit \[/.test(line))).toBe(true);
    expect(leaving()).toHaveLength(2);
  });
});
