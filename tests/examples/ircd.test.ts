import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GatewayJudge } from '../../examples/ircd/commands/webirc.ts';
import { cutLine, formatTagList, parseMessage } from '../../examples/ircd/message.ts';
import { IrcServer } from '../../examples/ircd/server.ts';
import { readSettings } from '../../examples/ircd/settings.ts';
import { parseTags } from '../../src/config/tags.ts';
import { createWebirc, parseWebirc } from '../../src/index.ts';
import { startIrcd, TcpUser } from '../helpers/ircd.ts';
import { WAIT_LIMIT } from '../helpers/wait.ts';

const SETTINGS = readSettings(
  parseTags(`<server name="irc.test" network="Test"><motd text="Hello"><bind port="0">
    <connect pingfreq="0.6" timeout="0.6"><oper name="admin" password="secret" host="*@127.0.0.1">`),
);

/** For a server without `<gateway>` tags. */
const NO_GATEWAYS: GatewayJudge = {
  webirc: (params, { peer, ...state }) => createWebirc([]).authenticate(parseWebirc(params), peer, state),
  username: () => null,
};

let server: IrcServer;
let listener: Server;
let port: number;

beforeEach(async () => {
  server = new IrcServer(SETTINGS, NO_GATEWAYS);
  listener = createServer(server.accept).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  ({ port } = listener.address() as AddressInfo);
});

afterEach(() => {
  server.close('Test over');
  listener.close();
});

async function inChannel(...nicks: string[]): Promise<TcpUser[]> {
  const users: TcpUser[] = [];
  for (const nick of nicks) {
    const user = await TcpUser.register(port, nick);
    user.send('JOIN #x');
    await user.line(/ 366 /);
    users.push(user);
  }
  return users;
}

/** Waits for the answer to a PING: whatever was to come before it has come. */
async function settle(user: TcpUser, mark: string): Promise<void> {
  user.send(`PING ${mark}`);
  await user.line(new RegExp(`PONG irc\\.test :${mark}$`));
}

describe('registration', () => {
  test('welcomes, with what a client needs to know', async () => {
    const ada = await TcpUser.register(port, 'ada');
    expect(ada.lines.map((line) => line.split(' ')[1])).toEqual([
      '001',
      '002',
      '003',
      '004',
      '005',
      '251',
      '252',
      '254',
      '255',
      '375',
      '372',
      '376',
    ]);
    expect(await ada.line(/ 005 /)).toContain('CASEMAPPING=ascii');
  });

  test('waits for CAP END, and grants what it offers, all or nothing', async () => {
    const user = new TcpUser(port);
    user.send('CAP LS 302', 'NICK ada', 'USER a 0 * :A', 'CAP REQ :server-time nope', 'CAP REQ :server-time message-tags');
    await user.line(/CAP \S+ NAK :server-time nope$/);
    await user.line(/CAP \S+ ACK :server-time message-tags$/);
    expect(user.lines.some((line) => line.includes(' 001 '))).toBe(false);
    user.send('CAP END');
    expect(await user.line(/ 001 /)).toMatch(/^@time=\d{4}-\d\d-\d\dT[\d:.]+Z :irc\.test 001 ada /);
  });

  test.each([
    [['NICK 9lives'], / 432 /],
    [['NICK'], / 431 /],
    [['USER a'], / 461 /],
    [['JOIN #x'], / 451 /],
    [['NICK ok', 'USER a 0 * :A', 'NOPE'], / 421 ok NOPE /],
    [['NICK ok', 'USER a 0 * :A', 'USER b 0 * :B'], / 462 /],
  ])('%j is answered by %s', async (lines, numeric) => {
    const user = new TcpUser(port);
    user.send(...lines);
    await user.line(numeric);
    user.socket.destroy();
  });

  test('a nick that is taken is 433, in any case; it is free again when its holder is gone', async () => {
    const ada = await TcpUser.register(port, 'Ada');
    const other = new TcpUser(port);
    other.send('NICK ADA');
    await other.line(/ 433 \* ADA /);
    ada.send('NICK ada');
    await ada.line(/NICK :ada$/);
    ada.send('QUIT :bye');
    await ada.line(/^ERROR :Closing link: \(~Ada@127\.0\.0\.1\) \[Quit: bye\]$/);
    await TcpUser.register(port, 'ada');
  });

  test('a password is asked for where one is set', async () => {
    server.settings = { ...SETTINGS, password: 'sesame' };
    const wrong = new TcpUser(port);
    wrong.send('NICK a', 'USER a 0 * :A');
    await wrong.line(/ 464 /);
    const right = new TcpUser(port);
    right.send('PASS sesame', 'NICK b', 'USER b 0 * :B');
    await right.line(/ 001 /);
  });

  test('who does not register in time is let go', async () => {
    const idler = new TcpUser(port);
    await idler.line(/\[Registration timeout\]$/);
  });
});

