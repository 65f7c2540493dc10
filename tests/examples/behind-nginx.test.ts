import { expect, test } from 'vitest';
import { startExample, WebUser } from '../helpers/example.ts';

test('behind-nginx: the address is the client’s, the way to the proxy counts for TLS', async () => {
  const example = await startExample('behind-nginx');
  const url = `ws://127.0.0.1:${example.ports[0]}`;
  // X-Forwarded-For is not what nginx.conf sets: the client's own, and not read.
  const headers = { 'X-Real-IP': '203.0.113.9', 'X-Forwarded-For': '192.0.2.66', 'X-Forwarded-Proto': 'https' };
  const ada = await WebUser.open(url, { headers });
  expect(await ada.line(/You are/)).toBe(':irc.example.com NOTICE * :You are 203.0.113.9, over TLS');
  expect(await example.prints(/^203.*/m)).toContain('203.0.113.9 through 127.0.0.1: X-Real-IP');
  const bob = await WebUser.open(url, { headers: { 'X-Real-IP': '2001:db8::1' } });
  expect(await bob.line(/You are/)).toBe(':irc.example.com NOTICE * :You are 2001:db8::1, not over TLS');
});

test('behind-nginx: nobody comes past the proxy', async () => {
  const example = await startExample('behind-nginx');
  await expect(WebUser.open(`ws://127.0.0.1:${example.ports[0]}`)).rejects.toThrow('400 WebSocket: ');
  await example.prints(/^refused 127\.0\.0\.1: WebSocket: /m);
});
