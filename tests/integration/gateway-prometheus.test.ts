/** The gateway's metrics, read by a real Prometheus, and every query of the Grafana dashboard. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { freePort } from '../helpers/daemons.ts';
import { clientClose, clientText } from '../helpers/frames.ts';
import { GatewayCli } from '../helpers/gateway-cli.ts';
import { requirePeer } from '../helpers/peers.ts';
import { PlainIrc } from '../helpers/plain-irc.ts';
import { RawClient } from '../helpers/raw-client.ts';

const PROMETHEUS = requirePeer('prometheus');
/** The same package. */
const PROMTOOL = PROMETHEUS?.replace(/prometheus$/, 'promtool') ?? null;

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** A gateway with a little of everything: clients, refusals, two workers, an IRC server that is not there. */
async function busyGateway(): Promise<GatewayCli> {
  const irc = await PlainIrc.start();
  const gateway = await GatewayCli.start(
    `<bind port="0"><health port="0"><wsorigin allow="https://chat.example.com"><websocket pinginterval="0.2s">
<upstream name="hub" host="127.0.0.1" port="${irc.port}"><upstream name="dead" host="127.0.0.1" port="${await freePort()}">
<webirc password="gatepass">`,
    { workers: 2 },
  );
  for (let i = 0; i < 4; i++) {
    const client = await RawClient.open(gateway.webPort());
    client.socket.write(clientText('NICK ada'));
    if (i < 2) client.socket.write(clientClose(1000));
  }
  await expect(RawClient.open(gateway.webPort(), { Origin: 'https://evil.example.com' })).rejects.toThrow('403');
  return gateway;
}

async function run(program: string, args: readonly string[], input: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

test.skipIf(PROMTOOL === null)('promtool check metrics has nothing to say', async () => {
  const gateway = await busyGateway();
  const { body } = await gateway.health('/metrics');
  expect(await run(PROMTOOL as string, ['check', 'metrics'], body)).toEqual({ code: 0, output: '' });
});

test.skipIf(PROMETHEUS === null)('a real Prometheus answers every query of the Grafana dashboard', async () => {
  const gateway = await busyGateway();
  const port = await freePort();
  const target = /health on http:\/\/(\S+)\//.exec(gateway.log)?.[1] as string;
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  cleanup.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: gw
    static_configs: [{ targets: ['${target}'] }]
`,
  );
  const args = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const prometheus: ChildProcess = spawn(PROMETHEUS as string, args, { stdio: 'ignore' });
  cleanup.push(async () => {
    prometheus.kill('SIGKILL');
    if (prometheus.exitCode === null && prometheus.signalCode === null) await once(prometheus, 'exit');
  });

  const ask = async (query: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: { result: [] } };
    expect(answer.status, `${query}: ${answer.error}`).toBe('success');
    return answer.data.result;
  };
  // Two scrapes at least: a rate needs them.
  await expect
    .poll(() => ask('count_over_time(ircd_websocket_gateway_uptime_seconds[1m])').catch(() => []))
    .toMatchObject([{ value: [expect.any(Number), expect.stringMatching(/^([3-9]|\d\d)$/)] }]);

  const dashboard = JSON.parse(readFileSync(join(ROOT, 'examples/gateway/grafana.json'), 'utf8')) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(queries.length).toBeGreaterThan(25);
  for (const query of queries) {
    const asked = query.replaceAll('$__rate_interval', '1m').replaceAll('$job', 'gw');
    expect(asked).not.toContain('$');
    expect(await ask(asked), asked).not.toHaveLength(0);
  }
  expect((await ask('ircd_websocket_gateway_upstream_up')).map(({ metric, value }) => [metric['upstream'], value[1]])).toEqual([
    ['dead', '0'],
    ['hub', '1'],
  ]);
});
