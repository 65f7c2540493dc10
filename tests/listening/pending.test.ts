/** A socket before it is a WebSocket, without HTTP. */
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Sweeper } from '../../src/connection/sweeper.ts';
import { PendingSocket } from '../../src/listening/pending.ts';

test('a refused client that ends its side and reads nothing is destroyed after the time for the answer', async () => {
  const socket = new Duplex({ read() {}, write() {} });
  const pending = new PendingSocket(socket, 60_000, new Sweeper(5), () => {});
  pending.hold(() => {});
  socket.end('HTTP/1.1 403 Forbidden');
  pending.linger(10);
  const ended = once(socket, 'end');
  socket.push(null);
  await ended;
  await expect.poll(() => socket.destroyed).toBe(true);
});
