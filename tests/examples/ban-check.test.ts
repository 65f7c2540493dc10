import { expect, test } from 'vitest';
import { startExample, WebUser } from '../helpers/example.ts';

const BANNED = { code: 1008, reason: 'You are banned from this server' };

test('ban-check: before a client is in, in words that a page can read', async () => {
  const { ports } = await startExample('ban-check', [0, '127.0.0.0/8']);
  const user = await WebUser.open(`ws://127.0.0.1:${ports[0]}`);
  expect(await user.closed).toEqual(BANNED);
});

test('ban-check: where WEBIRC changes the address, before what came with it is seen', async () => {
  const { ports } = await startExample('ban-check', [0, '192.0.2.0/24', '2001:db8::/32']);
  const url = `ws://127.0.0.1:${ports[0]}`;
  for (const address of ['192.0.2.66', '2001:db8::66']) {
    const banned = await WebUser.open(url);
    banned.send(`WEBIRC secret gw h ${address}`, 'hi');
    expect(await banned.closed).toEqual(BANNED);
    expect(banned.lines).toEqual([]);
  }
  const other = await WebUser.open(url);
  other.send('WEBIRC secret gw h 203.0.113.9', 'hi');
  expect(await other.line(/./)).toBe(':irc.example.com NOTICE * :203.0.113.9 said hi');
  const late = await WebUser.open(url);
  late.send('hi', 'WEBIRC secret gw h 203.0.113.8');
  expect(await late.closed).toEqual({ code: 1008, reason: 'WEBIRC: must be sent before PASS, CAP, NICK and USER.' });
  const twice = await WebUser.open(url);
  twice.send('WEBIRC secret gw h 203.0.113.9', 'WEBIRC secret gw h 203.0.113.8');
  expect(await twice.closed).toEqual({ code: 1008, reason: 'WEBIRC: your IP address was already changed.' });
});

test('ban-check: a new ban meets who is in, and nobody else', async () => {
  const { ports } = await startExample('ban-check');
  const url = `ws://127.0.0.1:${ports[0]}`;
  const [ada, bob] = await Promise.all([WebUser.open(url), WebUser.open(url)]);
  ada.send('WEBIRC secret gw h 203.0.113.9', 'hi');
  await ada.line(/203\.0\.113\.9 said hi$/);
  bob.send('BAN 203.0.113.9', 'still here');
  expect(await ada.closed).toEqual(BANNED);
  await bob.line(/127\.0\.0\.1 said still here$/);
});
