/**
 * `npm run bench -- [--scenario a,b] [--peers net,ws,uws,line,stream,resume,http2,relay,gateway,worker,before-line,before-stream] [--rounds N] [--window MS] [--tls] [--all] [--json] [--write BLOCK]`
 *
 * How it measures:
 * - Each round measures each peer once, in an order that turns by one from round to round; each in a fresh process, the load in another one.
 * - The figure is the server's own processor time, user and system, between two samples after a warm-up, divided by the lines of that window. Time on the wall says
 *   more about the load, the scheduler and the neighbours.
 * - All peers serve the same app (`server.ts`) with `TCP_NODELAY`, each written as its documentation has it (`peers/`). Frames and UTF-8 are validated in every measured path.
 * - The table gives each peer's median and its ratio to plain TCP lines, `net`, in the same run: the median of the rounds' ratios, the lowest and the highest.
 * - No figure is given before the bytes at both ends agree.
 * - `--write main` puts the rows into the block `main` of `docs/performance.md`: `page.ts`.
 *
 * `before-line` and `before-stream` are another version of this library, where `BENCH_BEFORE` names the folder of its built benchmark (`.build/bench/tests/bench`).
 * uWebSockets is measured where `UWS_MODULE` names it (and `BENCH_NODE`, where its binary needs another C library); otherwise it is left out, and the table says so.
 */
import { parseArgs } from 'node:util';
import { certificateFolder } from './certificate.ts';
import { type Measured, measure } from './measure.ts';
import { machine, writeBlock } from './page.ts';
import { EXTRA_PEERS, PEERS, type PeerName } from './peers/peer.ts';
import { pageTable, table } from './report.ts';
import { SCENARIOS, type Scenario, scenarioNamed } from './scenarios.ts';

/** What one peer's rounds of a scenario gave, in order. */
export interface Result {
  readonly scenario: Scenario;
  readonly rounds: ReadonlyMap<PeerName, readonly Measured[]>;
}

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '700' },
    window: { type: 'string', default: '1200' },
    tls: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'string' },
  },
});
const scenarios =
  values.scenario === undefined
    ? SCENARIOS.filter(({ isExtra = false }) => values.all || !isExtra)
    : values.scenario.split(',').map(scenarioNamed);
const peers =
  values.peers === undefined
    ? PEERS.filter((peer) => !EXTRA_PEERS.has(peer) && (peer !== 'uws' || process.env['UWS_MODULE'] !== undefined))
    : peersNamed(values.peers);
const rounds = Number(values.rounds);
const durations = { warmUp: Number(values['warm-up']), window: Number(values.window) };

if (values.tls) process.env['BENCH_CERTIFICATE'] = certificateFolder();

const results: Result[] = [];
if (!values.json)
  console.log(
    `${values.tls ? 'TLS 1.3, ' : ''}${machine()}; ${rounds} rounds of ${durations.window} ms after ${durations.warmUp} ms; without ${PEERS.filter((peer) => !peers.includes(peer)).join(', ') || 'nobody'} of the peers`,
  );
for (const scenario of scenarios) {
  const measured = new Map<PeerName, Measured[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < peers.length; i++) {
      const peer = peers[(round + i) % peers.length] as PeerName;
      measured.get(peer)?.push(await measure(peer, scenario, durations));
    }
  }
  const result = { scenario, rounds: measured };
  results.push(result);
  if (!values.json) console.log(`\n${table(result)}`);
  // Each as it comes: a run that is ended early has written what it measured.
  if (values.write !== undefined) writeBlock(values.write, pageTable([result]));
}
if (values.json) {
  const plain = results.map(({ scenario, rounds: all }) => ({ scenario: scenario.name, peers: Object.fromEntries(all) }));
  console.log(JSON.stringify({ machine: machine(), isTls: values.tls, durations, results: plain }, null, 2));
}

function peersNamed(names: string): PeerName[] {
  return names.split(',').map((name) => {
    const peer = PEERS.find((each) => each === name);
    if (peer === undefined) throw new RangeError(`no peer ${name}: there are ${PEERS.join(', ')}`);
    return peer;
  });
}
