/** WEBIRC on the example server, as `npm start` runs it: gateways, their users, the operators. */

import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningIrcd, startIrcd, TcpUser } from '../helpers/ircd.ts';

let ircd: RunningIrcd;
let oper: TcpUser;

beforeAll(async () => {
  const sha256 = createHash('sha256').update('good').digest('hex');
  ircd = await startIrcd({
    tags: `<gateway type="webirc" name="Kiwi" mask="127.0.0.1" password="${sha256}" hash="sha256">
<gateway type="webirc" name="Elsewhere" mask="192.0.2.5" password="elsewhere">
<gateway type="username" mask="127.0.0.1" newusername="web">
<badip ipmask="203.0.113.66" reason="Not you">
<websocket allowmissingorigin="yes">`,
  });
  oper = await TcpUser.register(ircd.tcpPort, 'oper');
  oper.send('OPER admin secret');
  await oper.line(/ 381 /);
});

afterAll(() => ircd.stop());

const connect = (): TcpUser => new TcpUser(ircd.tcpPort);
/** What the operator sees, from now on. */
const forget = (): void => void oper.lines.splice(0);

async function whois(nick: string): Promise<string[]> {
  forget();
  oper.send(`WHOIS ${nick}`);
  await oper.line(/ 318 /);
  return oper.lines.filter((line) => / (311|350|378|671) /.test(line));
}

describe('a gateway that is trusted', () => {
  test('its user has the user’s own address, and operators see both', async () => {
    forget();
    const ada = connect();
    // All at once: what comes behind WEBIRC waits for the verdict.
    ada.send('WEBIRC good kiwi ada.example.com 203.0.113.9 :secure remote-port=41223', 'NICK ada', 'USER ada 0 * :Ada');
    expect(await ada.line(/ 001 /)).toContain('ada!~ada@203.0.113.9');
    expect(await oper.line(/GATEWAY/)).toContain(
      'is using the Kiwi WebIRC gateway; changing their IP from 127.0.0.1 to 203.0.113.9.',
    );
    expect(await whois('ada')).toEqual([
      expect.stringContaining(' 311 oper ada ~ada 203.0.113.9 * Ada'),
      expect.stringContaining(' 671 oper ada :is using a secure connection'),
      expect.stringContaining(' 378 oper ada :is connecting from ~ada@203.0.113.9 203.0.113.9'),
      expect.stringContaining(' 350 oper ada 127.0.0.1 127.0.0.1 :is connected via the Kiwi WebIRC gateway'),
    ]);
  });

  test('an IPv6 address, as gateways write it, is one word', async () => {
    const bob = connect();
    bob.send('WEBIRC good kiwi 0::1 0::1', 'NICK bob', 'USER bob 0 * :Bob');
    expect(await bob.line(/ 001 /)).toContain('bob!~bob@0::1');
  });

  test('W12 bans are looked at again, for the user’s address, before anything else is', async () => {
    forget();
    const eve = connect();
    eve.send('WEBIRC good kiwi eve.example.com 203.0.113.66', 'NICK eve', 'USER eve 0 * :Eve');
    expect(await eve.line(/ERROR/)).toContain('(*@203.0.113.66) [Z-lined: Not you]');
    await oper.line(/Banned: 203\.0\.113\.66/);
    expect(eve.lines.some((line) => line.includes(' 001 '))).toBe(false);
  });

  test('W12 what its own address may do, its user may not', async () => {
    const mallory = connect();
    mallory.send('WEBIRC good kiwi x 198.51.100.7', 'NICK mallory', 'USER mallory 0 * :M');
    await mallory.line(/ 001 /);
    mallory.send('OPER admin secret');
    expect(await mallory.line(/ 491 /)).toContain('Invalid oper credentials');
  });
});

describe('what is the gateway’s own', () => {
  test('W14 W15 its user name, address and security never become its user’s', async () => {
    const carl = connect();
    // From loopback, by a gateway whose name could be a user name, without `secure`.
    carl.send('WEBIRC good kiwi carl.example.com 198.51.100.8', 'NICK carl', 'USER carl 0 * :Carl');
    expect(await carl.line(/ 001 /)).toContain('carl!~carl@198.51.100.8');
    const lines = await whois('carl');
    expect(lines.map((line) => line.split(' ')[1])).toEqual(['311', '378', '350']);
    expect(lines[0]).toContain(' ~carl 198.51.100.8 ');
    expect(lines[1]).not.toContain('127.0.0.1');
  });
});

