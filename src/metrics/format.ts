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
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix))
    throw new RangeError(`the prefix cannot begin the name of a metric: ${JSON.stringify(prefix)}`);
  const { lines, bytes } = source;
  const metric = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string =>
    `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} ${type}\n${samples.map(([labels, value]) => `${prefix}${name}${labels} ${value}\n`).join('')}`;
  return [
    metric('clients', 'gauge', 'Connected clients, suspended ones included.', [['', source.clients]]),
    metric('clients_suspended', 'gauge', 'Suspended clients: they have lost their connection, and may come back.', [
      ['', source.suspended],
    ]),
    metric('accepted_total', 'counter', 'Clients that were accepted.', [['', source.accepted]]),
    metric('rejected_total', 'counter', 'Requests that were refused, by HTTP status.', byLabel('status', source.rejected)),
    metric('closed_total', 'counter', 'Clients that have disconnected, by close code.', byLabel('code', source.closed)),
    metric('resumed_total', 'counter', 'How often a client came back after it had lost its connection.', [['', source.resumed]]),
    metric('expired_total', 'counter', 'Suspended clients that did not come back in time.', [['', source.expired]]),
    metric('lines_total', 'counter', 'Lines received from clients, and sent to clients.', [
      ['{direction="received"}', lines.received],
      ['{direction="sent"}', lines.sent],
    ]),
    metric('bytes_total', 'counter', 'Bytes of WebSocket frames received from clients, and sent to clients.', [
      ['{direction="received"}', bytes.received],
      ['{direction="sent"}', bytes.sent],
    ]),
    metric('queued_bytes', 'gauge', 'Bytes that are queued for all clients together.', [['', source.queuedBytes]]),
    histogram(`${prefix}round_trip_seconds`, 'Seconds from a WebSocket ping to its pong.', source.roundTrips),
    histogram(`${prefix}handshake_seconds`, 'Seconds from an upgrade request to its answer, the 101.', source.handshakes),
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
