import { expect, test } from 'vitest';
import { Histogram } from '../../src/metrics/histogram.ts';
import { clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient } from '../helpers/raw-client.ts';

test('a histogram counts values up to each bound, the bound included', () => {
  const histogram = new Histogram();
  for (const value of [0.5, 1, 1.5, 60_000]) histogram.observe(value);
  const { count, sum, buckets } = histogram.snapshot();
  expect([count, sum]).toEqual([4, 60_003]);
  expect(buckets[0]).toEqual({ le: 1, count: 2 });
  expect(buckets[1]).toEqual({ le: 5, count: 3 });
  expect(buckets.at(-2)).toEqual({ le: 10_000, count: 3 });
  expect(buckets.at(-1)).toEqual({ le: Number.POSITIVE_INFINITY, count: 4 });
});

test('a hook’s counts are Prometheus text, under any prefix', async () => {
  const { hook, port } = await startHook({
    onConnection: (socket) => socket.onLine((line) => socket.writeLine(`${line}\r\ntwo`)),
  });
  const client = await RawClient.open(port);
  client.socket.write(clientText('one'));
  await client.until(() => client.lines.length === 2);
  const text = hook.formatMetrics('irc_');
  expect(text).toContain('# TYPE irc_clients gauge\nirc_clients 1\n');
  expect(text).toContain('irc_lines_total{direction="received"} 1\n');
  expect(text).toContain('irc_lines_total{direction="sent"} 2\n');
  expect(text).toContain('irc_handshake_seconds_bucket{le="+Inf"} 1\n');
  expect(text).toContain('irc_handshake_seconds_count 1\n');
  expect(text.split('\n').every((line) => /^(# (HELP|TYPE) \w+ .+|irc_\w+(\{[^}]+\})? [\d.e+-]+|)$/.test(line))).toBe(true);
  expect(hook.formatMetrics()).toContain('ircd_websocket_clients 1\n');
  expect(() => hook.formatMetrics('no spaces')).toThrow(RangeError);
});
