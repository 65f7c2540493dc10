import { describe, expect, test, vi } from 'vitest';
import { Conversation, MAX_ENTRIES } from '../../examples/ircd/web/conversation.ts';
import { findLinks } from '../../examples/ircd/web/links.ts';
import { Members } from '../../examples/ircd/web/members.ts';
import { plainText, readableOn, readMirc } from '../../examples/ircd/web/mirc.ts';
import { Pace, type Paced } from '../../examples/ircd/web/pace.ts';
import { type Presence, summarise } from '../../examples/ircd/web/presence.ts';
import { offersPlain, plainResponse } from '../../examples/ircd/web/sasl.ts';

describe('mIRC codes', () => {
  /** Runs in short: `text|styles|colour,background`. */
  const short = (text: string): string[] =>
    readMirc(text).map(({ text, styles, colour, background }) => `${text}|${styles.join(' ')}|${colour},${background}`);

  test.each([
    ['plain', ['plain||null,null']],
    ['\x02a\x1db\x02c', ['a|is-bold|null,null', 'b|is-bold is-italic|null,null', 'c|is-italic|null,null']],
    ['\x0304a\x03b', ['a||#ff0000,null', 'b||null,null']],
    // Two digits at most; a comma without a number is text.
    ['\x03041', ['1||#ff0000,null']],
    ['\x034,x', [',x||#ff0000,null']],
    ['\x034,1a\x033b\x03c', ['a||#ff0000,#000000', 'b||#009300,#000000', 'c||null,null']],
    ['\x0399,99a', ['a||null,null']],
    ['\x04ff8800,00ff00a\x0fb', ['a||#ff8800,#00ff00', 'b||null,null']],
    ['\x16a\x0fb', ['a|is-reversed|null,null', 'b||null,null']],
    ['a\x01\x00b', ['a||null,null', 'b||null,null']],
    ['', []],
  ])('%j', (text, runs) => {
    expect(short(text)).toEqual(runs);
  });

  test('\\x0f ends colours and styles alike', () => {
    expect(short('\x02\x034a\x0fb')).toEqual(['a|is-bold|#ff0000,null', 'b||null,null']);
  });

  test('the text without them', () => {
    expect(plainText('\x02a\x0304,01b\x03c\x0f')).toBe('abc');
  });

  test.each([
    ['#000000', '#00fc00', '#00fc00'],
    ['#ffff00', '#ffffff', '#000000'],
    ['#00007f', '#000000', '#ffffff'],
    ['#ff0000', null, '#000000'],
  ])('on %s, %s becomes %s', (background, colour, readable) => {
    expect(readableOn(background, colour)).toBe(readable);
  });
});

