#!/usr/bin/env node
/** `ircd-websocket`: the command. In: arguments and signals. Out: an exit code. */
import cluster from 'node:cluster';
import { runCommandLine } from './command-line.ts';
import { type Output, runGatewayWorker } from './gateway-command.ts';
import { WORKER_LOG, WORKER_NUMBER } from './messages.ts';

const output: Output = {
  stdin: process.stdin,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
};

if (cluster.isWorker) {
  runGatewayWorker(`worker ${process.env[WORKER_NUMBER]}`, JSON.parse(process.env[WORKER_LOG] ?? '{}'), output);
} else {
  process.exitCode = await runCommandLine(process.argv.slice(2), output);
  // What was bounded is over; a socket that still lingers is not waited for. What was written goes out first.
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
}
