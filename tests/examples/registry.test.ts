import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { startExample, WebUser } from '../helpers/example.ts';
import { sendAndReset, TcpUser } from '../helpers/ircd.ts';

/** The example's own file, on free ports. */
function configuration(change: (text: string) => string = (text) => text): string {
  const path = join(mkdtempSync(join(tmpdir(), 'ircd-websocket-')), 'ircd.conf');
  const text = readFileSync(join(ROOT, 'examples/registry/ircd.conf'), 'utf8');
  writeFileSync(path, change(text.replace(/port="\d+"/g, 'port="0"')));
  return path;
}

test('registry: one accept for plain and web clients', async () => {
  const { ports } = await startExample('registry', [configuration()], 2);
  expect(await new TcpUser(ports[0] as number).line(/NOTICE/)).toBe('NOTICE * :Hello 127.0.0.1');
  const user = await WebUser.open(`ws://127.0.0.1:${ports[1]}`, { origin: 'https://irc.example.org' });
  expect(await user.line(/NOTICE/)).toBe('NOTICE * :Hello 127.0.0.1');
});

test('registry: SIGHUP takes the new origins, and refuses what cannot work', async () => {
  const path = configuration();
  const example = await startExample('registry', [path], 2);
  const url = `ws://127.0.0.1:${example.ports[1]}`;
  const inside = await WebUser.open(url);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('https://chat.example.com', 'https://new.example.com'));
  example.process.kill('SIGHUP');
  await example.prints(/^rehashed/m);
  await WebUser.open(url, { origin: 'https://new.example.com' });
  await expect(WebUser.open(url, { origin: 'https://chat.example.com' })).rejects.toThrow('403');
  writeFileSync(path, text.replace('defaultmode="text"', 'defaultmode="loud"'));
  example.process.kill('SIGHUP');
  expect(await example.prints(/^not rehashed: .*/m)).toContain('<websocket:defaultmode>');
  await WebUser.open(url, { origin: 'https://new.example.com' });
  inside.send('PING still-in');
  await inside.line(/^PONG still-in$/);
});

test('registry: a hook that is not there is named', async () => {
  const path = configuration((text) => text.replace('hook="websocket"', 'hook="haproxy"'));
  await expect(startExample('registry', [path], 2)).rejects.toThrow(`${path}:3: no such hook: haproxy`);
});

test('registry: a TCP connection that is reset ends alone', async () => {
  const { ports } = await startExample('registry', [configuration()], 2);
  await sendAndReset(new TcpUser(ports[0] as number), 'PING 1', /^PONG 1$/);
  const next = new TcpUser(ports[0] as number);
  next.send('PING 2');
  await next.line(/^PONG 2$/);
});
