/** The primary's side of the workers, with processes that are made up: what comes when is the test's. */
import { EventEmitter } from 'node:events';
import { tmpdir } from 'node:os';
import { expect, test, vi } from 'vitest';
import { gatewaySettings } from '../../src/cli/gateway-config.ts';
import { Log } from '../../src/cli/log.ts';
import type { ToPrimary, ToWorker } from '../../src/cli/messages.ts';
import { Workers } from '../../src/cli/workers.ts';

class FakeWorker extends EventEmitter {
  readonly process = { pid: 1, kill: () => true };
  readonly sent: ToWorker[] = [];

  isConnected(): boolean {
    return true;
  }

  send(message: ToWorker): void {
    this.sent.push(message);
  }

  say(message: ToPrimary): void {
    this.emit('message', message);
  }

  /** What the primary has answered to the question for a place. */
  placeOf(id: number): ToWorker | undefined {
    return this.sent.find((message) => message.type === 'place' && message.id === id);
  }
}

const forked: FakeWorker[] = vi.hoisted(() => []);

vi.mock('node:cluster', () => ({
  default: {
    setupPrimary: () => {},
    fork: () => {
      const worker = new FakeWorker();
      forked.push(worker);
      // As a process does: later.
      setImmediate(() => {
        worker.say({ type: 'hello' });
        worker.say({ type: 'listening', urls: ['ws://127.0.0.1:1/'] });
      });
      return worker;
    },
  },
}));

test('what a worker sent before it died, and is read behind its end, takes no place', async () => {
  const options = { format: 'text', level: 'info' } as const;
  const lines: string[] = [];
  const settings = gatewaySettings(
    '<bind port="0"><wsorigin allow="https://chat.example.com"><upstream host="127.0.0.1" port="1">',
    tmpdir(),
  );
  const workers = new Workers(1, settings, new Log((line) => void lines.push(line), options), options);
  await workers.start();
  const take = (id: number): ToPrimary => ({
    type: 'take',
    id,
    network: '203.0.113.9',
    limits: { connections: 1, perMinute: 100 },
  });
  const [dead] = forked as [FakeWorker];
  dead.say(take(1));
  expect(dead.placeOf(1)).toMatchObject({ refusal: null });
  dead.say(take(2));
  expect(dead.placeOf(2)).toMatchObject({ refusal: 'connections' });
  // Its place is free when it has died.
  dead.emit('exit', null, 'SIGKILL');
  dead.say(take(3));
  expect(dead.placeOf(3)).toBeUndefined();

  await expect.poll(() => lines.join('')).toContain('worker 1 is back');
  const [, next] = forked as [FakeWorker, FakeWorker];
  next.say(take(1));
  expect(next.placeOf(1)).toMatchObject({ refusal: null });
  // Nor does the end of one that is dead free what the next one has.
  dead.say({ type: 'leave', id: 1 });
  next.say(take(2));
  expect(next.placeOf(2)).toMatchObject({ refusal: 'connections' });
  workers.kill();
});
