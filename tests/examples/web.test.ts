import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { completions } from '../../examples/ircd/web/complete.ts';
import { parseMessage } from '../../examples/ircd/web/message.ts';
import { describeNumeric } from '../../examples/ircd/web/numerics.ts';
import { Registration } from '../../examples/ircd/web/registration.ts';
import type { Account } from '../../examples/ircd/web/sasl.ts';
import { splitText } from '../../examples/ircd/web/split.ts';
import { State } from '../../examples/ircd/web/state.ts';
import { Whois } from '../../examples/ircd/web/whois.ts';

describe('a line becomes its parts', () => {
  test.each([
    ['PING :irc.test', '', 'PING', ['irc.test']],
    [':irc.test 001 ada :Welcome to IRC', 'irc.test', '001', ['ada', 'Welcome to IRC']],
    [':a!b@c PRIVMSG #d ::-) : x', 'a', 'PRIVMSG', ['#d', ':-) : x']],
    [':a!b@c PRIVMSG #d :', 'a', 'PRIVMSG', ['#d', '']],
    ['@time=x  :a  mode  #d  +o   e', 'a', 'MODE', ['#d', '+o', 'e']],
    [':a', 'a', '', []],
    ['', '', '', []],
  ])('%j', (line, nick, command, params) => {
    expect(parseMessage(line)).toMatchObject({ nick, command, params });
  });

  test('tags are unescaped, a lone backslash is dropped', () => {
    const { tags } = parseMessage('@a=1\\:\\s\\\\\\r\\n\\x\\;b;+c/d=e=f X');
    expect([...tags]).toEqual([
      ['a', '1; \\\r\nx'],
      ['b', ''],
      ['+c/d', 'e=f'],
    ]);
  });

  test('no line makes it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (line) => Array.isArray(parseMessage(line).params)));
  });
});

describe('what is typed is split into messages that fit (U2)', () => {
  const size = (text: string): number => Buffer.byteLength(text);

  test.each([
    ['short', 10, ['short']],
    ['two words', 6, ['two ', 'words']],
    ['a\r\nb\n\n \nc', 10, ['a', 'b', 'c']],
    ['abcdefgh', 3, ['abc', 'def', 'gh']],
    // Two bytes, three, four: none is cut.
    ['ééé', 5, ['éé', 'é']],
    ['€€', 5, ['€', '€']],
    ['😀😀', 7, ['😀', '😀']],
    // A family is 25 bytes, a flag 8: they are kept whole where they fit.
    ['👨‍👩‍👧‍👦👨‍👩‍👧‍👦', 30, ['👨‍👩‍👧‍👦', '👨‍👩‍👧‍👦']],
    ['x🇩🇪🇫🇷', 10, ['x🇩🇪', '🇫🇷']],
    ['', 10, []],
  ])('%j in %i bytes', (text, room, parts) => {
    expect(splitText(text, room)).toEqual(parts);
  });

  test('every part fits, and nothing is lost', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 4, max: 40 }), (text, room) => {
        fc.pre(!/[\r\n]/.test(text) && text.trim() !== '');
        const parts = splitText(text, room);
        expect(parts.join('')).toBe(text);
        for (const part of parts) expect(size(part)).toBeLessThanOrEqual(room);
        for (const part of parts) expect(Buffer.from(part).toString()).toBe(part);
      }),
    );
  });
});

describe('Tab completes', () => {
  const all = { nicks: ['grace', 'Gregor', 'ada'], channels: ['#lobby'], commands: ['join', 'list'] };

  test.each([
    ['g', true, ['grace: ', 'Gregor: ']],
    ['GRE', false, ['Gregor ']],
    ['#l', false, ['#lobby ']],
    ['/jo', true, ['/join ']],
    ['/jo', false, []],
    ['', true, []],
    ['zzz', true, []],
  ])('%j, first %s', (word, isFirst, found) => {
    expect(completions(word, isFirst, all)).toEqual(found);
  });
});

describe('registration', () => {
  function register(
    nick: string,
    account: Account | null = null,
  ): { sent: string[]; outcomes: string[]; receive: (line: string) => boolean } {
    const sent: string[] = [];
    const outcomes: string[] = [];
    const registration = new Registration(
      { nick, serverPassword: '', account },
      {
        send: (line) => void sent.push(line),
        onWelcome: (welcomed) => void outcomes.push(`welcome ${welcomed}`),
        onRemark: (text) => void outcomes.push(`remark ${text}`),
        onRefused: (reason) => void outcomes.push(`refused ${reason}`),
      },
    );
    sent.length = 0;
    return { sent, outcomes, receive: (line) => registration.receive(parseMessage(line)) };
  }

  test('what is offered in several lines is asked for in one, and only what is wanted', () => {
    const { sent, receive } = register('ada');
    receive(':s CAP * LS * :sasl=PLAIN server-time');
    expect(sent).toEqual([]);
    receive(':s CAP * LS :echo-message batch');
    receive(':s CAP ada ACK :server-time echo-message');
    expect(sent).toEqual(['CAP REQ :server-time echo-message', 'CAP END']);
  });

  test('where nothing is offered, or all is refused, it goes on without', () => {
    const nothing = register('ada');
    nothing.receive(':s CAP * LS :');
    expect(nothing.sent).toEqual(['CAP END']);
    const refused = register('ada');
    refused.receive(':s CAP * LS :server-time');
    refused.receive(':s CAP * NAK :server-time');
    expect(refused.sent).toEqual(['CAP REQ :server-time', 'CAP END']);
  });

  test('a taken nick gets a tail of up to four, and never more than 30 characters', () => {
    const { sent, outcomes, receive } = register('x'.repeat(30));
    for (let i = 0; i < 5; i++) receive(':s 433 * x :Nickname is already in use.');
    expect(sent).toEqual([1, 2, 3, 4].map((n) => `NICK ${'x'.repeat(30 - n)}${'_'.repeat(n)}`));
    expect(outcomes).toEqual(['refused The nickname x is taken']);
  });

  test('after 001 a taken nick is an error like any other', () => {
    const { outcomes, receive } = register('ada');
    expect(receive(':s 001 ada_ :Welcome')).toBe(true);
    expect(receive(':s 433 ada_ bob :Nickname is already in use.')).toBe(false);
    expect(outcomes).toEqual(['welcome ada_']);
  });
});

