/** Connections that survive, in Chromium: what happens to a page's network, and what the page and the server see of it. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { ROOT } from '../helpers/build.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { type Daemon, daemonFolder, freePort, startDaemon } from '../helpers/daemons.ts';
import { requirePeer } from '../helpers/peers.ts';
import { ResumingPage, ResumingServer, servePages } from '../helpers/resume-page.ts';
import { type Fault, TcpProxy } from '../helpers/tcp-proxy.ts';

const CHROMIUM = requirePeer('chromium');
const NGINX = requirePeer('nginx');

/** The longest wait of the page for an answer, and a little more. */
const ANSWER = 8_100;

describe.skipIf(CHROMIUM === null)('a page whose network fails', () => {
  let browser: Browser;
  let pages: Server;
  let origin: string;
  let server: ResumingServer;
  let proxy: TcpProxy;
  const open: ResumingPage[] = [];

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
    ({ server: pages, origin } = await servePages());
  });

  beforeEach(async () => {
    server = await ResumingServer.start();
    proxy = await TcpProxy.start(server.port);
  });

  afterEach(async () => {
    for (const { context } of open.splice(0)) await context.close();
    await proxy.stop();
    await server.stop();
  });

  afterAll(async () => {
    await browser?.close();
    pages?.closeAllConnections();
    pages?.close();
  });

  /** Opens a page that is connected through the proxy, or straight to a port. */
  async function enter(port = proxy.port): Promise<ResumingPage> {
    const page = await ResumingPage.open(browser, `${origin}/`);
    open.push(page);
    await page.connect(`ws://127.0.0.1:${port}/`);
    return page;
  }

  /** Both ends have all of it, once and in order. */
  async function agrees(
    page: ResumingPage,
    fromPage: readonly string[],
    fromServer: readonly string[],
    index = 0,
  ): Promise<void> {
    await expect.poll(() => server.clients[index]?.lines).toEqual(fromPage);
    await expect.poll(() => page.lines()).toEqual(fromServer);
  }

  test('ten times in a conversation: every line once, in order, at both ends', async () => {
    const page = await enter();
    const fromPage: string[] = [];
    const fromServer: string[] = [];
    const say = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const size = (fromPage.length * 37) % 300;
        fromPage.push(`PRIVMSG #a :${fromPage.length} ${'ü'.repeat(size)}`);
        fromServer.push(`:b PRIVMSG #a :${fromServer.length} ${'€'.repeat(size)}`);
        await page.send(fromPage.at(-1) as string);
        server.clients[0]?.client.writeLine(fromServer.at(-1) as string);
      }
    };
    const faults: readonly Fault[] = [
      'reset',
      'half-close',
      'silent',
      'reset',
      'half-close',
      'silent',
      'reset',
      'reset',
      'silent',
      'half-close',
    ];
    for (const [round, fault] of faults.entries()) {
      const resumed = (await page.events()).filter((event) => event === 'resume').length;
      // In the middle of a frame, or between two, of either direction.
      proxy.fail(fault, (round * 211) % 500);
      await say(5);
      if (fault === 'silent') {
        // The bytes that still pass have passed, and nothing is heard: the page asks, and gives up.
        await page.page.evaluate('dispatchEvent(new Event("online"))');
        await page.skip(ANSWER);
      }
      await expect
        .poll(async () => {
          // Its back-off need not be waited for.
          await page.skip(1_000);
          return (await page.events()).filter((event) => event === 'resume').length;
        })
        .toBe(resumed + 1);
      await say(1);
    }
    await agrees(page, fromPage, fromServer);
    expect(server.clients).toHaveLength(1);
    expect((await page.events()).join(' ')).toBe(`open${' suspend resume'.repeat(10)}`);
    expect(server.clients[0]?.events.filter((event) => event.startsWith('close'))).toEqual([]);
  });

  test('a network that stalls, and goes on: nothing is lost, and nothing begins anew', async () => {
    const page = await enter();
    proxy.stall();
    await page.send('one', 'two');
    server.clients[0]?.client.writeLine('three');
    // Longer than nothing, shorter than what is given up.
    await page.skip(19_000);
    proxy.flow();
    await agrees(page, ['one', 'two'], ['three']);
    expect(await page.events()).toEqual(['open']);
  });

  test('a network that stalls for too long: the page gives it up, and what was held up does not count twice', async () => {
    const page = await enter();
    proxy.stall();
    await page.send('one', 'two');
    await page.skip(20_100);
    await page.skip(ANSWER);
    await page.hears('suspend');
    await page.skip(1_000);
    await page.hears('resume');
    proxy.flow();
    await page.send('three');
    await agrees(page, ['one', 'two', 'three'], []);
    expect(server.clients).toHaveLength(1);
  });

  test('offline and back: the page waits, and comes back with `online`', async () => {
    const page = await enter();
    const session = await page.context.newCDPSession(page.page);
    const conditions = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', { offline: true, ...conditions });
    // Whatever Chromium does with the socket, the network below is gone too.
    proxy.fail('reset');
    await page.hears('suspend');
    await page.send('sent offline');
    server.clients[0]?.client.writeLine('missed');
    expect(await page.page.evaluate('[navigator.onLine, socket.readyState, socket.bufferedAmount]')).toEqual([false, 1, 12]);
    await page.skip(30_000);
    expect(await page.events()).toEqual(['open', 'suspend']);
    await session.send('Network.emulateNetworkConditions', { offline: false, ...conditions });
    // `online` itself comes from Chromium; no time is skipped.
    await page.hears('resume');
    await agrees(page, ['sent offline'], ['missed']);
  });

  test('hidden, and shown again: a network that died meanwhile is noticed', async () => {
    const page = await enter();
    const session = await page.context.newCDPSession(page.page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    proxy.fail('silent');
    server.clients[0]?.client.writeLine('missed');
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    // A page of its own window is always visible under test: the event alone.
    await page.page.evaluate('document.dispatchEvent(new Event("visibilitychange", { bubbles: true }))');
    await page.skip(ANSWER);
    await page.hears('suspend');
    await page.skip(1_000);
    await page.hears('resume');
    await agrees(page, [], ['missed']);
  });

  test('a closed tab, and a page that goes elsewhere, are the end, at once', async () => {
    const closing = await enter();
    const leaving = await enter();
    await closing.page.close();
    await expect.poll(() => server.clients[0]?.events).toEqual(['close 1001']);
    await leaving.page.goto('about:blank');
    await expect.poll(() => server.clients[1]?.events).toEqual(['close 1001']);
    expect(server.hook.stats()).toMatchObject({ clients: 0, suspended: 0 });
  });

  test('over HTTP/2 too, where Chromium sends no Close for a page that is left', async () => {
    const { cert, key } = makeCertificate();
    const versions: string[] = [];
    const listener = server.hook.createListener({
      tls: { cert, key },
      http2: true,
      onRequest: (request, response) => {
        versions.push(request.httpVersion);
        response.end('<!doctype html>');
      },
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    for (const leave of ['close', 'goto'] as const) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await ResumingPage.open(browser, `https://127.0.0.1:${port}/`, context);
      open.push(page);
      await page.page.addScriptTag({ content: readFileSync(join(ROOT, 'dist/browser/resumable-websocket.js'), 'utf8') });
      await page.connect(`wss://127.0.0.1:${port}/`);
      expect(versions.at(-1)).toBe('2.0');
      if (leave === 'close') await page.page.close();
      else await page.page.goto('about:blank');
      await expect.poll(() => server.clients.at(-1)?.events).toEqual(['close 1000']);
    }
    listener.close();
  });

  test('two tabs of one browser are two clients', async () => {
    const first = await enter();
    const second = await ResumingPage.open(browser, `${origin}/`, first.context);
    await second.connect(`ws://127.0.0.1:${proxy.port}/`);
    proxy.fail('reset');
    for (const page of [first, second]) await page.hears('suspend');
    await first.send('of the first');
    await second.send('of the second');
    for (const page of [first, second]) {
      await page.skip(1_000);
      await page.hears('resume');
    }
    await agrees(first, ['of the first'], [], 0);
    await agrees(second, ['of the second'], [], 1);
  });

  test('away for longer than the window: an ordinary close for both, and the page may begin anew', async () => {
    const page = await enter();
    proxy.isDown = true;
    proxy.fail('reset');
    await page.hears('suspend');
    await page.skip(60_100);
    await page.hears('close 1006');
    proxy.isDown = false;
    await page.connect(`ws://127.0.0.1:${proxy.port}/`);
    expect(server.clients).toHaveLength(2);
  });

  test('a server that has forgotten the session refuses, and the page hears it at once', async () => {
    const page = await enter();
    proxy.isDown = true;
    proxy.fail('reset');
    await page.hears('suspend');
    server.clients[0]?.client.destroy();
    proxy.isDown = false;
    await page.skip(10_000);
    await page.hears('close 1006');
  });

  test("the server's own Close is the page's", async () => {
    const page = await enter();
    server.clients[0]?.client.close(4003, 'K-lined');
    await page.hears('close 4003');
    expect(server.clients[0]?.events).toEqual(['close 4003']);
  });

  test.skipIf(NGINX === null)('nginx restarted under live clients', async () => {
    const port = await freePort();
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join(' ');
    const location = `proxy_pass http://127.0.0.1:${server.port}; proxy_http_version 1.1; proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;`;
    const config = `daemon off; pid nginx.pid; error_log stderr; events {}
      http { access_log off; ${temporary} server { listen 127.0.0.1:${port}; location / { ${location} } } }`;
    const start = (): Promise<Daemon> => {
      const folder = daemonFolder({ 'nginx.conf': config });
      return startDaemon(NGINX as string, ['-c', `${folder}/nginx.conf`, '-p', folder, '-e', 'stderr'], folder, port);
    };
    let nginx = await start();
    try {
      const clients = await Promise.all([enter(port), enter(port), enter(port)]);
      await nginx.stop();
      for (const page of clients) await page.hears('suspend');
      for (const page of clients) await page.send('sent while nginx was away');
      nginx = await start();
      for (const page of clients) {
        await expect
          .poll(async () => {
            await page.skip(1_000);
            return (await page.events()).at(-1);
          })
          .toBe('resume');
      }
      for (const { lines } of server.clients) await expect.poll(() => lines).toEqual(['sent while nginx was away']);
      expect(server.clients).toHaveLength(3);
    } finally {
      await nginx.stop();
    }
  });
});
