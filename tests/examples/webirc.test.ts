import { expect, test } from 'vitest';
import { startExample } from '../helpers/example.ts';
import { sendAndReset, TcpUser } from '../helpers/ircd.ts';

test('webirc: NICK in the same packet is seen from the user’s address', async () => {
  const example = await startExample('webirc');
  const user = new TcpUser(example.ports[0] as number);
  user.send('WEBIRC secret gw host.example 0::1', 'NICK ada');
  expect(await user.line(/001/)).toBe(':irc.example.com 001 ada :You are from 0::1');
  await example.prints(/^\*\*\* GATEWAY: .* is using the Kiwi WebIRC gateway; changing their IP from 127\.0\.0\.1 to 0::1\.$/m);
});

test.each([
  ['a wrong password', ['WEBIRC wrong gw h 203.0.113.9', 'NICK ada'], "[WEBIRC: you don't match any configured WebIRC hosts.]"],
  [
    'a second one',
    ['WEBIRC secret gw h 203.0.113.9', 'WEBIRC secret gw h 203.0.113.8'],
    '[WEBIRC: your IP address was already changed.]',
  ],
  ['one without an address', ['WEBIRC secret gw'], '[WEBIRC: not enough parameters.]'],
])('webirc: %s is the end', async (_name, lines, error) => {
  const { ports } = await startExample('webirc');
  const user = new TcpUser(ports[0] as number);
  user.send(...lines);
  expect(await user.line(/ERROR/)).toContain(error);
  expect(user.lines).toHaveLength(1);
});

test('webirc: a connection that is reset ends alone', async () => {
  const { ports } = await startExample('webirc');
  await sendAndReset(new TcpUser(ports[0] as number), 'NICK ada', /001 ada/);
  const next = new TcpUser(ports[0] as number);
  next.send('NICK bob');
  await next.line(/001 bob/);
});

test('webirc: without it, the address is the peer’s, and it is too late for it', async () => {
  const { ports } = await startExample('webirc');
  const user = new TcpUser(ports[0] as number);
  user.send('NICK ada', 'WEBIRC secret gw h 203.0.113.9');
  await user.line(/001 ada :You are from 127\.0\.0\.1$/);
  await user.line(/ERROR .*must be sent before/);
});
