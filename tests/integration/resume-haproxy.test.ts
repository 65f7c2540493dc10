/**
 * Two servers behind a real HAProxy, with the configuration that docs/resume.md prints: each page comes back to the server that
 * has it.
 */
import type { Server } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { type Daemon, freePort } from '../helpers/daemons.ts';
import { startHaproxy } from '../helpers/haproxy.ts';
import { requirePeer } from '../helpers/peers.ts';
import { ResumingPage, ResumingServer, servePages } from '../helpers/resume-page.ts';

const CHROMIUM = requirePeer('chromium');
const HAPROXY = requirePeer('haproxy');
const isHere = CHROMIUM !== null && HAPROXY !== null;

let browser: Browser;
let pages: Server;
let origin: string;
const servers: ResumingServer[] = [];

beforeAll(async () => {
  if (!isHere) return;
  browser = await launchBrowser(CHROMIUM);
  ({ server: pages, origin } = await servePages());
  for (const resumeNode of ['gw1', 'gw2']) servers.push(await ResumingServer.start({ resumeNode }));
});

afterAll(async () => {
  await browser?.close();
  pages?.closeAllConnections();
  pages?.close();
  for (const server of servers) await server.stop();
});

test.skipIf(!isHere)('HAProxy, restarted, takes each page back to its own server', async () => {
  const port = await freePort();
  const start = (): Promise<Daemon> =>
    startHaproxy(
      HAPROXY as string,
      port,
      servers.map((server) => server.port),
    );
  let haproxy = await start();
  try {
    const clients: ResumingPage[] = [];
    for (let count = 0; count < 6; count++) {
      const page = await ResumingPage.open(browser, `${origin}/`);
      await page.connect(`ws://127.0.0.1:${port}/`);
      clients.push(page);
    }
    const counts = servers.map((server) => server.clients.length);
    // Both have some, so that a wrong way shows.
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (let restart = 1; restart <= 2; restart++) {
      await haproxy.stop();
      for (const page of clients) await page.hears('suspend');
      for (const page of clients) await page.send(`sent while HAProxy was away, ${restart}`);
      haproxy = await start();
      for (const page of clients)
        await expect
          .poll(async () => {
            await page.skip(1_000);
            return (await page.events()).at(-1);
          })
          .toBe('resume');
    }
    for (const { lines, events } of servers.flatMap((server) => server.clients)) {
      await expect.poll(() => lines).toEqual([1, 2].map((restart) => `sent while HAProxy was away, ${restart}`));
      expect(events).toEqual(['suspend', 'resume', 'suspend', 'resume']);
    }
    expect(servers.map((server) => server.clients.length)).toEqual(counts);
    for (const { context } of clients) await context.close();
  } finally {
    await haproxy.stop();
  }
});