describe('a gateway that is not, or not now', () => {
  test.each([
    [
      'a wrong password',
      ['WEBIRC bad kiwi h 203.0.113.9'],
      "WEBIRC: you don't match any configured WebIRC hosts.",
      "didn't match",
    ],
    [
      'a block for another mask',
      ['WEBIRC elsewhere x h 203.0.113.9'],
      "WEBIRC: you don't match any configured WebIRC hosts.",
      "didn't match",
    ],
    ['too few parameters', ['WEBIRC good kiwi h'], 'WEBIRC: not enough parameters.', 'enough parameters'],
    ['the address *', ['WEBIRC good kiwi h *'], 'WEBIRC: IP address is invalid: *', 'invalid IP address'],
    ['an empty address', ['WEBIRC good kiwi h :'], 'WEBIRC: IP address is invalid: ', 'invalid IP address'],
    ['a short address', ['WEBIRC good kiwi h 1.2.3'], 'WEBIRC: IP address is invalid: 1.2.3', 'invalid IP address'],
    ['a name', ['WEBIRC good kiwi h localhost'], 'WEBIRC: IP address is invalid: localhost', 'invalid IP address'],
    [
      'after NICK',
      ['NICK late', 'WEBIRC good kiwi h 203.0.113.9'],
      'WEBIRC: must be sent before PASS, CAP, NICK and USER.',
      'after registration began',
    ],
    [
      'after CAP',
      ['CAP LS 302', 'WEBIRC good kiwi h 203.0.113.9'],
      'WEBIRC: must be sent before PASS, CAP, NICK and USER.',
      'after registration began',
    ],
    [
      'a second time',
      ['WEBIRC good kiwi h 203.0.113.9', 'WEBIRC good kiwi h 203.0.113.10'],
      'WEBIRC: your IP address was already changed.',
      'already changed',
    ],
  ])('%s: one ERROR, one notice, the end', async (_what, lines, error, notice) => {
    forget();
    const client = connect();
    const closed = new Promise((resolve) => client.socket.once('close', resolve));
    client.send(...lines, 'NICK nobody', 'USER nobody 0 * :Nobody');
    expect(await client.line(/^ERROR/)).toContain(`[${error}]`);
    await closed;
    expect(client.lines.filter((line) => line.startsWith('ERROR'))).toHaveLength(1);
    expect(client.lines.some((line) => line.includes(' 001 '))).toBe(false);
    await oper.line(new RegExp(notice));
    oper.send('PING settled');
    await oper.line(/PONG .*settled/);
    expect(oper.lines.filter((line) => line.includes(notice))).toHaveLength(1);
  });
});

describe('a username gateway', () => {
  test('eight hexadecimal digits are the address, and the username is the gateway’s', async () => {
    const carol = connect();
    carol.send('NICK carol', 'USER cb007109 0 * :Carol');
    expect(await carol.line(/ 001 /)).toContain('carol!~web@203.0.113.9');
    expect((await whois('carol')).at(-1)).toContain(' 350 oper carol 127.0.0.1 127.0.0.1 :is connected via a username gateway');
  });
});

describe('a gateway that comes by WebSocket', () => {
  async function open(headers: Record<string, string> = {}): Promise<{ socket: WebSocket; lines: string[] }> {
    const lines: string[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${ircd.webPort}`, { headers });
    socket.on('message', (data) => lines.push(String(data)));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return { socket, lines };
  }

  test('its user has the user’s own address', async () => {
    const { socket, lines } = await open();
    for (const line of ['WEBIRC good kiwi h 203.0.113.9', 'NICK dan', 'USER dan 0 * :Dan']) socket.send(line);
    await expect.poll(() => lines.find((line) => line.includes(' 001 '))).toContain('dan!~dan@203.0.113.9');
    expect((await whois('dan')).at(-1)).toContain('is connected via the Kiwi WebIRC gateway');
    socket.close();
  });
});

test('SIGHUP: a gateway that was added may come in, without a restart', async () => {
  const before = connect();
  before.send('WEBIRC new x h 203.0.113.9');
  await before.line(/don't match/);
  appendFileSync(ircd.configPath, '\n<gateway type="webirc" name="New" mask="127.0.0.1" password="new">');
  ircd.process.kill('SIGHUP');
  await expect.poll(() => ircd.output()).toContain('rehashed');
  const after = connect();
  after.send('WEBIRC new x h 203.0.113.9', 'NICK fay', 'USER fay 0 * :Fay');
  expect(await after.line(/ 001 /)).toContain('fay!~fay@203.0.113.9');
  expect(ircd.output()).not.toContain('new"');
});
