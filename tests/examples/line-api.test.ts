import { expect, test } from 'vitest';
import { startExample, WebUser } from '../helpers/example.ts';
import { sendAndReset, TcpUser } from '../helpers/ircd.ts';

test('line-api: text, binary and TCP clients in one channel', async () => {
  const { ports } = await startExample('line-api', [0, 0], 2);
  const [ada, bob] = await Promise.all([
    WebUser.open(`ws://127.0.0.1:${ports[0]}`),
    WebUser.open(`ws://127.0.0.1:${ports[0]}`, { protocols: ['binary.ircv3.net'] }),
  ]);
  const cyd = new TcpUser(ports[1] as number);
  ada.send('NICK ada');
  await ada.line(/^:ada JOIN #chat$/);
  bob.send('NICK bob');
  await bob.line(/^:bob JOIN #chat$/);
  ada.send('PRIVMSG #chat :héllo', 'JOIN #x');
  expect(await bob.line(/PRIVMSG/)).toBe(':ada PRIVMSG #chat :héllo');
  expect(await ada.line(/421/)).toBe(':irc.example.com 421 ada JOIN :Unknown command');
  cyd.send('NICK cyd');
  expect(await cyd.line(/PRIVMSG/)).toBe(':ada PRIVMSG #chat :héllo');
  cyd.send('PRIVMSG #chat :from TCP');
  await ada.line(/^:cyd PRIVMSG #chat :from TCP$/);
  bob.socket.close();
  await ada.line(/^:bob QUIT$/);
  await cyd.line(/^:bob QUIT$/);
});

test('line-api: a TCP connection that is reset is a QUIT, and ends alone', async () => {
  const { ports } = await startExample('line-api', [0, 0], 2);
  const ada = await WebUser.open(`ws://127.0.0.1:${ports[0]}`);
  ada.send('NICK ada');
  await ada.line(/^:ada JOIN #chat$/);
  await sendAndReset(new TcpUser(ports[1] as number), 'NICK cyd', /^:cyd JOIN #chat$/);
  await ada.line(/^:cyd QUIT$/);
});
