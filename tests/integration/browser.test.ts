import { createRequire } from 'node:module';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { launchBrowser, WebUser } from '../helpers/browser.ts';
import { type RunningIrcd, startIrcd, TcpUser } from '../helpers/ircd.ts';
import { requirePeer } from '../helpers/peers.ts';
import { WAIT_LIMIT } from '../helpers/wait.ts';

const CHROMIUM = requirePeer('chromium');

// irc-framework's Node entry point has TCP alone; its WebSocket transport is the one that browsers get.
const require = createRequire(import.meta.url);
const { Client: IrcFramework } = require('irc-framework') as { Client: new (options: object) => IrcFrameworkClient };

interface IrcFrameworkClient {
  connect(options: object): void;
  join(channel: string): void;
  say(target: string, text: string): void;
  quit(reason: string): void;
  on(event: string, listener: (event: { nick: string; message: string }) => void): void;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + WAIT_LIMIT;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe.skipIf(CHROMIUM === null)('the web client in a real browser', () => {
  let browser: Browser;
  let ircd: RunningIrcd;

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
    ircd = await startIrcd();
  });

  afterAll(async () => {
    await browser?.close();
    await ircd?.stop();
  });

  const enter = (nick: string, channel: string, options?: Parameters<Browser['newContext']>[0]): Promise<WebUser> =>
    WebUser.enter(browser, ircd.webPort, nick, channel, options);

  async function enterByTcp(nick: string, channel: string): Promise<TcpUser> {
    const user = await TcpUser.register(ircd.tcpPort, nick);
    user.send(`JOIN ${channel}`);
    await user.line(/ 366 /);
    return user;
  }

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

