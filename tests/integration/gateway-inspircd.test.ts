import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { launchBrowser } from '../helpers/browser.ts';
import { freePort } from '../helpers/daemons.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { startInspircd } from '../helpers/inspircd.ts';
import { TcpUser } from '../helpers/ircd.ts';
import { requirePeer } from '../helpers/peers.ts';

const CHROMIUM = requirePeer('chromium');
const INSPIRCD = requirePeer('inspircd');

const require = createRequire(import.meta.url);
const { Client: IrcFramework } = require('irc-framework') as { Client: new (options: object) => IrcFrameworkClient };

interface IrcFrameworkClient {
  connect(options: object): void;
  join(channel: string): void;
  say(target: string, text: string): void;
  on(event: string, listener: (event: { nick: string; message: string }) => void): void;
}

const BROWSER_ADDRESS = '203.0.113.9';
const FRAMEWORK_ADDRESS = '2001:db8::7';

const cleanup: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** An IRC client of a few lines; what comes is put on the page. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>chat</title><ol id="log"></ol><script>
const log = (text) => { const li = document.createElement('li'); li.textContent = text; document.querySelector('#log').append(li); };
window.enter = (nick) => {
  window.socket = new WebSocket('ws://' + location.host + '/irc', ['text.ircv3.net']);
  socket.onopen = () => { socket.send('NICK ' + nick); socket.send('USER ' + nick + ' 0 * :' + nick); };
  socket.onmessage = ({ data }) => {
    log(data);
    if (data.startsWith('PING ')) socket.send('PONG ' + data.slice(5));
    if (/ (422|376) /.test(data)) socket.send('JOIN #x');
  };
  socket.onclose = ({ code, reason }) => log('closed ' + code + ' ' + reason);
};
</script>`;

/** A reverse proxy on loopback, as nginx is one: it has the page, and tells the gateway where a visitor comes from. */
async function startSite(gatewayPort: number): Promise<{ server: Server; port: number }> {
  const server = createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(PAGE));
  server.on('upgrade', (request: IncomingMessage, client: Duplex) => {
    const upstream = connect(gatewayPort, '127.0.0.1');
    const fields = request.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []));
    upstream.write([`GET ${request.url} HTTP/1.1`, ...fields, `X-Real-IP: ${BROWSER_ADDRESS}`, '', ''].join('\r\n'));
    upstream.pipe(client).pipe(upstream);
    for (const socket of [upstream, client]) socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

const configFor = (ircPort: number, password = 'gatepass'): string => `<bind port="0"><health port="0">
<websocket proxyranges="loopback" directclients="accept">
<wsorigin allow="http://127.0.0.1:*"><wsorigin allow="https://chat.example.com">
<upstream host="127.0.0.1" port="${ircPort}"><webirc password="${password}" gateway="goodgw">
`;

async function inspircd(mask?: string): Promise<number> {
  const { daemon, port } = await startInspircd(INSPIRCD as string, mask);
  cleanup.push(() => daemon.stop());
  return port;
}

describe.skipIf(CHROMIUM === null || INSPIRCD === null)('the command line, in front of a real InspIRCd', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
  });

  afterAll(async () => {
    await browser?.close();
  });

  const sees = (page: Page, text: string | RegExp): Promise<void> => page.locator('#log li', { hasText: text }).first().waitFor();

  /** irc-framework by its WebSocket transport, which takes the browser's global; Node 20 has none. */
  async function enterByFramework(
    port: number,
    nick: string,
  ): Promise<{ client: IrcFrameworkClient; hears: (text: string) => Promise<void> }> {
    const transport = require('irc-framework/src/transports/websocket.js') as new (options: object) => object;
    (globalThis as { WebSocket?: unknown }).WebSocket = class extends WebSocket {
      constructor(url: string, protocols?: string) {
        super(url, protocols ?? [], { origin: 'https://chat.example.com', headers: { 'X-Real-IP': FRAMEWORK_ADDRESS } });
      }
    };
    const client = new IrcFramework({});
    const heard: string[] = [];
    let wake = (): void => {};
    client.on('privmsg', ({ nick: from, message }) => {
      heard.push(`${from}: ${message}`);
      wake();
    });
    const joined = new Promise<void>((resolve) => {
      client.on('join', ({ nick: who }) => {
        if (who === nick) resolve();
      });
    });
    client.on('registered', () => client.join('#x'));
    client.connect({
      transport,
      host: '127.0.0.1',
      port,
      nick,
      username: nick,
      auto_reconnect: false,
      websocket_protocol: 'text.ircv3.net',
    });
    await joined;
    return {
      client,
      hears: async (text) => {
        while (!heard.includes(text))
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      },
    };
  }

  test.each([1, 2])(
    'Chromium and irc-framework chat, WHOIS shows their own addresses and the gateway (%i workers)',
    async (workers) => {
      const ircPort = await inspircd();
      const gateway = await GatewayCli.start(configFor(ircPort), { workers });
      const site = await startSite(gateway.webPort());
      const page = await browser.newPage();
      cleanup.push(() => page.close());
      await page.goto(`http://127.0.0.1:${site.port}/`);
      await page.evaluate("enter('web')");
      await sees(page, / 366 /);
      const { client, hears } = await enterByFramework(gateway.webPort(), 'fw');
      const oper = await TcpUser.register(ircPort, 'boss');
      cleanup.push(() => oper.socket.destroy());
      oper.send('JOIN #x');
      await oper.line(/ 366 /);

      await page.evaluate("socket.send('PRIVMSG #x :from the browser 😀')");
      await hears('web: from the browser 😀');
      client.say('#x', 'from the framework 🚀');
      await sees(page, 'PRIVMSG #x :from the framework 🚀');

      oper.send('OPER admin secret', 'WHOIS web', 'WHOIS fw');
      await oper.line(/ 318 boss fw /);
      for (const [nick, address] of [
        ['web', BROWSER_ADDRESS],
        ['fw', FRAMEWORK_ADDRESS],
      ]) {
        const lines = oper.lines.filter((line) => line.includes(` boss ${nick} `));
        expect(lines).toContain(`:irc.inspircd.test 378 boss ${nick} :is connecting from ${nick}@${address} ${address}`);
        expect(lines).toContain(
          `:irc.inspircd.test 350 boss ${nick} 127.0.0.1 127.0.0.1 :is connected via the goodgw WebIRC gateway`,
        );
      }
      expect(await gateway.stats()).toMatchObject({ gateway: { clients: 2, accepted: 2, refused: 0, unreachable: 0 } });

      gateway.process.kill('SIGTERM');
      await sees(page, 'closed 1001 Gateway is shutting down');
      expect(await oper.line(/^:web!\S+ QUIT/)).toMatch(/QUIT :.*Gateway is shutting down/);
      expect(await oper.line(/^:fw!\S+ QUIT/)).toMatch(/QUIT :.*Gateway is shutting down/);
      expect(await gateway.ended()).toBe(0);
      expect(gateway.log).not.toContain('gatepass');
    },
  );

  test.each([
    ['the password is wrong', 'wrongpass', '127.0.0.1'],
    ['the gateway’s address is not the mask', 'gatepass', '192.0.2.1'],
  ])('%s: the page learns it, and nobody is in by the gateway’s own address', async (_, password, mask) => {
    const ircPort = await inspircd(mask);
    const gateway = await GatewayCli.start(configFor(ircPort, password));
    const site = await startSite(gateway.webPort());
    const page = await browser.newPage();
    cleanup.push(() => page.close());
    await page.goto(`http://127.0.0.1:${site.port}/`);
    await page.evaluate("enter('web')");
    await sees(page, /^closed /);
    // Not one line of a welcome.
    expect(await page.locator('#log li').allTextContents()).toEqual([
      `ERROR :Closing link: (${BROWSER_ADDRESS}) [The IRC server does not know this gateway]`,
      'closed 1013 The IRC server does not know this gateway',
    ]);
    await gateway.logged(/127\.0\.0\.1:\d+ refused WEBIRC: ERROR .*\[WEBIRC: you don't match any configured WebIRC hosts\.\]/);
    expect((await gateway.stats()).gateway).toMatchObject({ webircRefused: 1 });
    expect(gateway.log).not.toContain(password);
  });

  test('the server cannot be reached: the page is refused, and may try again', async () => {
    const gateway = await GatewayCli.start(configFor(await freePort()));
    const site = await startSite(gateway.webPort());
    const page = await browser.newPage();
    cleanup.push(() => page.close());
    await page.goto(`http://127.0.0.1:${site.port}/`);
    await page.evaluate("enter('web')");
    // A failed handshake is all that a page sees; web clients try again after it.
    await sees(page, /^closed 1006/);
    await gateway.logged(new RegExp(`no IRC server for ${BROWSER_ADDRESS.replaceAll('.', '\\.')}: connect ECONNREFUSED`));
    expect((await gateway.stats()).gateway).toMatchObject({ unreachable: 1, accepted: 0 });
  });
});
