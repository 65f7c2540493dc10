/**
 * Health and counters over HTTP, on an address of their own.
 *
 * In: where to ask. Out: `GET /health`, `/stats` and `/metrics`; 404 for anything else. It does not know gateways.
 *
 * There is no password, so that only a request that names this machine is answered: a web page whose domain was pointed at
 * 127.0.0.1 (DNS rebinding) sends its own name in `Host`.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Counters } from './counters.ts';
import { formatMetrics, type ProcessFacts } from './metrics.ts';
import type { UpstreamState } from './upstream-check.ts';

const TEXT = 'text/plain; charset=utf-8';

/** Where the answers come from. */
export interface HealthSource {
  counters(): Promise<Counters>;
  facts(): ProcessFacts;
  upstreams(): Promise<readonly UpstreamState[]>;
}

/** An answer of the endpoint. */
interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const PATHS: Readonly<Record<string, (source: HealthSource) => Promise<Answer>>> = {
  '/health': answerHealth,
  '/stats': async (source) => {
    const [counters, upstreams] = await Promise.all([source.counters(), source.upstreams()]);
    const body = `${JSON.stringify({ ...source.facts(), upstreams, ...counters }, null, 2)}\n`;
    return { status: 200, type: 'application/json', body };
  },
  '/metrics': async (source) => {
    const [counters, upstreams] = await Promise.all([source.counters(), source.upstreams()]);
    const body = formatMetrics(counters, source.facts(), upstreams);
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body };
  },
};

/**
 * Makes the server; `listen` and `close` are the caller's.
 *
 * @param hosts host names that a request may name beside addresses, `localhost` and this machine's name
 */
export function createHealthServer(source: HealthSource, hosts: readonly string[] = []): Server {
  const known = new Set(['localhost', hostname(), ...hosts].map((name) => name.toLowerCase()));
  return createServer((request, response) => {
    void answer(request, source, known).then(({ status, type, body, headers = {} }) => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...headers });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  });
}

async function answer(request: IncomingMessage, source: HealthSource, known: ReadonlySet<string>): Promise<Answer> {
  const path = (request.url ?? '').replace(/\?.*$/s, '');
  const find = Object.hasOwn(PATHS, path) ? PATHS[path] : undefined;
  if (!namesThisMachine(request.headers.host, known)) {
    return { status: 403, type: TEXT, body: 'this host name is not known here: see <health:hosts>\n' };
  }
  if (find === undefined) return { status: 404, type: TEXT, body: 'not found: use /health, /stats, /metrics\n' };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, type: TEXT, body: 'method not allowed\n', headers: { Allow: 'GET, HEAD' } };
  }
  try {
    return await find(source);
  } catch {
    return { status: 500, type: TEXT, body: 'the counters cannot be read\n' };
  }
}

async function answerHealth(source: HealthSource): Promise<Answer> {
  const no = (body: string): Answer => ({ status: 503, type: TEXT, body });
  if (source.facts().isDraining) return no('draining\n');
  if (source.facts().workers === 0) return no('no worker accepts clients\n');
  const upstreams = await source.upstreams();
  if (!upstreams.some(({ isUp }) => isUp)) {
    return no(`no IRC server answers: ${upstreams.map(({ name, problem }) => `${name}: ${problem}`).join('; ')}\n`);
  }
  return { status: 200, type: TEXT, body: 'ok\n' };
}

/** Returns whether a `Host` field is an address, or a name of this machine. HTTP/1.0 clients send none. */
function namesThisMachine(host: string | undefined, known: ReadonlySet<string>): boolean {
  if (host === undefined) return true;
  const name = /^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '');
  return isIP(name) !== 0 || known.has(name.toLowerCase());
}

/** Listens, and returns where. @throws the system's error */
export async function listenForHealth(server: Server, at: { address: string; port: number }): Promise<string> {
  server.listen(at.port, at.address);
  await once(server, 'listening');
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
}