describe('numerics in words', () => {
  test('a WHOIS is one block, numeric 350 included', () => {
    const whois = new Whois();
    const lines = [
      ':s 311 me ada ~web 192.0.2.1 * :Ada',
      ':s 319 me ada :@#lobby #x',
      ':s 350 me ada 10.0.0.1 10.0.0.1 :is connected from the https://chat.example WebSocket origin',
      ':s 301 me ada :tea',
      ':s 317 me ada 3700 0 :seconds idle, signon time',
    ];
    for (const line of lines) expect(whois.receive(parseMessage(line))).toBe(true);
    expect(whois.finish().slice(0, 6)).toEqual([
      ['Name', 'Ada'],
      ['Address', '~web@192.0.2.1'],
      ['Channels', '@#lobby #x'],
      ['Gateway', 'is connected from the https://chat.example WebSocket origin, through 10.0.0.1'],
      ['Away', 'tea'],
      ['Silent for', '1 h 1 min'],
    ]);
    expect(whois.finish()).toEqual([]);
    // Outside of a WHOIS, 301 answers a message.
    expect(whois.receive(parseMessage(':s 301 me ada :tea'))).toBe(false);
  });

  test.each([
    ['404', ['#a', 'Cannot send to channel'], 'Your message did not get into #a: Cannot send to channel'],
    ['441', ['bob', '#a', "They aren't on that channel"], 'bob is not in #a'],
    ['491', ['Invalid oper credentials'], 'That name and password do not make you an operator here'],
    ['407', ['bob', 'Too many recipients'], 'bob: Too many recipients'],
    ['422', ['MOTD File is missing'], null],
    ['372', ['- Welcome'], 'Welcome'],
    ['301', ['ada', 'tea'], 'ada is away: tea'],
    ['324', ['#a', '+nt'], 'The modes of #a are +nt'],
    ['005', ['NETWORK=x', 'are supported'], null],
    ['999', ['x', 'y z'], 'x y z'],
  ])('%s %j', (numeric, params, words) => {
    expect(describeNumeric(numeric, params)).toBe(words);
  });
});

describe('the state', () => {
  function chat(): State {
    const state = new State();
    state.nick = 'Ada';
    return state;
  }

  test('names of one spelling or another are one conversation; only ASCII folds, as the server says', () => {
    const state = chat();
    expect(state.open('#Lobby')).toBe(state.open('#lobby'));
    expect(state.open('É')).not.toBe(state.open('é'));
  });

  test.each([
    ['ada: look', true],
    ['hello ADA!', true],
    ['adamant', false],
    ['[ada]', false],
  ])('%j is a mention: %s', (text, isMention) => {
    const state = chat();
    const lobby = state.open('#lobby');
    state.add(lobby, { kind: 'message', from: 'grace', text });
    expect(lobby).toMatchObject({ unread: 1, hasMention: isMention });
  });

  test('what happens, and what we said ourselves, is not unread; what is looked at is not either, unless nobody looks', () => {
    const state = chat();
    const lobby = state.open('#lobby');
    state.add(lobby, { kind: 'event', text: 'grace joined' });
    state.add(lobby, { kind: 'message', from: 'Ada', text: 'hello' });
    expect(lobby.unread).toBe(0);
    state.show(lobby);
    state.add(lobby, { kind: 'message', from: 'grace', text: 'hi' });
    expect(lobby.unread).toBe(0);
    state.isHidden = true;
    state.add(lobby, { kind: 'message', from: 'grace', text: 'there?' });
    expect(lobby.unread).toBe(1);
  });

  test('a new nick is new everywhere, and never takes over another conversation', () => {
    const state = chat();
    state.open('#lobby').members.set('grace', '@');
    const query = state.open('grace');
    state.rename('grace', 'hopper');
    expect(state.open('#lobby').members.sorted()).toMatchObject([{ nick: 'hopper', prefixes: '@' }]);
    expect(state.find('hopper')).toBe(query);
    const other = state.open('linus');
    state.rename('hopper', 'linus');
    expect(state.find('linus')).toBe(other);
  });
});