describe('talk', () => {
  test('reaches the others, not oneself, with emoji, in split and glued writes', async () => {
    const [ada, bea] = (await inChannel('ada', 'bea')) as [TcpUser, TcpUser];
    const bytes = Buffer.from('PRIVMSG #x :hello 😀\nPRIVMSG #x :again\r\n');
    for (const byte of bytes) ada.socket.write(Buffer.of(byte));
    await bea.line(/^:ada!~ada@127\.0\.0\.1 PRIVMSG #x :hello 😀$/);
    await bea.line(/PRIVMSG #x :again$/);
    await settle(ada, 'done');
    expect(ada.lines.some((line) => line.includes('PRIVMSG'))).toBe(false);
  });

  test('U2 a line is cut to 512 bytes at a character, tags not counted', async () => {
    const [ada, bea] = (await inChannel('ada', 'bea')) as [TcpUser, TcpUser];
    bea.send('CAP REQ :message-tags');
    await bea.line(/ACK/);
    ada.send('CAP REQ :message-tags', `@+note=${'n'.repeat(3_000)} PRIVMSG #x :${'😀'.repeat(120)}`);
    const line = await bea.line(/PRIVMSG #x/);
    const [tags, ...rest] = line.split(' ');
    expect(tags).toBe(`@+note=${'n'.repeat(3_000)}`);
    expect(Buffer.byteLength(rest.join(' '))).toBeLessThanOrEqual(510);
    expect(line.endsWith('😀')).toBe(true);
  });

  test('nobody hears what cannot be heard: no such nick, no such channel, not in it, moderated, banned', async () => {
    const [op, ada] = (await inChannel('op', 'ada')) as [TcpUser, TcpUser];
    const out = await TcpUser.register(port, 'out');
    out.send('PRIVMSG nobody :x', 'PRIVMSG #nowhere :x', 'PRIVMSG #x :x', 'PRIVMSG #x', 'NOTICE nobody :x');
    await out.line(/ 401 out nobody /);
    await out.line(/ 403 out #nowhere /);
    await out.line(/ 404 out #x /);
    await out.line(/ 412 /);
    await settle(out, 'done');
    expect(out.lines.filter((line) => line.includes(' 401 ')).length).toBe(1);
    op.send('MODE #x +m');
    await ada.line(/MODE #x \+m$/);
    ada.send('PRIVMSG #x :muted');
    await ada.line(/ 404 /);
    op.send('MODE #x -m+vb ada *!*@127.0.0.1');
    await ada.line(/MODE #x -m\+vb ada \*!\*@127\.0\.0\.1$/);
    ada.send('PRIVMSG #x :voiced');
    await op.line(/:voiced$/);
    out.send('JOIN #x');
    await out.line(/ 474 /);
  });

  test('AWAY is told to who writes', async () => {
    const [ada, bea] = (await inChannel('ada', 'bea')) as [TcpUser, TcpUser];
    bea.send('AWAY :tea');
    await bea.line(/ 306 /);
    ada.send('PRIVMSG bea :hi');
    await ada.line(/ 301 ada bea tea$/);
    bea.send('AWAY');
    await bea.line(/ 305 /);
  });
});

describe('channels', () => {
  test('the first in runs it: topic, kick, invite, key, limit', async () => {
    const [op, ada] = (await inChannel('op', 'ada')) as [TcpUser, TcpUser];
    expect(await ada.line(/ 353 /)).toMatch(/ 353 ada = #x :@op ada$/);
    ada.send('TOPIC #x :mine');
    await ada.line(/ 482 /);
    op.send('TOPIC #x :ours', 'MODE #x +kl key 3', 'MODE #x');
    await ada.line(/TOPIC #x :ours$/);
    await op.line(/ 324 op #x \+ntkl key 3$/);
    const out = await TcpUser.register(port, 'out');
    out.send('JOIN #x', 'JOIN #x key', 'NAMES #x', 'LIST', 'WHO #x');
    await out.line(/ 475 /);
    await out.line(/ 332 out #x ours$/);
    await out.line(/ 322 out #x 3 ours$/);
    await out.line(/ 352 out #x ~op 127\.0\.0\.1 irc\.test op H@ :0 op$/);
    op.send('KICK #x out :go');
    await out.line(/KICK #x out :go$/);
    op.send('MODE #x +i-k key');
    await op.line(/\+i-k key$/);
    out.send('JOIN #x');
    await out.line(/ 473 /);
    op.send('INVITE out #x');
    await out.line(/INVITE out :#x$/);
    out.send('JOIN #x', 'PART #x :enough');
    await op.line(/:out!~out@127\.0\.0\.1 PART #x :enough$/);
  });

  test('NICK, PART and QUIT are told to everybody who shares a channel, once', async () => {
    const [ada, bea] = (await inChannel('ada', 'bea')) as [TcpUser, TcpUser];
    for (const user of [ada, bea]) user.send('JOIN #y');
    await bea.line(/ 366 bea #y /);
    ada.send('NICK eve', 'QUIT :off');
    await bea.line(/^:eve!~ada@127\.0\.0\.1 QUIT :Quit: off$/);
    expect(bea.lines.filter((line) => line.endsWith('NICK :eve')).length).toBe(1);
    expect(bea.lines.filter((line) => line.includes(' QUIT ')).length).toBe(1);
  });
});

describe('MODE answers what was really changed', () => {
  /** What the server answers to lines, without the PONG that ends it. */
  async function answers(user: TcpUser, ...lines: string[]): Promise<string[]> {
    await settle(user, 'before');
    user.lines.length = 0;
    user.send(...lines);
    await settle(user, 'after');
    return user.lines.filter((line) => !line.includes(' PONG ')).map((line) => line.replace(/^:\S+ /, ''));
  }

  test.each([
    [['MODE ada'], ['221 ada +']],
    // RFC 2812 section 3.1.5: nobody makes themselves an operator, and nobody is told that they did.
    [['MODE ada +o'], []],
    [['MODE ada -o'], []],
    [['MODE ada +i'], ['MODE ada +i']],
    [['MODE ada -i'], []],
    [
      ['MODE ada +oi-i', 'MODE ada'],
      ['MODE ada +i-i', '221 ada +'],
    ],
    [['MODE ada +zi'], ['501 ada z :is not a user mode of this server', 'MODE ada +i']],
    [['MODE bea'], ["502 ada :Can't view or change mode for other users"]],
    [['MODE nobody +i'], ['401 ada nobody :No such nick']],
    [
      ['OPER admin secret', 'OPER admin secret', 'MODE ada', 'MODE ada -o'],
      [
        '381 ada :You are now an IRC operator',
        'MODE ada +o',
        '381 ada :You are now an IRC operator',
        '221 ada +o',
        'MODE ada -o',
      ],
    ],
    [['MODE #x +nt'], []],
    [
      ['MODE #x +k key', 'MODE #x +k key', 'MODE #x -k other', 'MODE #x -k'],
      ['MODE #x +k key', 'MODE #x -k key'],
    ],
    [['MODE #x +k'], ['696 ada #x k * :The key must be one word of 1 to 32 characters']],
    [['MODE #x +l many', 'MODE #x -l'], ['696 ada #x l many :The limit must be a number from 1']],
    [['MODE #x +o'], ['696 ada #x o * :The mode needs a nickname']],
    [
      ['MODE #x +vo bea nobody', 'MODE #x +v bea'],
      ['401 ada nobody :No such nick', 'MODE #x +v bea'],
    ],
    [
      ['MODE #x -b', 'MODE #x +mb'],
      ['368 ada #x :End of channel ban list', '368 ada #x :End of channel ban list', 'MODE #x +m'],
    ],
    [['MODE #x +zm'], ['472 ada z :is unknown mode char to me', 'MODE #x +m']],
  ])('%j', async (lines, expected) => {
    const [ada] = (await inChannel('ada', 'bea')) as [TcpUser, TcpUser];
    expect(await answers(ada, ...lines)).toEqual(expected);
  });
});

describe('limits', () => {
  test('a silent client is pinged, and let go when it does not answer', async () => {
    const ada = await TcpUser.register(port, 'ada');
    await ada.line(/^PING :irc\.test$/);
    expect(await ada.line(/^ERROR /)).toMatch(/\[Ping timeout: \d+ seconds\]$/);
  });

  test('a flood of lines, and a line without end, are the end', async () => {
    const ada = await TcpUser.register(port, 'ada');
    ada.send(...Array.from({ length: 200 }, (_, i) => `PING ${i}`));
    await ada.line(/\[Excess Flood\]$/);
    const bea = await TcpUser.register(port, 'bea');
    bea.socket.write('x'.repeat(10_000));
    await bea.line(/\[RecvQ exceeded\]$/);
  });
});

describe('operators', () => {
  test('OPER needs the right password, and lets one KILL', async () => {
    const [boss, ada] = (await inChannel('boss', 'ada')) as [TcpUser, TcpUser];
    boss.send('KILL ada :x', 'OPER admin wrong', 'OPER admin secret');
    await boss.line(/ 481 /);
    await boss.line(/ 491 /);
    await boss.line(/ 381 /);
    boss.send('KILL ada :spam');
    await ada.line(/\[Killed \(boss \(spam\)\)\]$/);
    await boss.line(/NOTICE boss :\*\*\* Client exiting: ada!~ada@127\.0\.0\.1/);
  });
});

describe('messages', () => {
  test.each([
    ['PING x', { command: 'PING', params: ['x'], tags: {} }],
    ['  :a!b@c  privmsg   #x   :a  b :c ', { command: 'PRIVMSG', params: ['#x', 'a  b :c '], tags: {} }],
    ['@a=b\\:\\s\\\\;+c;d= TAGMSG #x', { command: 'TAGMSG', params: ['#x'], tags: { a: 'b; \\', '+c': '', d: '' } }],
    ['TOPIC #x :', { command: 'TOPIC', params: ['#x', ''], tags: {} }],
  ])('%j', (line, expected) => {
    const message = parseMessage(line);
    expect({ command: message?.command, params: message?.params, tags: Object.fromEntries(message?.tags ?? []) }).toEqual(
      expected,
    );
  });

  test('what has no command is none', () => {
    for (const line of ['', ' ', ':a', '@a', '@a ']) expect(parseMessage(line)).toBeNull();
  });

  test('tags survive the way out and back', () => {
    const tags = new Map([['+x', 'a;b c\\d\r\n']]);
    expect(parseMessage(`${formatTagList(tags)}X`)?.tags).toEqual(tags);
    expect(cutLine('äöü', 3)).toBe('ä');
  });
});

describe('the program', () => {
  test('SIGHUP: all or nothing, said aloud; SIGTERM: goodbye, and exit 0', async () => {
    const ircd = await startIrcd();
    const user = await TcpUser.register(ircd.tcpPort, 'ada');
    const config = readFileSync(ircd.configPath, 'utf8');
    const rehash = async (text: string, said: RegExp): Promise<void> => {
      writeFileSync(ircd.configPath, text);
      ircd.process.kill('SIGHUP');
      const deadline = Date.now() + WAIT_LIMIT;
      while (!said.test(ircd.output())) {
        if (Date.now() > deadline) throw new Error(ircd.output());
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    await rehash(
      `${config}\n<websocket defaultmode="texte">`,
      /not rehashed: line \d+: <websocket:defaultmode> "texte" must be one of/,
    );
    await rehash(config.replace('name="admin"', 'name="root"'), /^rehashed/m);
    user.send('OPER root secret');
    await user.line(/ 381 /);
    const exit = ircd.stop();
    await user.line(/^ERROR :.*\[Server shutting down\]$/);
    expect(await exit).toBe(0);
  });

  test.each([
    ['<server name="x"><bind port="99999"><wsorigin allow="http://a">', '<bind:port> "99999"'],
    ['<server name="x"><bind port="0" hook="nope"><wsorigin allow="http://a">', '<bind:hook> "nope" is not a hook'],
    ['<bind port="0"><wsorigin allow="http://a">', '<server:name> is missing'],
    ['<server name="x"><bind port="0">', '<wsorigin> is missing'],
    ['<server name="x"><wsorigin allow="http://a">', '<bind> is missing'],
  ])('a wrong configuration is refused at the start: %s', async (text, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
    const path = join(folder, 'ircd.conf');
    writeFileSync(path, text);
    const main = fileURLToPath(new URL('../../.build/examples/ircd/main.js', import.meta.url));
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(process.execPath, [main, '--config', path], { timeout: WAIT_LIMIT }, (error, _stdout, text) =>
        resolve({ code: error?.code, stderr: text }),
      );
    });
    expect(stderr).toContain(message);
    expect(code).toBe(1);
  });
});
