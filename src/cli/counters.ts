/**
 * Counters of gateways: summed, and in Prometheus' words.
 *
 * In: the counts of one process each. Out: their sum, and its text. It does not know where they come from.
 */
import type { GatewayStats } from '../gateway/index.ts';
import type { HookStats } from '../hook.ts';

/** The counts of one process, or of several together. */
export interface Counters {
  readonly gateway: GatewayStats;
  readonly hook: Pick<HookStats, 'clients' | 'accepted' | 'rejected' | 'closed'>;
}

/** What {@link sum} begins with. */
export const NO_COUNTS: Counters = {
  gateway: { clients: 0, accepted: 0, refused: 0, unreachable: 0, webircRefused: 0, flooded: 0 },
  hook: { clients: 0, accepted: 0, rejected: {}, closed: {} },
};

/** Adds counts up. */
export function sum(all: Iterable<Counters>): Counters {
  let { gateway, hook } = NO_COUNTS;
  for (const more of all) {
    const names = Object.keys(gateway) as (keyof GatewayStats)[];
    gateway = Object.fromEntries(names.map((name) => [name, gateway[name] + more.gateway[name]])) as unknown as GatewayStats;
    hook = {
      clients: hook.clients + more.hook.clients,
      accepted: hook.accepted + more.hook.accepted,
      rejected: sumByCode(hook.rejected, more.hook.rejected),
      closed: sumByCode(hook.closed, more.hook.closed),
    };
  }
  return { gateway, hook };
}

/** Gives the counts of a process that is gone: nobody is in it any more, what it has counted stays counted. */
export function withoutClients({ gateway, hook }: Counters): Counters {
  return { gateway: { ...gateway, clients: 0 }, hook: { ...hook, clients: 0 } };
}

function sumByCode(a: Readonly<Record<number, number>>, b: Readonly<Record<number, number>>): Record<number, number> {
  const result: Record<number, number> = { ...a };
  for (const [code, count] of Object.entries(b)) result[Number(code)] = (result[Number(code)] ?? 0) + count;
  return result;
}

/** What the health endpoint tells beside the counts. */
export interface ProcessFacts {
  readonly workers: number;
  /** Workers that were started in place of one that had died. */
  readonly restarts: number;
  readonly isDraining: boolean;
  /** Reloads that took effect, and that did not. */
  readonly reloads: { readonly done: number; readonly failed: number };
  readonly uptimeSeconds: number;
}

const PREFIX = 'ircd_websocket_gateway';

/** Writes Prometheus' text format, version 0.0.4. */
export function formatMetrics({ gateway, hook }: Counters, facts: ProcessFacts): string {
  return [
    metric('clients', 'gauge', 'Clients that are in now.', gateway.clients),
    metric('accepted_total', 'counter', 'Clients that were let in.', gateway.accepted),
    metric('rejected_total', 'counter', 'Requests that were refused, by HTTP status.', labelled('status', hook.rejected)),
    metric('closed_total', 'counter', 'Clients that are gone, by close code.', labelled('code', hook.closed)),
    metric('unreachable_total', 'counter', 'Clients that no IRC server could be found for.', gateway.unreachable),
    metric('webirc_refused_total', 'counter', 'Clients whose IRC server did not take WEBIRC.', gateway.webircRefused),
    metric('flooded_total', 'counter', 'Clients that sent too many lines.', gateway.flooded),
    metric('workers', 'gauge', 'Processes that take clients.', facts.workers),
    metric('worker_restarts_total', 'counter', 'Workers that were started in place of one that had died.', facts.restarts),
    metric('draining', 'gauge', 'Whether the gateway is shutting down.', facts.isDraining ? 1 : 0),
    metric('reloads_total', 'counter', 'Reloads of the configuration.', [
      ['{result="done"}', facts.reloads.done],
      ['{result="failed"}', facts.reloads.failed],
    ]),
    metric('uptime_seconds', 'gauge', 'Seconds since the start.', facts.uptimeSeconds),
  ].join('');
}

type Samples = readonly (readonly [labels: string, value: number])[];

function metric(name: string, type: 'counter' | 'gauge', help: string, value: number | Samples): string {
  const samples: Samples = typeof value === 'number' ? [['', value]] : value;
  const lines = samples.map(([labels, count]) => `${PREFIX}_${name}${labels} ${count}\n`);
  return `# HELP ${PREFIX}_${name} ${help}\n# TYPE ${PREFIX}_${name} ${type}\n${lines.join('')}`;
}

function labelled(label: string, counts: Readonly<Record<number, number>>): Samples {
  return Object.entries(counts).map(([code, count]) => [`{${label}="${code}"}`, count] as const);
}
