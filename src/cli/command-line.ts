/**
 * The command line of `ircd-websocket`.
 *
 * In: arguments. Out: what is to be done, or why it cannot be understood. It does nothing itself.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type DoctorOptions, runDoctor } from './doctor.ts';
import { type GatewayCommand, type Output, runGateway } from './gateway-command.ts';
import { LOG_FORMATS, LOG_LEVELS } from './log.ts';

export const USAGE = `Usage: ircd-websocket gateway --config FILE [--workers N|auto] [--check | --explain | --probe]
       ircd-websocket doctor URL [--origin ORIGIN] [--refused-origin ORIGIN] [--idle SECONDS] [--ca FILE]

WebSocket in, IRC over TCP or TLS out, each user introduced by WEBIRC.

gateway
  --config FILE      the configuration: <bind>, <websocket>, <wsorigin>, <upstream>, <webirc> …
  --check            read it, and every file that it names; print what would be done, and do nothing
  --explain          read an HTTP request from standard input, and print what each check says to it
  --peer ADDRESS     with --explain: where the request comes from (default: 127.0.0.1)
  --probe            connect to each IRC server with WEBIRC, and ask it whether it believed it
  --workers N|auto   processes that take clients, auto: one for each processor (default: 1)
  --log-format F     text or json (default: text)
  --log-level L      debug, info, warn or error (default: info)

doctor: tries a WebSocket URL from outside, as a browser would, and says what is wrong
  --origin ORIGIN    the page that may connect (default: the URL's own host)
  --refused-origin O a page that may not connect (default: https://ircd-websocket-doctor.invalid)
  --idle SECONDS     how long to be silent to find the idle limit of a proxy (default: 65; 0: not at all)
  --ca FILE          authorities to trust beside the system's, in PEM

  --help             this text
  --version          the version

SIGHUP reads the configuration again, SIGTERM and SIGINT send everybody home.
Exit codes: 0 done and nothing found, 1 the configuration or the start failed or something was found, 2 this command line is wrong.
`;

/** Thrown for a command line that cannot be understood. */
class UsageError extends Error {}

const MAX_WORKERS = 1_024;

/** What is to be done. */
type Command =
  | { readonly name: 'help' | 'version' }
  | { readonly name: 'gateway'; readonly options: GatewayCommand }
  | { readonly name: 'doctor'; readonly options: DoctorOptions };

/** Does what the arguments say; resolves with the exit code. */
export async function runCommandLine(args: readonly string[], output: Output): Promise<number> {
  let command: Command;
  try {
    command = parseCommandLine(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    output.stderr(`ircd-websocket: ${error.message}\nTry: ircd-websocket --help\n`);
    return 2;
  }
  switch (command.name) {
    case 'gateway':
      return runGateway(command.options, output);
    case 'doctor':
      return runDoctor(command.options, output.stdout);
    case 'help':
      output.stdout(USAGE);
      return 0;
    case 'version':
      output.stdout(`${version()}\n`);
      return 0;
  }
}

type Values = ReturnType<typeof parse>['values'];

const GATEWAY_OPTIONS = ['config', 'check', 'explain', 'probe', 'peer', 'workers', 'log-format', 'log-level'] as const;
const DOCTOR_OPTIONS = ['origin', 'refused-origin', 'idle', 'ca'] as const;

function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { name: 'help' };
  if (values.version === true) return { name: 'version' };
  const [name, ...rest] = positionals;
  if (name === undefined) throw new UsageError('a command is missing: gateway or doctor');
  if (name === 'gateway') {
    refuseOptions(values, DOCTOR_OPTIONS, name);
    if (rest.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(rest[0])}`);
    return { name, options: gatewayOptions(values) };
  }
  if (name === 'doctor') {
    refuseOptions(values, GATEWAY_OPTIONS, name);
    if (rest.length > 1) throw new UsageError(`unexpected argument ${JSON.stringify(rest[1])}`);
    return { name, options: doctorOptions(rest[0], values) };
  }
  throw new UsageError(`unknown command ${JSON.stringify(name)}: the commands are gateway and doctor`);
}

function refuseOptions(values: Values, options: readonly (keyof Values)[], command: string): void {
  for (const option of options) {
    if (values[option] !== undefined) throw new UsageError(`--${option} is not an option of ${command}`);
  }
}

function gatewayOptions(values: Values): GatewayCommand {
  if (values.config === undefined || values.config === '') throw new UsageError('gateway needs --config FILE');
  const modes = (['check', 'explain', 'probe'] as const).filter((mode) => values[mode] === true);
  if (modes.length > 1) throw new UsageError(`--${modes[0]} cannot be combined with --${modes[1]}`);
  const peer = values.peer ?? '127.0.0.1';
  if (isIP(peer) === 0) throw new UsageError('--peer must be an IP address');
  return {
    config: values.config,
    mode: modes[0] ?? 'serve',
    workers: parseWorkers(values.workers ?? '1'),
    log: {
      format: choose('log-format', values['log-format'] ?? 'text', LOG_FORMATS),
      level: choose('log-level', values['log-level'] ?? 'info', LOG_LEVELS),
    },
    peer,
  };
}

function doctorOptions(text: string | undefined, values: Values): DoctorOptions {
  if (text === undefined) throw new UsageError('doctor needs the URL of a WebSocket, such as wss://chat.example.com/irc');
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'ws:' && url.protocol !== 'wss:')) {
    throw new UsageError(`not the URL of a WebSocket: ${JSON.stringify(text)}`);
  }
  const idle = Number(values.idle ?? '65');
  if (!Number.isFinite(idle) || idle < 0 || idle > 3_600)
    throw new UsageError('--idle must be a number of seconds from 0 to 3600');
  return {
    url,
    origin: values.origin ?? `${url.protocol === 'wss:' ? 'https' : 'http'}://${url.host}`,
    refusedOrigin: values['refused-origin'] ?? 'https://ircd-websocket-doctor.invalid',
    idle: idle * 1_000,
    ca: values.ca === undefined ? null : readCa(values.ca),
  };
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--ca cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function choose<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new UsageError(`--${option} must be one of ${choices.join(', ')}`);
  return found;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        check: { type: 'boolean' },
        explain: { type: 'boolean' },
        probe: { type: 'boolean' },
        peer: { type: 'string' },
        workers: { type: 'string' },
        'log-format': { type: 'string' },
        'log-level': { type: 'string' },
        origin: { type: 'string' },
        'refused-origin': { type: 'string' },
        idle: { type: 'string' },
        ca: { type: 'string' },
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
