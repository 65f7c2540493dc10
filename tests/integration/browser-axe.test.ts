/** Every view of the web client, in light and in dark, by axe's rules of accessibility. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBarriers } from '../helpers/axe.ts';
import { launchBrowser, WebUser } from '../helpers/browser.ts';
import { requirePeer } from '../helpers/peers.ts';
import { ScriptedIrc } from '../helpers/scripted-irc.ts';

const CHROMIUM = requirePeer('chromium');
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };

/** One entry of every kind, and every colour of mIRC's. */
const TALK = [
  ':ada!u@host PRIVMSG #view :plain words, a link to https://example.org/ and to #other',
  ':ada!u@host PRIVMSG #view :more of the same person',
  ':bob!u@host PRIVMSG #view :me: a mention',
  ':bob!u@host PRIVMSG #view :\x01ACTION does something\x01',
  ':bob!u@host NOTICE #view :a notice',
  ':cleo!u@host JOIN #view',
  ':dan!u@host JOIN #view',
  ':cleo!u@host QUIT :bye',
  ':irc.test 404 me #view :Cannot send to channel',
  ':irc.test 311 me ada u host * :Ada',
  ':irc.test 318 me ada :End',
  ':ada!u@host TOPIC #view :a topic with www.example.org',
  ...[0, 33, 66].map(
    (from) =>
      `:ada!u@host PRIVMSG #view :${Array.from({ length: 33 }, (_, index) => `\x03${String(from + index).padStart(2, '0')}colour`).join(' ')}`,
  ),
  ...[0, 4, 8, 12].map(
    (from) =>
      `:ada!u@host PRIVMSG #view :${Array.from({ length: 4 }, (_, index) => `\x03${index},${String(from + index).padStart(2, '0')} on \x03`).join(' ')}`,
  ),
];

describe.skipIf(CHROMIUM === null)('axe finds nothing', () => {
  let browser: Browser;
  let irc: ScriptedIrc;

  beforeAll(async () => {
    browser = await launchBrowser(CHROMIUM as string);
    irc = await ScriptedIrc.start({ members: ['@ada', '+bob', 'cleo'] });
  });

  afterAll(async () => {
    await browser?.close();
    await irc?.stop();
  });

  describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
    test('the form, and its login', async () => {
      const web = await WebUser.open(browser, irc.port, { ...DESKTOP, colorScheme });
      expect(await findBarriers(web.page)).toEqual([]);
      await web.page.click('#login summary');
      expect(await findBarriers(web.page)).toEqual([]);
      await web.close();
    });

    test('a channel with everything in it, the search, the question before a paste, the banners', async () => {
      const web = await WebUser.enter(browser, irc.port, 'me', '#view', { ...DESKTOP, colorScheme });
      irc.send(...TALK, ':ada!u@host PRIVMSG me :psst');
      await web.page.locator('#log .has-background').nth(15).waitFor();
      await web.page.locator('#log summary').click();
      expect(await findBarriers(web.page)).toEqual([]);
      await web.takePicture(`axe-${colorScheme}`);

      await web.page.click('#show-search');
      await web.page.fill('#search-text', 'mention');
      await web.page.locator('#log .is-found').waitFor();
      expect(await findBarriers(web.page)).toEqual([]);
      await web.page.keyboard.press('Escape');

      await web.say('line\n'.repeat(40));
      await web.page.locator('#paste').waitFor();
      expect(await findBarriers(web.page)).toEqual([]);
      await web.page.click('#paste button.primary');
      await web.page.locator('#sending').waitFor();
      expect(await findBarriers(web.page)).toEqual([]);
      await web.page.click('#sending-stop');

      await web.page.evaluate(`document.getElementById('notify').hidden = false`);
      expect(await findBarriers(web.page)).toEqual([]);
      irc.send('ERROR :Closing link: (u@host) [Excess Flood]');
      irc.drop();
      await web.page.locator('#banner').waitFor();
      expect(await findBarriers(web.page)).toEqual([]);
      expect(web.problems).toEqual([]);
      await web.close();
    });

    test('a phone, and its panels', async () => {
      const web = await WebUser.enter(browser, irc.port, 'me', '#view', { ...PHONE, colorScheme });
      irc.send(...TALK);
      await web.sees('a mention');
      expect(await findBarriers(web.page)).toEqual([]);
      await web.page.tap('#show-buffers');
      await web.page.locator('#buffers.is-open').waitFor();
      expect(await findBarriers(web.page)).toEqual([]);
      await web.page.keyboard.press('Escape');
      await web.page.tap('#show-members');
      await web.page.locator('#members.is-open').waitFor();
      expect(await findBarriers(web.page)).toEqual([]);
      await web.close();
    });
  });
});