  // Not binary.ircv3.net: irc-framework closes a WebSocket that brings binary frames, the reason for text as the default (S7).
  test.each([undefined, 'text.ircv3.net'])(
    'S7 a browser, TCP and irc-framework talk to each other with emoji (irc-framework asks for %s)',
    async (protocol) => {
      const suffix = protocol?.split('.')[0] ?? 'none';
      const web = await enter(`web_${suffix}`, '#lobby');
      const tcp = await enterByTcp(`tcp_${suffix}`, '#lobby');
      const { client: framework, heard } = await frameworkUser(`fw_${suffix}`, protocol);
      await web.sees(`fw_${suffix} joined`);

      framework.say('#lobby', 'from the framework 🚀');
      await web.sees('from the framework 🚀');
      await tcp.line(/PRIVMSG #lobby :from the framework 🚀$/);

      await web.say('from the browser 😀');
      await tcp.line(/PRIVMSG #lobby :from the browser 😀$/);
      await until(() => heard.includes(`web_${suffix}: from the browser 😀`));

      tcp.send('PRIVMSG #lobby :from TCP 🧦');
      await web.sees('from TCP 🧦');
      await until(() => heard.includes(`tcp_${suffix}: from TCP 🧦`));

      framework.quit('bye');
      await web.sees(`fw_${suffix} left`);
      expect(web.problems).toEqual([]);
      await web.takePicture(`chat-${suffix}`);
      tcp.socket.destroy();
      await web.close();
    },
  );

  test('an operator’s /whois shows the web client’s origin, in one block', async () => {
    const web = await enter('seen', '#lobby');
    const oper = await TcpUser.register(ircd.tcpPort, 'boss');
    oper.send('WHOIS seen');
    await oper.line(/ 318 boss seen /);
    expect(oper.lines.some((line) => line.includes(' 350 '))).toBe(false);
    oper.send('OPER admin secret', 'WHOIS seen');
    const origin = `is connected from the http://127.0.0.1:${ircd.webPort} WebSocket origin`;
    expect(await oper.line(/ 350 /)).toBe(`:irc.example.test 350 boss seen * * :${origin}`);
    await web.say('/oper admin secret');
    await web.sees('You are now an IRC operator');
    await web.say('/whois seen');
    await web.page.locator('#log .block', { hasText: origin }).waitFor();
    expect(await web.page.locator('#log .block dt').allTextContents()).toEqual(
      expect.arrayContaining(['Name', 'Channels', 'Gateway', 'Here since']),
    );
    await web.takePicture('whois');
    oper.socket.destroy();
    await web.close();
  });

  test('the commands do what they say, by keyboard alone', async () => {
    const web = await enter('keys', '#desk');
    const friend = await enterByTcp('friend', '#desk');
    await web.sees('friend joined');
    await web.say('/topic Tea & biscuits');
    await friend.line(/TOPIC #desk :Tea & biscuits$/);
    await web.say('/me pours');
    await friend.line(/PRIVMSG #desk :\x01ACTION pours\x01$/);
    await web.say('//not a command');
    await friend.line(/PRIVMSG #desk :\/not a command$/);
    await web.say('/mode +v friend');
    await web.page.locator('#member-list .prefix:text-is("+")').waitFor();
    await web.page.locator('#line').pressSequentially('fri');
    await web.page.keyboard.press('Tab');
    expect(await web.page.inputValue('#line')).toBe('friend: ');
    await web.page.keyboard.type('look');
    await web.page.keyboard.press('Enter');
    await friend.line(/PRIVMSG #desk :friend: look$/);
    await web.page.keyboard.type('not yet');
    await web.page.keyboard.press('ArrowUp');
    expect(await web.page.inputValue('#line')).toBe('friend: look');
    await web.page.keyboard.press('ArrowDown');
    expect(await web.page.inputValue('#line')).toBe('not yet');
    await web.say('/msg friend psst 🤫');
    await friend.line(/PRIVMSG friend :psst 🤫$/);
    await web.isIn('friend');
    await web.page.keyboard.press('Alt+ArrowUp');
    await web.isIn('#desk');
    friend.send('PRIVMSG keys :hello?');
    await web.page.locator('#buffer-list .badge:visible').waitFor();
    await web.say('/nick clavier');
    await friend.line(/NICK :clavier$/);
    await web.say('/join #other');
    await web.isIn('#other');
    await web.say('/list');
    await web.page.locator('#log .block', { hasText: '2 people: Tea & biscuits' }).waitFor();
    await web.say('/constructor');
    await web.sees('There is no /constructor');
    await web.say('/kick nobody');
    await web.sees('nobody');
    await web.say('/help');
    await web.page.locator('#log .block', { hasText: '/whois name' }).waitFor();
    await web.say('/part');
    await web.isIn('friend');
    await web.page.keyboard.press('Alt+ArrowUp');
    await web.say('/part off');
    await friend.line(/PART #desk :off$/);
    expect(web.problems).toEqual([]);
    friend.socket.destroy();
    await web.close();
  });

  test('what people say is text: markup, codes and links', async () => {
    const web = await enter('safe', '#text');
    const other = await enterByTcp('other', '#text');
    other.send(
      'PRIVMSG #text :<img src=x onerror=alert(1)> \x02\x0304,01red\x03\x02 (http://example.com/a_(b)?c=<d>) javascript:alert(1)',
    );
    await web.sees('<img src=x onerror=alert(1)> red (http://example.com/a_(b)?c=<d>) javascript:alert(1)');
    expect(await web.page.locator('#log img').count()).toBe(0);
    expect(await web.page.locator('#log .is-bold').allTextContents()).toEqual(['red']);
    const links = web.page.locator('#log .is-message a');
    expect(await links.count()).toBe(1);
    expect(await links.first().getAttribute('href')).toBe('http://example.com/a_(b)?c=');
    expect(await links.first().getAttribute('rel')).toContain('noopener');
    other.socket.destroy();
    await web.close();
  });

  test('U2 what is longer than a line is several, cut at no character; several lines are several', async () => {
    // Everything that counts towards the 512 bytes is longer than it has characters.
    const web = await enter('schön_ßüß', '#größe');
    const other = await enterByTcp('reader', '#größe');
    const heard = (): string[] => other.lines.filter((line) => line.includes(' PRIVMSG '));
    const text = (line: string): string => line.slice(line.indexOf(' :') + 2);
    const long = '😀é€word '.repeat(130).trim();
    await web.say(long);
    await until(() => heard().map(text).join('') === long);
    for (const line of heard()) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(510);
    expect(Math.max(...heard().map((line) => Buffer.byteLength(line)))).toBeGreaterThan(480);
    other.lines.length = 0;
    await web.say('one\r\n\n  two\nthree');
    await until(() => heard().length === 3);
    expect(heard().map(text)).toEqual(['one', '  two', 'three']);
    other.socket.destroy();
    await web.close();
  });

  test('a taken nick gets a tail, and says so; a refused one is said on the form', async () => {
    const first = await enter('twin', '#lobby');
    const second = await enter('twin', '#lobby');
    await second.page.locator('#member-list button', { hasText: 'twin_' }).waitFor();
    await second.sees('twin is taken: you are twin_');
    const third = await WebUser.open(browser, ircd.webPort);
    await third.join('9lives', '#lobby');
    await third.page.locator('#join-error', { hasText: '9lives cannot be a nickname on this server' }).waitFor();
    await third.join('lives9', '#lobby');
    await third.isIn('#lobby');
    for (const user of [first, second, third]) await user.close();
  });

  test('it talks to a server that offers no capabilities', async () => {
    const web = await WebUser.open(browser, ircd.webPort);
    // The real server, behind something that takes CAP away.
    await web.page.routeWebSocket(/./, (route) => {
      const server = route.connectToServer();
      route.onMessage((line) => {
        if (!String(line).startsWith('CAP ')) server.send(line);
      });
    });
    await web.join('plain', '#plain');
    await web.isIn('#plain');
    const other = await enterByTcp('hears', '#plain');
    await web.say('said once');
    await other.line(/PRIVMSG #plain :said once$/);
    await web.sees('said once');
    expect(await web.page.locator('#log .is-message').count()).toBe(1);
    other.socket.destroy();
    await web.close();
  });

  test('C7 a server that has fallen silent is noticed, without a Close or a FIN', async () => {
    // A connection that survives would look by itself, and wait (browser-resume.test.ts).
    const own = await startIrcd({ tags: '<websocket resumewindow="0">' });
    const web = await WebUser.open(browser, own.webPort);
    // The real server, behind a network that stops carrying what it says.
    let isSilent = false;
    const asked: string[] = [];
    const answered: string[] = [];
    await web.page.routeWebSocket(/./, (route) => {
      const server = route.connectToServer();
      route.onMessage((line) => {
        asked.push(String(line));
        server.send(line);
      });
      server.onMessage((line) => {
        if (isSilent) return;
        route.send(line);
        answered.push(String(line));
      });
    });
    await web.page.clock.install();
    await web.page.reload();
    await web.join('patient', '#quiet');
    await web.isIn('#quiet');
    await web.page.clock.runFor(70_000);
    expect(asked.at(-1)).toBe('PING :still there?');
    await until(() => / PONG .*:still there\?$/.test(answered.at(-1) ?? ''));
    await web.page.clock.runFor(30_000);
    expect(await web.page.getAttribute('#status', 'data-state')).toBe('online');
    isSilent = true;
    await web.page.clock.runFor(100_000);
    await web.sees('The connection is gone');
    await web.close();
    await own.stop();
  });

  test('it comes back by itself when the server does, as who it was, and shows meanwhile that it is away', async () => {
    const own = await startIrcd();
    const web = await WebUser.enter(browser, own.webPort, 'phoenix', '#nest');
    await web.say('/join #second');
    await web.isIn('#second');
    await web.say('/nick ash');
    await web.sees('You are now ash');
    await own.stop();
    await web.isConnection('waiting');
    await web.page.locator('#banner', { hasText: 'Next try in' }).waitFor();
    await web.say('not lost');
    await web.sees('There is no connection: this was not sent');
    expect(await web.page.inputValue('#line')).toBe('not lost');
    await web.takePicture('reconnecting');
    const again = await startIrcd({ webPort: own.webPort });
    try {
      await web.isConnection('online');
      expect(await web.page.locator('#banner').isVisible()).toBe(false);
      const other = await TcpUser.register(again.tcpPort, 'other');
      other.send('JOIN #nest,#second');
      expect(await other.line(/ 353 other = #nest /)).toContain('ash');
      expect(await other.line(/ 353 other = #second /)).toContain('ash');
      other.send('PRIVMSG #second :welcome back');
      await web.sees('welcome back');
      // Who leaves stays away, until they want to come in again.
      await web.say('/quit so long');
      await web.isConnection('offline');
      await other.line(/:ash!.* QUIT :Quit: so long$/);
      await web.page.click('#retry');
      await web.isConnection('online');
      await other.line(/:ash!.* JOIN #second$/);
      other.socket.destroy();
    } finally {
      await web.close();
      await again.stop();
    }
  });

  test.each(['light', 'dark'] as const)('it can be used on a phone, by touch (%s)', async (colorScheme) => {
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme };
    const web = await enter(`phone_${colorScheme}`, '#lobby', phone);
    const other = await enterByTcp(`desk_${colorScheme}`, '#lobby');
    other.send(`PRIVMSG #lobby :W${'i'.repeat(300)}de`);
    await web.say('from a phone 📱');
    await web.sees('from a phone 📱');
    expect(await web.page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await web.takePicture(`phone-${colorScheme}`);
    await web.page.tap('#show-buffers');
    await web.page.locator('#buffers button', { hasText: 'Server' }).tap();
    await web.isIn('Server');
    await web.page.tap('#show-buffers');
    await web.page.locator('#buffers button', { hasText: '#lobby' }).first().tap();
    await web.isIn('#lobby');
    await web.page.tap('#show-members');
    await web.page.locator('#members button', { hasText: `desk_${colorScheme}` }).tap();
    await web.isIn(`desk_${colorScheme}`);
    other.socket.destroy();
    await web.close();
  });

  test.each(['light', 'dark'] as const)('the theme button is remembered, and every colour can be read (%s)', async (theme) => {
    const web = await enter(`theme_${theme}`, '#lobby', { colorScheme: theme === 'light' ? 'dark' : 'light' });
    while ((await web.page.getAttribute('html', 'data-theme')) !== theme) await web.page.click('#theme');
    await web.page.reload();
    expect(await web.page.getAttribute('html', 'data-theme')).toBe(theme);
    expect(await web.page.inputValue('#nick')).toBe(`theme_${theme}`);
    await web.takePicture(`form-${theme}`);
    await web.page.click('#join-button');
    await web.isIn('#lobby');
    await web.say('/help');
    await web.takePicture(`desktop-${theme}`);
    expect(await web.page.evaluate<string[]>(`(${unreadableColours})()`)).toEqual([]);
    await web.close();
  });
});

/**
 * Runs in the page: every colour of text on every colour that it may stand on, below the 4.5 to 1 of WCAG 2.2, 1.4.3.
 *
 * As text, because it is the browser's: this project's types are Node's.
 */
const unreadableColours = `() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const probe = document.body.appendChild(document.createElement('span'));
  probe.className = 'nick';
  const luminanceOf = (colour) => {
    probe.style.color = colour;
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
      const part = byte / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgrounds = ['--page', '--side', '--raised', '--mention', '--found'];
  const colours = ['--text', '--quiet', '--accent', '--bad'].map((name) => [name, 'var(' + name + ')']);
  const unreadable = [];
  const check = (name, on, luminance) => {
    const [light, dark] = [luminance, luminanceOf('var(' + on + ')')].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) unreadable.push(name + ' on ' + on + ': ' + contrast.toFixed(2));
  };
  for (const on of backgrounds) {
    for (const [name, colour] of colours) check(name, on, luminanceOf(colour));
    for (let hue = 0; hue < 360; hue += 5) {
      probe.style.setProperty('--hue', hue);
      check('nick of hue ' + hue, on, luminanceOf(''));
    }
    // Every fifth of red, green and blue: what mIRC's codes may ask for is among them, or near one of them.
    probe.className = 'has-colour';
    for (let colour = 0; colour < 216; colour++) {
      const rgb = [colour % 6, Math.floor(colour / 6) % 6, Math.floor(colour / 36)].map((part) => part * 51).join(', ');
      probe.style.setProperty('--colour', 'rgb(' + rgb + ')');
      check('mIRC colour ' + rgb, on, luminanceOf(''));
    }
    probe.className = 'nick';
  }
  check('--on-accent', '--accent', luminanceOf('var(--on-accent)'));
  check('--on-bad', '--bad', luminanceOf('var(--on-bad)'));
  check('--text', '--warn', luminanceOf('var(--text)'));
  check('--quiet', '--warn', luminanceOf('var(--quiet)'));
  probe.remove();
  return unreadable;
}`;
