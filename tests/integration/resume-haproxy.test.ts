/**
 * Two servers behind a real HAProxy, with the configuration that docs/resume.md prints: each page comes back to the server that
 * has it.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { ROOT } from '../helpers/build.ts';
import { type Daemon, daemonFolder, freePort, startDaemon } from '../helpers/daemons.ts';
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

/** The frontend of the page, on a port of its own, without a certificate; and the backends. */
function configuration(port: number): string {
  const frontend = /^```\n(frontend irc\n[\s\S]*?)^```$/m.exec(readFileSync(join(ROOT, 'docs/resume.md'), 'utf8'))?.[1];
  if (frontend === undefined) throw new Error('docs/resume.md has no frontend');
  const [first, second] = servers.map((server, index) => `server gw${index + 1} 127.0.0.1:${server.port}`);
  return `defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    timeout tunnel 1h
${frontend.replace('bind :443 ssl crt /etc/haproxy/irc.pem', `bind 127.0.0.1:${port}`)}
backend gw1
    ${first}
backend gw2
    ${second}
backend any
    balance roundrobin
    ${first}
    ${second}
`;
}

test.skipIf(!isHere)('HAProxy, restarted, takes each page back to its own server', async () => {
  const port = await freePort();
  const config = configuration(port);
  const start = (): Promise<Daemon> => {
    const folder = daemonFolder({ 'haproxy.cfg': config });
    return startDaemon(HAPROXY as string, ['-db', '-f', `${folder}/haproxy.cfg`], folder, port);
  };
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
