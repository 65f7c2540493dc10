import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { MemorySocket } from '../../src/testing/memory-socket.ts';

const pair = (): [MemorySocket, MemorySocket] =>
  MemorySocket.pair(
    { remoteAddress: '127.0.0.1', remotePort: 80, localAddress: '192.0.2.1', localPort: 5, encrypted: false },
    { remoteAddress: '192.0.2.1', remotePort: 5, localAddress: '127.0.0.1', localPort: 80, encrypted: false },
  );

describe('a connection in memory', () => {
  test('carries bytes both ways, and never in the turn of the write', async () => {
    const [one, other] = pair();
    let seen = '';
    other.on('data', (chunk: Buffer) => {
      seen += chunk;
      other.write(chunk.toString().toUpperCase());
    });
    one.write('ab');
    expect(seen).toBe('');
    const [answer] = await once(one, 'data');
    expect([seen, String(answer)]).toEqual(['ab', 'AB']);
    expect([one.bytesWritten, one.bytesRead, other.bytesRead]).toEqual([2, 2, 2]);
  });

  test('what the writer keeps is not what the reader gets', async () => {
    const [one, other] = pair();
    const bytes = Buffer.from('abc');
    one.write(bytes);
    const [chunk] = (await once(other, 'data')) as [Buffer];
    chunk.fill(0);
    expect(bytes.toString()).toBe('abc');
  });

  test('stops a writer whose reader does not read, until it does', async () => {
    const [one, other] = pair();
    let written = 0;
    while (one.write(Buffer.alloc(1_000)) && written < 1_000) written++;
    await new Promise(setImmediate);
    expect(written).toBeLessThan(1_000);
    expect(one.writableNeedDrain).toBe(true);
    other.resume();
    await once(one, 'drain');
  });

  test('ends in one direction, then in the other', async () => {
    const [one, other] = pair();
    one.resume();
    other.resume();
    one.end('bye');
    await once(other, 'end');
    expect([other.writable, one.destroyed]).toEqual([true, false]);
    const gone = Promise.all([once(one, 'close'), once(other, 'close')]);
    other.end();
    await gone;
  });

  test('a destroyed end is an end for the other, whose writes are lost without an error', async () => {
    const [one, other] = pair();
    other.resume();
    one.destroy();
    await once(other, 'end');
    await new Promise((resolve) => other.write('lost', resolve));
    other.end();
    await once(other, 'close');
  });

  test('says who is where', () => {
    const [, other] = pair();
    expect(other.address()).toEqual({ address: '127.0.0.1', port: 80, family: 'IPv4' });
    expect([other.remoteAddress, other.remotePort, other.remoteFamily]).toEqual(['192.0.2.1', 5, 'IPv4']);
    const [unix] = MemorySocket.pair({ encrypted: false }, { encrypted: false });
    expect([unix.remoteFamily, unix.address()]).toEqual([undefined, {}]);
  });
});
