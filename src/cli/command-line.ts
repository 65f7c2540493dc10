/**
 * The command line of `ircd-websocket`.
 *
 * In: arguments. Out: what is to be done, or why it cannot be understood. It does nothing itself.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type GatewayCommand, type Output, runGateway } from './gateway-command.ts';

export const USAGE = `Usage: ircd-websocket gateway --config FILE [--workers N|auto] [--check]

WebSocket in, IRC over TCP or TLS out, each user introduced by WEBIRC.

  --config FILE      the configuration: <bind>, <websocket>, <wsorigin>, <upstream>, <webirc> …
  --check            read it, and every file that it names; say what would be done, and do nothing
  --workers N|auto   processes that take clients, auto: one for each processor (default: 1)
  --help             this text
  --version          the version

SIGHUP reads the configuration again, SIGTERM and SIGINT send everybody home.
Exit codes: 0 done, 1 the configuration or the start failed, 2 this command line is wrong.
`;

/** Says what is wrong with a command line. */
class UsageError extends Error {}

const MAX_WORKERS = 1_024;

/** Does what the arguments say; resolves with the exit code. */
export async function runCommandLine(args: readonly string[], output: Output): Promise<number> {
  let command: GatewayCommand | 'help' | 'version';
  try {
    command = parseCommandLine(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.stderr(`ircd-websocket: ${error.message}\nTry: ircd-websocket --help\n`);
    return 2;
  }
  if (command === 'help') output.stdout(USAGE);
  else if (command === 'version') output.stdout(`${version()}\n`);
  else return runGateway(command, output);
  return 0;
}

function parseCommandLine(args: readonly string[]): GatewayCommand | 'help' | 'version' {
  const { values, positionals } = parse(args);
  if (values.help === true) return 'help';
  if (values.version === true) return 'version';
  const [name, ...more] = positionals;
  if (name === undefined) throw new UsageError('which command? There is one: gateway');
  if (name !== 'gateway') throw new UsageError(`unknown command ${JSON.stringify(name)}: there is gateway`);
  if (more.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(more[0])}`);
  if (values.config === undefined || values.config === '') throw new UsageError('gateway needs --config FILE');
  return { config: values.config, check: values.check === true, workers: parseWorkers(values.workers ?? '1') };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        check: { type: 'boolean' },
        workers: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    // Node says "Unknown option '--x'. To specify …": the first sentence is for people.
    throw new UsageError((error as Error).message.split('. ')[0]);
  }
}

function parseWorkers(text: string): number {
  if (text === 'auto') return availableParallelism();
  const count = Number(text);
  if (!/^\d{1,4}$/.test(text) || count < 1 || count > MAX_WORKERS) {
    throw new UsageError(`--workers must be a number from 1 to ${MAX_WORKERS}, or auto`);
  }
  return count;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
