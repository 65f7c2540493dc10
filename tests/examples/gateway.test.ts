import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startExample, WebUser } from '../helpers/example.ts';

/** An IRC server that knows nothing of websockets, and writes down what it hears. */
const heard: string[] = [];
const sockets: Socket[] = [];
const ircd = createServer((socket) => {
  sockets.push(socket);
  socket.on('error', () => {});
  createInterface(socket).on('line', (line) => {
    heard.push(line);
    if (line.startsWith('NICK ')) socket.write(`:irc.test 001 ${line.slice(5)} :Welcome\r\n`);
  });
});

beforeEach(async () => {
  heard.length = 0;
  await once(ircd.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => new Promise((resolve) => ircd.close(resolve)));

test('gateway: a web client on a TCP server, introduced by WEBIRC; SIGTERM says goodbye', async () => {
  const { port } = ircd.address() as AddressInfo;
  const example = await startExample('gateway', [0, '127.0.0.1', port], 1, { WEBIRC_PASSWORD: 'secret' });
  const user = await WebUser.open(`ws://127.0.0.1:${example.ports[0]}`);
  user.send('NICK ada', 'USER ada 0 * :Ada');
  expect(await user.line(/001/)).toBe(':irc.test 001 ada :Welcome');
  const gone = once(sockets[0] as Socket, 'close');
  const exit = once(example.process, 'exit');
  example.process.kill('SIGTERM');
  expect(await user.closed).toEqual({ code: 1001, reason: 'The gateway is going down' });
  expect(await exit).toEqual([0, null]);
  await gone;
  expect(heard[0]).toMatch(/^WEBIRC secret example 127\.0\.0\.1 127\.0\.0\.1/);
  expect(heard.slice(1, 3)).toEqual(['NICK ada', 'USER ada 0 * :Ada']);
  expect(heard.at(-1)).toMatch(/^QUIT /);
});

test('gateway: a server that is not there is a 503, and clients try again', async () => {
  const { port } = ircd.address() as AddressInfo;
  await new Promise((resolve) => ircd.close(resolve));
  const example = await startExample('gateway', [0, '127.0.0.1', port]);
  await expect(WebUser.open(`ws://127.0.0.1:${example.ports[0]}`)).rejects.toThrow(
    '503 WebSocket: The IRC server cannot be reached',
  );
});
