/** The web client beside talking: search, ignore, paste, login, links, notifications. */
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, WebUser } from '../helpers/browser.ts';
import { requirePeer } from '../helpers/peers.ts';
import { type Script, ScriptedIrc } from '../helpers/scripted-irc.ts';

const CHROMIUM = requirePeer('chromium');

describe.skipIf(CHROMIUM === null)('the web client, beside talking', () => {
  let browser: Browser;
  let irc: ScriptedIrc;

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
  });

  afterEach(async () => {
    await irc?.stop();
  });

  afterAll(async () => {
    await browser?.close();
  });

  async function open(script: Script = {}, options: BrowserContextOptions = {}): Promise<WebUser> {
    irc = await ScriptedIrc.start({ members: ['@ada', 'bob'], ...script });
    return WebUser.open(browser, irc.port, options);
  }

  async function enter(script: Script = {}, options: BrowserContextOptions = {}): Promise<WebUser> {
    const web = await open(script, options);
    await web.join('me', '#talk');
    await web.isIn('#talk');
    return web;
  }

  const sent = (command: string): string[] => irc.received.filter((line) => line.startsWith(`${command} `));

  test('joins and parts in a row are one line, which opens', async () => {
    const web = await enter();
    irc.send(':cleo!u@h JOIN #talk', ':dan!u@h JOIN #talk', ':cleo!u@h QUIT :Ping timeout', ':bob!u@h NICK :rob');
    const folded = web.page.locator('#log .is-presence');
    await expect.poll(() => folded.locator('summary').textContent()).toBe('dan joined; cleo came and went; bob is now rob');
    expect(await folded.count()).toBe(1);
    await folded.locator('summary').click();
    await folded.locator('li', { hasText: 'cleo left (Ping timeout)' }).waitFor();
    // Open, it grows.
    irc.send(':ada!u@h PART #talk :off');
    await folded.locator('li', { hasText: 'ada left (off)' }).waitFor();
    irc.send(':rob!u@h PRIVMSG #talk :hm', ':cleo!u@h JOIN #talk');
    await expect.poll(() => folded.count()).toBe(2);
    await web.close();
  });

  test('/ignore hides what somebody says, over a reload, until /unignore', async () => {
    const web = await enter();
    await web.say('/ignore BOB');
    await web.sees('You no longer see what BOB says');
    irc.send(':bob!u@h PRIVMSG #talk :hidden', ':bob!u@h PRIVMSG me :hidden', ':ada!u@h PRIVMSG #talk :seen');
    await web.sees('seen');
    await web.page.reload();
    await web.join('me', '#talk');
    await web.isIn('#talk');
    irc.send(':bob!u@h PRIVMSG #talk :hidden too', ':ada!u@h PRIVMSG #talk :seen too');
    await web.sees('seen too');
    expect(await web.page.locator('#log li', { hasText: 'hidden' }).count()).toBe(0);
    expect(await web.page.locator('#buffer-list li').count()).toBe(2);
    await web.say('/ignore');
    await web.sees('You ignore bob');
    await web.say('/unignore bob');
    irc.send(':bob!u@h PRIVMSG #talk :back again');
    await web.sees('back again');
    await web.close();
  });

  test('the search goes from the newest line to older ones, and marks where it is', async () => {
    const web = await enter();
    irc.send(
      ...Array.from(
        { length: 500 },
        (_, index) => `:ada!u@h PRIVMSG #talk :${index % 100 === 7 ? 'n\x02eed\x02le' : 'hay'} ${index}`,
      ),
    );
    await web.sees('hay 499');
    await web.say('/search NEEDLE');
    const found = web.page.locator('#log .is-found');
    const count = web.page.locator('#search-count');
    await expect.poll(() => count.textContent()).toBe('1 of 5');
    expect(await found.textContent()).toContain('needle 407');
    await web.page.keyboard.press('Enter');
    await expect.poll(() => found.textContent()).toContain('needle 307');
    expect(await found.evaluate((item) => (item as unknown as { checkVisibility(): boolean }).checkVisibility())).toBe(true);
    await web.page.keyboard.press('Shift+Enter');
    await web.page.keyboard.press('Shift+Enter');
    await expect.poll(() => found.textContent()).toContain('needle 7');
    await web.page.fill('#search-text', 'nowhere');
    await expect.poll(() => count.textContent()).toBe('Nothing found');
    await web.page.keyboard.press('Escape');
    expect(await web.page.locator('#search').isVisible()).toBe(false);
    expect(await found.count()).toBe(0);
    await web.close();
  });

  test('many lines are asked about, and go out at a pace; what waits can be stopped', async () => {
    const web = await enter();
    await web.page.clock.install();
    const poem = Array.from({ length: 80 }, (_, index) => `verse ${index}`).join('\n');
    await web.say(poem);
    await web.page.locator('#paste', { hasText: 'Send 80 lines to #talk?' }).waitFor();
    // Enter twice is no answer.
    await web.page.keyboard.press('Enter');
    await web.page.locator('#paste').waitFor({ state: 'hidden' });
    expect(await web.page.inputValue('#line')).toBe(poem);
    expect(sent('PRIVMSG')).toEqual([]);
    await web.page.press('#line', 'Enter');
    await web.page.click('#paste button.primary');
    await expect.poll(() => web.page.inputValue('#line')).toBe('');
    // A command does not go round the question.
    await web.say(`/me ${poem}`);
    await web.page.locator('#paste').waitFor();
    await web.page.click('#paste-back');
    await web.page.fill('#line', '');
    await web.page.clock.runFor(10_000);
    await expect.poll(() => sent('PRIVMSG').length).toBeGreaterThan(15);
    // Eight at once and two a second.
    expect(sent('PRIVMSG').length).toBeLessThanOrEqual(30);
    // An answer elsewhere does not wait for the poem.
    await web.say('/msg ada in between');
    await web.page.clock.runFor(1_500);
    await expect.poll(() => sent('PRIVMSG').includes('PRIVMSG ada :in between')).toBe(true);
    await web.page.click('#sending-stop');
    await web.sees('lines were not sent');
    const count = sent('PRIVMSG').length;
    await web.page.clock.runFor(60_000);
    expect(sent('PRIVMSG').length).toBe(count);
    expect(sent('PRIVMSG').filter((line) => line.startsWith('PRIVMSG #talk'))).toEqual(
      Array.from({ length: count - 1 }, (_, index) => `PRIVMSG #talk :verse ${index}`),
    );
    await web.close();
  });

  test('the reason of the server is shown in the conversation, and unsent lines come back to the input', async () => {
    const web = await enter();
    await web.say('line\n'.repeat(40));
    await web.page.click('#paste button.primary');
    await web.page.locator('#sending').waitFor();
    irc.send('ERROR :Closing link: (web@127.0.0.1) [Excess Flood]');
    irc.drop();
    await web.page
      .locator('#log .is-error', { hasText: 'The server closed the connection: Excess Flood. It got more lines' })
      .waitFor();
    await web.page.locator('#log .is-error', { hasText: 'lines were not sent' }).waitFor();
    await expect.poll(() => web.page.inputValue('#line')).toMatch(/^line\nline/);
    await web.page.locator('#banner', { hasText: 'Excess Flood' }).waitFor();
    await web.close();
  });

  test('errors are sentences, in the conversation that is shown', async () => {
    const web = await enter();
    irc.send(':irc.test 482 me #talk :You are not a channel operator', ':irc.test 475 me #secret :Cannot join channel (+k)');
    await web.page.locator('#log .is-error', { hasText: 'Only the operators of #talk may do that' }).waitFor();
    await web.page.locator('#log .is-error', { hasText: '#secret has a key: /join #secret key' }).waitFor();
    await web.close();
  });

  describe('the login', () => {
    const answer = (line: string): readonly string[] | null => {
      if (line === 'AUTHENTICATE PLAIN') return ['AUTHENTICATE +'];
      if (!line.startsWith('AUTHENTICATE ')) return null;
      const [, name, password] = Buffer.from(line.slice('AUTHENTICATE '.length), 'base64').toString().split('\0');
      if (name === 'ada' && password === 'sésame')
        return [':irc.test 900 me me!u@h ada :You are logged in', ':irc.test 903 me :Success'];
      return [':irc.test 904 me :SASL authentication failed'];
    };

    async function logIn(web: WebUser, password: string): Promise<void> {
      if ((await web.page.locator('#login').getAttribute('open')) === null) await web.page.click('#login summary');
      await web.page.fill('#account', 'ada');
      await web.page.fill('#password', password);
      await web.join('me', '#talk');
    }

    test('SASL PLAIN: a wrong password is said on the form, a right one lets in', async () => {
      const web = await open({ capabilities: 'sasl=PLAIN,EXTERNAL server-time', answer });
      await logIn(web, 'wrong');
      await web.page.locator('#join-error', { hasText: 'the account or its password is wrong' }).waitFor();
      await logIn(web, 'sésame');
      await web.isIn('#talk');
      expect(irc.received).toContain('CAP REQ :server-time sasl');
      await web.close();
    });

    test('a server without accounts says so, and lets in all the same', async () => {
      const web = await open({ capabilities: 'sasl=EXTERNAL' });
      await logIn(web, 'sésame');
      await web.isIn('#talk');
      await web.sees('This server has no accounts to log in to');
      expect(irc.received.join()).not.toContain('AUTHENTICATE');
      await web.close();
    });

    test('a server with a password: it is asked for, and sent first', async () => {
      const web = await open({
        answer: (line) => {
          if (line === 'CAP END')
            return irc.received.includes('PASS :let me in') ? null : [':irc.test 464 me :Password incorrect'];
          return null;
        },
      });
      await web.join('me', '#talk');
      await web.page.locator('#join-error', { hasText: 'The password is wrong' }).waitFor();
      await web.page.fill('#server-password', 'let me in');
      await web.page.click('#join-button');
      await web.isIn('#talk');
      await web.close();
    });
  });

  test('channels and irc:// links of this server are followed here, other links in a new tab', async () => {
    const web = await enter();
    irc.send(
      ':ada!u@h PRIVMSG #talk :see #one, www.example.org/x. irc://127.0.0.1/two irc://elsewhere.example/three #17 a#b https://example.com',
    );
    const links = web.page.locator('#log .is-message a');
    await expect
      .poll(() => links.allTextContents())
      .toEqual(['#one', 'www.example.org/x', 'irc://127.0.0.1/two', 'irc://elsewhere.example/three', 'https://example.com']);
    expect(await links.nth(1).getAttribute('href')).toBe('https://www.example.org/x');
    expect(await links.nth(1).getAttribute('target')).toBe('_blank');
    expect(await links.nth(3).getAttribute('href')).toBe('irc://elsewhere.example/three');
    await links.nth(0).click();
    await web.isIn('#one');
    await web.page.locator('#buffer-list .name', { hasText: '#talk' }).click();
    await links.nth(2).click();
    await web.isIn('#two');
    expect(sent('JOIN')).toEqual(['JOIN #talk', 'JOIN #one', 'JOIN #two']);
    expect(web.page.context().pages().length).toBe(1);
    await web.close();
  });

  test('what is unread is in the title and on the icon', async () => {
    const web = await enter();
    const icon = (): Promise<string | null> => web.page.getAttribute('link[rel=icon]', 'href');
    expect(await web.page.title()).toBe('#talk · Chat');
    await web.page.locator('#buffer-list .name', { hasText: 'Server' }).click();
    irc.send(':ada!u@h PRIVMSG #talk :hello all');
    await expect.poll(() => web.page.title()).toBe('(1) Server · Chat');
    expect(await icon()).toBe('/icon-unread.svg');
    irc.send(':ada!u@h PRIVMSG #talk :me: hello you');
    await expect.poll(icon).toBe('/icon-mention.svg');
    await web.page.locator('#buffer-list .name', { hasText: '#talk' }).click();
    await expect.poll(icon).toBe('/icon.svg');
    expect(await web.page.title()).toBe('#talk · Chat');
    // A line stands above the first of them, and above the first of the next ones when there are any.
    const mark = web.page.locator('#log .is-new');
    const below = web.page.locator('#log .is-new + li');
    await expect.poll(() => below.textContent()).toContain('hello all');
    await web.page.locator('#buffer-list .name', { hasText: 'Server' }).click();
    irc.send(':ada!u@h PRIVMSG #talk :later');
    await web.page.locator('#buffer-list .name', { hasText: '#talk' }).click();
    await web.sees('later');
    expect(await mark.count()).toBe(1);
    await expect.poll(() => below.textContent()).toContain('later');
    await web.close();
  });

  test('the page offers notifications after a missed message, and sends them once they are allowed', async () => {
    const web = await open();
    // A browser without a screen has no notifications: one that keeps what it is told, and a page that can look away.
    await web.page.addInitScript(`
      window.isLooking = true;
      document.hasFocus = () => window.isLooking;
      window.told = [];
      window.Notification = class extends EventTarget {
        static permission = 'default';
        static requestPermission() { Notification.permission = 'granted'; return Promise.resolve('granted'); }
        constructor(title, options) { super(); window.told.push(title + ': ' + options.body); }
        close() {}
      };
    `);
    await web.page.reload();
    await web.join('me', '#talk');
    await web.isIn('#talk');
    const look = (isLooking: boolean): Promise<void> =>
      web.page.evaluate<void>(`window.isLooking = ${isLooking}; ${isLooking ? `dispatchEvent(new Event('focus'))` : ''}; void 0`);
    irc.send(':ada!u@h PRIVMSG #talk :me: here');
    await web.sees('me: here');
    await look(true);
    expect(await web.page.locator('#notify').isVisible()).toBe(false);
    await look(false);
    irc.send(':ada!u@h PRIVMSG #talk :me: \x02there\x02');
    await web.sees('me: there');
    await look(true);
    await web.page.click('#notify-yes');
    expect(await web.page.locator('#notify').isVisible()).toBe(false);
    await look(false);
    irc.send(':bob!u@h PRIVMSG #talk :nothing for you', ':bob!u@h PRIVMSG me :\x0304psst', ':ada!u@h PRIVMSG #talk :me: ping');
    await expect.poll(() => web.page.evaluate<string[]>('window.told')).toEqual(['bob: psst', 'ada in #talk: me: ping']);
    await web.close();
  });
});
