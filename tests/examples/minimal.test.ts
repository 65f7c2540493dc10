import { expect, test } from 'vitest';
import { startExample, WebUser } from '../helpers/example.ts';

test('minimal: what one says, the others hear; PING is answered', async () => {
  const { ports } = await startExample('minimal');
  const [ada, bob] = await Promise.all([
    WebUser.open(`ws://127.0.0.1:${ports[0]}`),
    WebUser.open(`ws://127.0.0.1:${ports[0]}`, { protocols: ['binary.ircv3.net'] }),
  ]);
  ada.send('PING 1', 'PRIVMSG #chat :hi');
  expect(await bob.line(/./)).toBe('PRIVMSG #chat :hi');
  // Two connections have no order between them: her answer may come after his line.
  expect(await ada.line(/./)).toBe('PONG 1');
  ada.send('PING 2');
  await ada.line(/^PONG 2$/);
  expect(ada.lines).toEqual(['PONG 1', 'PONG 2']);
});

test('minimal: no other page, and a plain request gets the documented answer', async () => {
  const { ports } = await startExample('minimal');
  await expect(WebUser.open(`ws://127.0.0.1:${ports[0]}`, { origin: 'https://evil.test' })).rejects.toThrow('403 WebSocket: ');
  const response = await fetch(`http://127.0.0.1:${ports[0]}/`);
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(await response.text()).toMatch(/^WebSocket: /);
});
