import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { Journal } from '../../src/connection/journal.ts';
import { Outbox, type OutboxOwner } from '../../src/connection/outbox.ts';
import { Counters } from '../../src/metrics/counters.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open(write: (bytes: Buffer) => void = () => {}, sendQueueLimit = 1_000) {
  const events: string[] = [];
  const owner: OutboxOwner = {
    overflowed: () => void events.push('overflowed'),
    fellBehind: () => void events.push('behind'),
    writeFailed: (error) => void events.push(`failed ${error.message}`),
  };
  const writes: string[] = [];
  const transport = new Writable({
    highWaterMark: 100,
    write(chunk: Buffer, _encoding, callback) {
      write(chunk);
      writes.push(chunk.toString('latin1'));
      setImmediate(callback);
    },
  });
  const counters = new Counters();
  const outbox = new Outbox(owner, { sendQueueLimit, counters });
  outbox.attach(transport as never, '');
  return { outbox, transport, writes, events, counters };
}

test('what is queued in one turn leaves in one write, at its end', async () => {
  const { outbox, writes, counters } = open();
  outbox.queue('a');
  outbox.queue('b', true);
  outbox.queue('c');
  expect(writes).toEqual([]);
  await turn();
  expect(writes).toEqual(['abc']);
  expect(counters.bytesOut).toBe(3);
});

test('members who share their lines in a turn get the same string, and no other', async () => {
  const [one, two, other] = [open(), open(), open()];
  for (const line of ['x', 'y', 'z']) for (const { outbox } of [one, two]) outbox.queue(line, true);
  other.outbox.queue('x', true);
  other.outbox.queue('q', true);
  await turn();
  expect([one.writes, two.writes, other.writes]).toEqual([['xyz'], ['xyz'], ['xq']]);
});

test('a transport that throws at a write is its owner’s to end; the others of that turn are written', async () => {
  const failing = open(() => {});
  failing.transport.write = () => {
    throw new Error('no stream should');
  };
  const fine = open();
  failing.outbox.queue('a');
  fine.outbox.queue('b');
  await turn();
  expect(failing.events).toEqual(['failed no stream should']);
  expect(fine.writes).toEqual(['b']);
});

test('an owner that throws does not strand the rest of the turn', async () => {
  const uncaught: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => uncaught.push(error));
  try {
    const faulty = new Outbox(
      {
        overflowed: () => {
          throw new Error('a fault of ours');
        },
        fellBehind: () => {},
        writeFailed: () => {},
      },
      { sendQueueLimit: 1, counters: new Counters() },
    );
    faulty.attach(new Writable({ write: () => {} }) as never, '');
    faulty.queue('too long');
    const fine = open();
    fine.outbox.queue('b');
    await turn();
    await turn();
    expect(fine.writes).toEqual(['b']);
    expect(uncaught).toHaveLength(1);
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

test('over the limit the owner is called: with a transport when that has not taken it, without one at once', async () => {
  const { outbox, events } = open(() => {}, 150);
  outbox.queue('x'.repeat(151));
  await turn();
  expect(events).toEqual(['behind', 'overflowed']);
  const away = open(() => {}, 150);
  away.outbox.keep(new Journal(150));
  away.outbox.queue('12345');
  away.outbox.flush();
  away.outbox.detach();
  away.outbox.queue('x'.repeat(150));
  expect(away.events).toEqual(['overflowed']);
});

test('without a transport everything waits, in order, for the next one; what belongs to the old one does not', async () => {
  const { outbox } = open();
  outbox.queue('a');
  outbox.detach();
  outbox.queue('b');
  expect([outbox.congested, outbox.size]).toEqual([true, 2]);
  const next: string[] = [];
  const write = (chunk: Buffer, _encoding: BufferEncoding, done: () => void): void => {
    next.push(chunk.toString());
    done();
  };
  outbox.attach(new Writable({ write }) as never, '101');
  await turn();
  expect(next).toEqual(['101', 'ab']);
  outbox.close();
  outbox.queue('c');
  expect(outbox.size).toBe(0);
});
