import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startExample, WebUser } from '../helpers/example.ts';

test('fastify: pages, the hook at its path, and a goodbye', async () => {
  const example = await startExample('fastify');
  const host = `127.0.0.1:${example.ports[0]}`;
  const page = await fetch(`http://${host}/`);
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
  expect(await page.text()).toContain('new WebSocket(');
  const origin = `http://${host}`;
  const user = await WebUser.open(`ws://${host}/irc`, { origin });
  user.send('hi');
  expect(await user.line(/./)).toBe(':irc.example.com NOTICE * :hi');
  expect(await (await fetch(`http://${host}/stats`)).json()).toMatchObject({ clients: 1, accepted: 1 });
  await expect(WebUser.open(`ws://${host}/other`, { origin })).rejects.toThrow('socket hang up');
  await expect(WebUser.open(`ws://${host}/irc`, { origin: 'https://evil.test' })).rejects.toThrow('403');
  const exit = once(example.process, 'exit');
  example.process.kill('SIGTERM');
  expect(await user.closed).toEqual({ code: 1001, reason: 'Server is restarting' });
  expect(await exit).toEqual([0, null]);
});
