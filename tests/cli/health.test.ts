import { get, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_COUNTS } from '../../src/cli/counters.ts';
import { createHealthServer, listenForHealth } from '../../src/cli/health.ts';
import type { ProcessFacts } from '../../src/cli/metrics.ts';
import type { UpstreamState } from '../../src/cli/upstream-check.ts';

const FACTS: ProcessFacts = { workers: 1, restarts: 0, isDraining: false, reloads: { done: 0, failed: 0 }, uptimeSeconds: 1 };
let facts = FACTS;
const UP: UpstreamState = { name: 'hub', isUp: true, seconds: 0.001, problem: null };
const DOWN: UpstreamState = { name: 'leaf', isUp: false, seconds: null, problem: 'connect ECONNREFUSED' };
let upstreams = [UP, DOWN];
let counters = async () => NO_COUNTS;
let server: Server;
let url: string;

beforeEach(async () => {
  facts = FACTS;
  counters = async () => NO_COUNTS;
  upstreams = [UP, DOWN];
  server = createHealthServer({ counters: () => counters(), facts: () => facts, upstreams: async () => upstreams }, [
    'gateway.internal',
  ]);
  url = await listenForHealth(server, { address: '127.0.0.1', port: 0 });
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe('the health endpoint', () => {
  test('/health: 200 while it serves, 503 while it drains', async () => {
    const up = await fetch(`${url}health`);
    expect([up.status, await up.text(), up.headers.get('cache-control')]).toEqual([200, 'ok\n', 'no-store']);
    facts = { ...FACTS, isDraining: true };
    const down = await fetch(`${url}health`);
    expect([down.status, await down.text()]).toEqual([503, 'draining\n']);
  });

  test('M4: /health is 503 where no worker takes clients', async () => {
    facts = { ...FACTS, workers: 0 };
    const down = await fetch(`${url}health`);
    expect([down.status, await down.text()]).toEqual([503, 'no worker accepts clients\n']);
  });

  test('/health is 503 where no IRC server answers, with the reason of each', async () => {
    upstreams = [DOWN];
    const down = await fetch(`${url}health`);
    expect([down.status, await down.text()]).toEqual([503, 'no IRC server answers: leaf: connect ECONNREFUSED\n']);
  });

  test.each([
    ['127.0.0.1', 200],
    ['[::1]:8068', 200],
    ['localhost:8068', 200],
    ['GATEWAY.internal:8068', 200],
    ['evil.example.com', 403],
    ['127.0.0.1.evil.example.com', 403],
    ['[::1].evil.example.com', 403],
  ])('a web page may not read it by a name of its own: Host %s is %i', async (host, status) => {
    const { port } = new URL(url);
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      get({ port, path: '/stats', headers: { Host: host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    expect(answer).toBe(status);
  });

  test('/stats is JSON, /metrics is Prometheus’', async () => {
    const stats = await fetch(`${url}stats?pretty`);
    expect(stats.headers.get('content-type')).toBe('application/json');
    // Infinity is null in JSON.
    expect(await stats.json()).toEqual(JSON.parse(JSON.stringify({ ...FACTS, upstreams: [UP, DOWN], ...NO_COUNTS })));
    const metrics = await fetch(`${url}metrics`);
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await metrics.text()).toContain('ircd_websocket_gateway_clients 0\n');
  });

  test.each(['', 'healthz', 'health/', 'stats/x', '../health/..'])('/%s is not there', async (path) => {
    expect((await fetch(url + path)).status).toBe(404);
  });

  test('HEAD has no body; nothing can be posted', async () => {
    const head = await fetch(`${url}health`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const post = await fetch(`${url}health`, { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('counters that cannot be read are an error, and no crash', async () => {
    counters = () => Promise.reject(new Error('a worker with secrets'));
    const answer = await fetch(`${url}stats`);
    expect([answer.status, await answer.text()]).toEqual([500, 'the counters cannot be read\n']);
    expect((await fetch(`${url}health`)).status).toBe(200);
  });
});