describe('links', () => {
  const found = (text: string): string[] =>
    findLinks(text).flatMap(({ text, link }) => (link === null ? [] : [`${link.kind} ${text}`]));

  test.each([
    ['see https://example.org/a_(b)?c=d#e.', ['web https://example.org/a_(b)?c=d#e']],
    ['(https://example.org/a)', ['web https://example.org/a']],
    ['www.example.org, WWW.example.org/x!', ['web www.example.org', 'web WWW.example.org/x']],
    ['www. www.x', []],
    ['irc://irc.example.org/channel and ircs://x:6697/#y', ['irc irc://irc.example.org/channel', 'irc ircs://x:6697/#y']],
    ['join #lobby, #größe: or (#a.b).', ['channel #lobby', 'channel #größe', 'channel #a.b']],
    ['##double', ['channel ##double']],
    ['#17 C# a#b /#x &#39; #', []],
    ['javascript:alert(1) xhttps://example.org data:text/html,x', []],
    ['https://', []],
  ])('%j', (text, links) => {
    expect(found(text)).toEqual(links);
    expect(
      findLinks(text)
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
  });
});

describe('comings and goings', () => {
  const at = new Date();
  const changes = (words: string): Presence[] =>
    words.split(' ').map((word) => {
      const nick = word.slice(1);
      const does = word.startsWith('+') ? 'joined' : word.startsWith('-') ? 'left' : 'renamed';
      return { does, nick, at, text: does === 'renamed' ? `${nick} is now ${nick}2` : `${nick} ${does}` };
    });

  test.each([
    ['+a', 'a joined'],
    ['+a +b', 'a and b joined'],
    ['+a +b -c', 'a and b joined; c left'],
    ['+a -a', 'a came and went'],
    ['-a +a', 'a left and came back'],
    ['-a +a -a', 'a left'],
    ['+a =b', 'a joined; b is now b2'],
    ['+a +b +c +d +e', 'a, b, c, d and e joined'],
    ['+a +b +c +d +e +f', 'a, b, c, d and 2 others joined'],
    ['=a =b =c =d =e', '5 new names'],
  ])('%s is “%s”', (words, sentence) => {
    expect(summarise(changes(words))).toBe(sentence);
  });

  test('they are one entry, until something else happens', () => {
    const conversation = new Conversation('#x');
    for (const change of changes('+a +b')) conversation.addPresence(change);
    conversation.add({ kind: 'message', from: 'a', text: 'hi', at, isMention: false, rows: [], changes: [] });
    for (const change of changes('-a')) conversation.addPresence(change);
    expect([conversation.start, conversation.end]).toEqual([0, 3]);
    expect(conversation.entry(0)?.text).toBe('a and b joined');
    expect(conversation.entry(2)?.text).toBe('a left');
  });
});

test('a conversation keeps its newest entries, each under its number', () => {
  const conversation = new Conversation('#x');
  const total = MAX_ENTRIES + 5_000;
  for (let number = 0; number < total; number++)
    conversation.add({
      kind: 'message',
      from: 'a',
      text: String(number),
      at: new Date(),
      isMention: false,
      rows: [],
      changes: [],
    });
  expect(conversation.end).toBe(total);
  expect(total - conversation.start).toBeGreaterThanOrEqual(MAX_ENTRIES);
  expect(total - conversation.start).toBeLessThan(MAX_ENTRIES + 1_000);
  expect(conversation.entry(total - 1)?.text).toBe(String(total - 1));
  expect(conversation.entry(conversation.start)?.text).toBe(String(conversation.start));
  expect(conversation.entry(conversation.start - 1)).toBeUndefined();
});

test('members are sorted by rank and name; NAMES replaces them when it ends', () => {
  const members = new Members();
  members.set('zoe', '');
  for (const word of ['@carl', '+bob', 'Alf', 'eve', '&@dora', '']) members.list(word);
  expect(members.nicks()).toEqual(['zoe']);
  const { version } = members;
  members.endList();
  expect(members.version).toBeGreaterThan(version);
  expect(members.sorted().map(({ nick, prefixes }) => prefixes + nick)).toEqual(['&@dora', '@carl', '+bob', 'Alf', 'eve']);
  members.rename('Alf', 'zed');
  expect(members.sorted().at(-1)?.nick).toBe('zed');
});

describe('the pace of what is said', () => {
  function pace(): {
    pace: Pace;
    sent: string[];
    add: (target: string, ...texts: string[]) => void;
    setOpen: (isOpen: boolean) => void;
  } {
    const sent: string[] = [];
    let isOpen = true;
    const made = new Pace(() => {});
    const line = (target: string, text: string): Paced => ({
      target,
      text,
      send: () => {
        if (isOpen) sent.push(`${target} ${text}`);
        return isOpen;
      },
    });
    return {
      pace: made,
      sent,
      add: (target, ...texts) => made.add(texts.map((text) => line(target, text))),
      setOpen: (open) => {
        isOpen = open;
      },
    };
  }

  const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

  test('eight at once, then two a second, in order; conversations take turns', () => {
    vi.useFakeTimers();
    try {
      const { pace: made, sent, add } = pace();
      add('#a', ...numbers(20));
      expect(sent).toEqual(numbers(8).map((number) => `#a ${number}`));
      add('#b', 'quick');
      expect(made.waiting).toBe(13);
      vi.advanceTimersByTime(1_000);
      expect(sent.slice(8).sort()).toEqual(['#a 8', '#b quick']);
      vi.advanceTimersByTime(60_000);
      expect(sent.filter((line) => line.startsWith('#a'))).toEqual(numbers(20).map((number) => `#a ${number}`));
      expect(made.waiting).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('what could not be sent is not lost', () => {
    vi.useFakeTimers();
    try {
      const { pace: made, sent, add, setOpen } = pace();
      add('#a', ...numbers(10));
      setOpen(false);
      vi.advanceTimersByTime(5_000);
      expect(sent.length).toBe(8);
      expect(made.clear().map(({ text }) => text)).toEqual(['8', '9']);
      expect(made.waiting).toBe(0);
      setOpen(true);
      vi.advanceTimersByTime(5_000);
      expect(sent.length).toBe(8);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('SASL PLAIN', () => {
  test.each([
    ['sasl', true],
    ['sasl=PLAIN', true],
    ['sasl=SCRAM-SHA-256,plain', true],
    ['sasl=EXTERNAL', false],
    ['saslx', false],
  ])('%s: %s', (capability, isOffered) => {
    expect(offersPlain(capability)).toBe(isOffered);
  });

  test('the response is base64 of UTF-8, in pieces of 400', () => {
    const decode = (lines: string[]): string =>
      Buffer.from(
        lines.map((line) => line.slice('AUTHENTICATE '.length).replace('+', (sign, at) => (at === 0 ? '' : sign))).join(''),
        'base64',
      ).toString();
    expect(plainResponse({ name: 'ada', password: 'x' })).toEqual(['AUTHENTICATE AGFkYQB4']);
    for (const size of [1, 294, 295, 296, 600]) {
      const lines = plainResponse({ name: 'ada', password: 'é'.repeat(size) });
      expect(decode(lines)).toBe(`\0ada\0${'é'.repeat(size)}`);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual('AUTHENTICATE '.length + 400);
      // The server must see that it is over.
      expect(lines.at(-1)?.length).toBeLessThan('AUTHENTICATE '.length + 400);
    }
    // 1 + 3 + 1 + 295 bytes are 400 characters of base64.
    expect(plainResponse({ name: 'ada', password: 'x'.repeat(295) }).at(-1)).toBe('AUTHENTICATE +');
  });
});
