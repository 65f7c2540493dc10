/**
 * A hook's counts as Prometheus text.
 *
 * In: the counts. Out: the text exposition format, version 0.0.4. Times become seconds, as Prometheus has them.
 */
import type { HistogramSnapshot } from './histogram.ts';
import type { HookStats } from './stats.ts';

type Sample = readonly [labels: string, value: number];

/**
 * Formats counts.
 *
 * @param prefix of each metric's name
 * @throws RangeError for a prefix that Prometheus does not take
 */
export function formatMetrics(source: HookStats, prefix = 'ircd_websocket_'): string {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix)) throw new RangeError(`not a metric's name: ${JSON.stringify(prefix)}`);
  const { lines, bytes } = source;
  const metric = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string =>
    `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} ${type}\n${samples.map(([labels, value]) => `${prefix}${name}${labels} ${value}\n`).join('')}`;
  return [
    metric('clients', 'gauge', 'Clients that are in now.', [['', source.clients]]),
    metric('clients_suspended', 'gauge', 'Clients that have lost their connection now, and may come back.', [
      ['', source.suspended],
    ]),
    metric('accepted_total', 'counter', 'Clients that were let in.', [['', source.accepted]]),
    metric('rejected_total', 'counter', 'Requests that were refused, by HTTP status.', byLabel('status', source.rejected)),
    metric('closed_total', 'counter', 'Clients that are gone, by close code.', byLabel('code', source.closed)),
    metric('resumed_total', 'counter', 'Clients that came back after their connection was lost.', [['', source.resumed]]),
    metric('expired_total', 'counter', 'Clients that did not come back in time.', [['', source.expired]]),
    metric('lines_total', 'counter', 'Lines from clients and to clients.', [
      ['{direction="received"}', lines.received],
      ['{direction="sent"}', lines.sent],
    ]),
    metric('bytes_total', 'counter', 'Bytes of WebSocket frames from clients and to clients.', [
      ['{direction="received"}', bytes.received],
      ['{direction="sent"}', bytes.sent],
    ]),
    metric('queued_bytes', 'gauge', 'Bytes that wait for all clients together.', [['', source.queuedBytes]]),
    histogram(`${prefix}round_trip_seconds`, 'From a native ping to its pong.', source.roundTrips),
    histogram(`${prefix}handshake_seconds`, 'From an upgrade request to its 101.', source.handshakes),
  ].join('');
}

function byLabel(label: string, counts: Readonly<Record<number, number>>): Sample[] {
  return Object.entries(counts).map(([key, value]): Sample => [`{${label}="${key}"}`, value]);
}

function histogram(name: string, help: string, { buckets, sum, count }: HistogramSnapshot): string {
  const bounds = buckets.map(
    ({ le, count: below }) => `${name}_bucket{le="${le === Number.POSITIVE_INFINITY ? '+Inf' : le / 1_000}"} ${below}\n`,
  );
  return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${bounds.join('')}${name}_sum ${sum / 1_000}\n${name}_count ${count}\n`;
}
