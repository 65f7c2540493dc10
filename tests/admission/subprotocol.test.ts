import { expect, test } from 'vitest';
import { recognise } from '../../src/admission/subprotocol.ts';

test.each([
  [['text.ircv3.net'], [['text.ircv3.net', 'text']]],
  [
    ['BINARY.IrcV3.net', 'text.ircv3.net'],
    [
      ['BINARY.IrcV3.net', 'binary'],
      ['text.ircv3.net', 'text'],
    ],
  ],
  [
    ['chat', 'text.inspircd.org', 'irc', 'binary.inspircd.org'],
    [
      ['text.inspircd.org', 'text'],
      ['binary.inspircd.org', 'binary'],
    ],
  ],
  [['text.ircv3.net;q=1', 'text.ircv3.net.', '"text.ircv3.net"', 'text . ircv3 . net', '', 'constructor', '__proto__'], []],
  [[], []],
] as const)('S2 S6 S8 of %j the known ones stay, in the client’s order and spelling', (offers, known) => {
  expect(recognise(offers).map(({ name, mode }) => [name, mode])).toEqual(known);
});
