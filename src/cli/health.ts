/**
 * Health and counters over HTTP, on an address of their own.
 *
 * In: where to ask. Out: `GET /health`, `/stats` and `/metrics`; 404 for anything else. It does not know gateways.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Counters, formatMetrics, type ProcessFacts } from './counters.ts';

const TEXT = 'text/plain; charset=utf-8';

/** Where the answers come from. */
export interface HealthSource {
  counters(): Promise<Counters>;
  facts(): ProcessFacts;
}

/** Makes the server; `listen` and `close` are the caller's. */
export function createHealthServer(source: HealthSource): Server {
  return createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    if (!['/health', '/stats', '/metrics'].includes(path)) {
      answer(404, TEXT, 'not found: have /health, /stats, /metrics\n');
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      answer(405, TEXT, 'method not allowed\n');
    } else if (path === '/health') {
      if (source.facts().isDraining) answer(503, TEXT, 'draining\n');
      else answer(200, TEXT, 'ok\n');
    } else {
      source.counters().then(
        (counters) => {
          const facts = source.facts();
          if (path === '/stats') answer(200, 'application/json', `${JSON.stringify({ ...facts, ...counters }, null, 2)}\n`);
          else answer(200, 'text/plain; version=0.0.4; charset=utf-8', formatMetrics(counters, facts));
        },
        () => answer(500, TEXT, 'the counters cannot be read\n'),
      );
    }
  });
}

/** Listens, and says where. @throws the system's error */
export async function listenForHealth(server: Server, at: { address: string; port: number }): Promise<string> {
  server.listen(at.port, at.address);
  await once(server, 'listening');
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
}
