/**
 * The server under test, a process of its own: `server.js PEER SCENARIO`, driven by messages of `measure.ts`.
 *
 * In: lines. Out: what the scenario's app does with them, and on `sample` the processor time so far and what was counted. The app is the same code for every
 * peer; only `peers/` differ.
 */

import { readFileSync } from 'node:fs';
import { BURST, FAN_OUT, GO, GREETING, linesIn, PONG } from './lines.ts';
import type { App, BenchClient, Certificate, Peer } from './peers/peer.ts';
import { type ProcessSample, sampleProcess } from './sample.ts';
import { scenarioNamed } from './scenarios.ts';

/** What a server says of itself. */
export interface ServerSample extends ProcessSample {
  readonly linesIn: number;
  readonly charactersIn: number;
  readonly linesOut: number;
  readonly connections: number;
  readonly clients: number;
}

const [, , peerName, scenarioName] = process.argv as [string, string, string, string];
const scenario = scenarioNamed(scenarioName);
const { peer } = (await import(`./peers/${peerName}.js`)) as { peer: Peer };

const counts = { linesIn: 0, charactersIn: 0, linesOut: 0, connections: 0 };
const clients = new Set<BenchClient>();

function count(line: string): void {
  counts.linesIn++;
  counts.charactersIn += line.length;
}

const answers: Record<typeof scenario.app, (client: BenchClient, line: string) => void> = {
  sink: () => {},
  idle: () => {},
  greet: () => {},
  echo(client, line) {
    if (!line.startsWith('PING ')) throw new Error(`not a PING: ${line}`);
    client.send(PONG);
    counts.linesOut++;
  },
  burst(client, line) {
    if (!line.startsWith('PING ')) throw new Error(`not a PING: ${line}`);
    for (const reply of BURST) client.send(reply);
    counts.linesOut += BURST.length;
  },
  chat(_client, line) {
    peer.broadcast(clients, line);
    counts.linesOut += clients.size;
  },
  'fan-out'(_client, line) {
    if (line !== GO) throw new Error(`not a GO: ${line}`);
    const { replies = 1 } = scenario;
    for (let i = 0; i < replies; i++) peer.broadcast(clients, FAN_OUT[i] as string);
    counts.linesOut += clients.size * replies;
  },
};
const answer = answers[scenario.app];

const app: App = {
  asksForAddress: scenario.app === 'greet',
  opened(client) {
    counts.connections++;
    clients.add(client);
    if (scenario.app !== 'greet') return;
    // As every IRC server asks: for bans, and to look up the name.
    if (client.address === undefined) throw new Error('a client without an address');
    client.send(GREETING);
    counts.linesOut++;
  },
  line(client, line) {
    count(line);
    answer(client, line);
  },
  closed(client) {
    clients.delete(client);
  },
};

async function sample(collects: boolean): Promise<ServerSample> {
  return { ...(await sampleProcess(collects)), ...counts, clients: clients.size };
}

process.on('message', (message: { type: 'sample'; collects: boolean }) => {
  void sample(message.collects).then((result) => process.send?.({ type: 'sample', ...result }));
});
process.on('disconnect', () => process.exit());

const port = await peer.listen(app, certificateOf(process.env['BENCH_CERTIFICATE']));
// Compiled before the clock starts, and the same lines that the load knows.
linesIn(scenario);
process.send?.({ type: 'listening', port });

/** Reads the certificate of a run with `--tls`: a folder with `cert.pem` and `key.pem`. */
function certificateOf(folder: string | undefined): Certificate | undefined {
  if (folder === undefined) return undefined;
  const [certFile, keyFile] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  return { cert: readFileSync(certFile), key: readFileSync(keyFile), certFile, keyFile };
}
