import { expect, test } from 'vitest';
import { isError, isGoingDown } from '../../src/gateway/farewell.ts';

test.each([
  // InspIRCd 3.15, ngIRCd 26.1: seen.
  'ERROR :Closing link: (a@127.0.0.1) [Server shutting down]',
  'ERROR :Server going down',
  'ERROR :Server going down (restarting)',
  // InspIRCd's operators, Solanum.
  'ERROR :Closing link: (a@127.0.0.1) [*** DIE command from oper!a@b. Terminating.]',
  'ERROR :Closing Link: 127.0.0.1 (Server Terminating. admin)',
  ':irc.test ERROR :Closing Link: a[127.0.0.1] (Server Restarting)',
])('a server that goes down: %s', (line) => {
  expect([isError(line), isGoingDown(line)]).toEqual([true, true]);
});

test.each([
  'ERROR :KILLed by a: bad boy',
  'ERROR :K-Line by "a": "go away"',
  'ERROR :Closing link: (a@127.0.0.1) [Killed (oper (the server is going down))]',
  'ERROR :Closing link: (a@127.0.0.1) [Quit: server shutting down]',
  'ERROR :Closing link: (a@127.0.0.1) [G-lined: Server restarting jokes]',
  'ERROR :Closing Link: 127.0.0.1 (Servers are full)',
  'ERROR :Closing Link: server going down[127.0.0.1] (K-Lined)',
])('what the user must read: %s', (line) => {
  expect([isError(line), isGoingDown(line)]).toEqual([true, false]);
});

test.each([':a PRIVMSG #x :ERROR :Server going down', 'NOTICE * :Server going down'])('no ERROR at all: %s', (line) => {
  expect([isError(line), isGoingDown(line)]).toEqual([false, false]);
});
