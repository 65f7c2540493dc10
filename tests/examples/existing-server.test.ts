import { expect, test } from 'vitest';
import { startExample, WebUser } from '../helpers/example.ts';
import { sendAndReset, TcpUser } from '../helpers/ircd.ts';

const DIALOGUE = ['PING 1', 'PING :héllo wörld €', 'WHOAMI', 'JOIN #x', 'QUIT'];
const ANSWERS = [
  ':irc.example.com PONG 1',
  ':irc.example.com PONG :héllo wörld €',
  ':irc.example.com NOTICE * :You are 127.0.0.1',
  ':irc.example.com 421 * JOIN :Unknown command',
  'ERROR :Bye',
];

test.each(['readline', 'carry', 'buffer'])('existing-server: %s says the same over TCP and WebSocket', async (kind) => {
  const { ports } = await startExample('existing-server', [kind, 0, 0], 2);
  const [tcpPort, webPort] = ports as [number, number];
  const tcp = new TcpUser(tcpPort);
  const text = await WebUser.open(`ws://127.0.0.1:${webPort}`);
  const binary = await WebUser.open(`ws://127.0.0.1:${webPort}`, { protocols: ['binary.ircv3.net'] });
  for (const user of [tcp, text, binary]) user.send(...DIALOGUE);
  await tcp.line(/^ERROR/);
  expect(tcp.lines).toEqual(ANSWERS);
  for (const user of [text, binary]) {
    expect((await user.closed).code).toBe(1000);
    expect(user.lines).toEqual(ANSWERS);
  }
});

test.each(['readline', 'carry', 'buffer'])('existing-server: %s goes on after connections that are reset', async (kind) => {
  const { ports } = await startExample('existing-server', [kind, 0, 0], 2);
  const [tcpPort, webPort] = ports as [number, number];
  await sendAndReset(new TcpUser(tcpPort), 'PING 1', /PONG 1$/);
  const web = await WebUser.open(`ws://127.0.0.1:${webPort}`);
  web.send('PING 2');
  await web.line(/PONG 2$/);
  web.socket.terminate();
  const next = new TcpUser(tcpPort);
  next.send('PING 3');
  await next.line(/PONG 3$/);
});

test('existing-server: its own limits hold for browsers', async () => {
  const { ports } = await startExample('existing-server', ['buffer', 0, 0], 2);
  const user = await WebUser.open(`ws://127.0.0.1:${ports[1]}`);
  user.send(`PING ${'x'.repeat(600)}`);
  await user.closed;
  expect(user.lines).toEqual(['ERROR :Line too long']);
});
