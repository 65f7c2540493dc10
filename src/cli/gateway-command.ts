/**
 * `ircd-websocket gateway`: from the configuration file to the last client.
 *
 * In: options of the command line. Out: an exit code. SIGHUP reads the configuration again, all or nothing; SIGTERM and SIGINT
 * send everybody home; the second of them ends at once. It does not know how the command line is read.
 */
import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { ConfigError } from '../errors.ts';
import { describeSettings } from './describe.ts';
import { explainRequest } from './explain-request.ts';
import { type GatewaySettings, readGatewayConfig } from './gateway-config.ts';
import { GatewayProcess } from './gateway-process.ts';
import type { Gateways } from './gateways.ts';
import { createHealthServer, listenForHealth } from './health.ts';
import { explain, Log, type LogOptions } from './log.ts';
import type { ProcessFacts } from './metrics.ts';
import { probeUpstreams } from './probe.ts';
import { UpstreamCheck } from './upstream-check.ts';
import { runWorker } from './worker.ts';
import { Workers } from './workers.ts';

/** What the command line says. */
export interface GatewayCommand {
  readonly config: string;
  /** What is done: clients are served, or the configuration is only looked at. */
  readonly mode: 'serve' | 'check' | 'explain' | 'probe';
  readonly workers: number;
  readonly log: LogOptions;
  /** With `explain`: the address that the request comes from. */
  readonly peer: string;
}

/** Where input comes from, and output goes to. */
export interface Output {
  readonly stdin: AsyncIterable<Buffer | string>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

const FAREWELL = 'Gateway is shutting down';

/** Runs the command; resolves with its exit code when all is over. */
export async function runGateway(command: GatewayCommand, output: Output): Promise<number> {
  const { stdout, stderr } = output;
  const log = new Log(stderr, command.log);
  const isServing = command.mode === 'serve';
  const warned: string[] = [];
  logWarnings(isServing ? (line) => log.warn(line) : (line) => void warned.push(line));
  let settings: GatewaySettings;
  try {
    settings = readGatewayConfig(command.config);
  } catch (error) {
    // A line for each mistake.
    for (const line of mistakesOf(error)) {
      const problem = `${command.config}: ${line}`;
      if (isServing) log.error(problem);
      else stderr(`${problem}\n`);
    }
    return 1;
  }
  if (isServing) return new GatewayService(command, settings, log).run();
  // Node tells its warnings in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  const warnings = [...settings.warnings, ...warned];
  switch (command.mode) {
    case 'explain':
      return explainRequest(settings, command.peer, output);
    case 'probe':
      return probeUpstreams(settings, stdout);
    default:
      stdout(describeSettings(command.config, { ...settings, warnings }, command.workers));
      return 0;
  }
}

/** Runs as one of the processes that {@link runGateway} has started. */
export function runGatewayWorker(name: string, options: LogOptions, { stderr }: Output): void {
  const log = new Log(stderr, { ...options, process: name });
  logWarnings(
    (line) => log.warn(line),
    (code) => code?.startsWith('IRCD_WEBSOCKET_') === true,
  );
  runWorker(log, name);
}

/** Node's warnings, and the library's own, in the form of the log. Each once: the primary has said a worker's. */
function logWarnings(log: (line: string) => void, isKnown: (code: string | undefined) => boolean = () => false): void {
  const said = new Set<string>();
  process.removeAllListeners('warning');
  process.on('warning', (warning: Error & { code?: string }) => {
    if (said.has(warning.message) || isKnown(warning.code)) return;
    said.add(warning.message);
    log(warning.message);
  });
}

class GatewayService {
  readonly #command: GatewayCommand;
  readonly #log: Log;
  readonly #gateways: Gateways;
  readonly #startedAt = performance.now();
  #settings: GatewaySettings;
  #check: UpstreamCheck;
  #isDraining = false;
  #reloads = { done: 0, failed: 0 };
  /** One reload after the other. */
  #reloading: Promise<void> = Promise.resolve();

  constructor(command: GatewayCommand, settings: GatewaySettings, log: Log) {
    this.#command = command;
    this.#settings = settings;
    this.#log = log;
    this.#check = new UpstreamCheck(settings.upstreams);
    const bound = withPermissions(settings);
    this.#gateways =
      command.workers === 1 ? new GatewayProcess(bound, log, 'gateway') : new Workers(command.workers, bound, log, command.log);
  }

  async run(): Promise<number> {
    for (const warning of this.#settings.warnings) this.#log.warn(warning);
    const health = createHealthServer(
      { counters: () => this.#gateways.counters(), facts: () => this.#facts(), upstreams: () => this.#check.states() },
      this.#settings.health?.hosts,
    );
    // Before anything takes time: a SIGHUP that nobody waits for would end the process.
    const ended = this.#awaitSignals();
    try {
      for (const { path } of this.#settings.binds) if (path !== null) await removeStaleSocket(path);
      for (const url of await this.#gateways.start()) this.#log.info(`listening on ${url}`);
      if (this.#settings.health !== null) this.#log.info(`health on ${await listenForHealth(health, this.#settings.health)}`);
    } catch (error) {
      // Whoever was told to end while starting has not failed.
      if (this.#isDraining) return ended;
      this.#log.error(`not started: ${explain(error)}`);
      this.#gateways.kill();
      return 1;
    }
    this.#log.info(`ready: process ${process.pid}, ${plural(this.#command.workers, 'worker')}`);
    const code = await ended;
    health.close();
    health.closeAllConnections();
    return code;
  }

  /** Resolves with the exit code. */
  #awaitSignals(): Promise<number> {
    return new Promise((resolve) => {
      const end = (signal: string): void => {
        if (this.#isDraining) {
          this.#log.info(`${signal} again: ending at once`);
          this.#gateways.kill();
          resolve(1);
          return;
        }
        this.#isDraining = true;
        void this.#drain(signal).then(() => resolve(0));
      };
      process.on('SIGTERM', end);
      process.on('SIGINT', end);
      process.on('SIGHUP', () => {
        this.#reloading = this.#reloading.then(() => this.#reload());
      });
    });
  }

  async #drain(signal: string): Promise<void> {
    this.#log.info(`${signal}: draining`);
    await this.#gateways.drain(FAREWELL);
    const { gateway } = await this.#gateways.counters();
    this.#log.info(`drained: ${plural(gateway.accepted, 'client')} served`);
  }

  async #reload(): Promise<void> {
    if (this.#isDraining) return;
    try {
      const settings = readGatewayConfig(this.#command.config);
      const notes = await this.#gateways.reload(withPermissions(settings));
      this.#check = new UpstreamCheck(settings.upstreams);
      if (JSON.stringify(settings.health) !== JSON.stringify(this.#settings.health)) {
        notes.push('<health> has changed: restart the gateway to apply the change');
      }
      for (const warning of settings.warnings) this.#log.warn(warning);
      for (const note of notes) this.#log.warn(note);
      this.#reloads.done++;
      this.#log.info('reloaded: the new configuration applies to new clients, and the certificates were read again');
    } catch (error) {
      this.#reloads.failed++;
      for (const line of mistakesOf(error)) {
        this.#log.error(`not reloaded, the old configuration stays in force: ${this.#command.config}: ${line}`);
      }
    }
  }

  #facts(): ProcessFacts {
    return {
      ...this.#gateways.workers(),
      isDraining: this.#isDraining,
      reloads: { ...this.#reloads },
      uptimeSeconds: Math.round((performance.now() - this.#startedAt) / 1_000),
    };
  }
}

/**
 * The umask of a gateway that listens on Unix domain sockets: between `listen` and `chmod` nobody else may connect. The gateway
 * makes no other files.
 */
const STRICT_UMASK = 0o177;

/**
 * Returns the settings with the mode that each Unix domain socket would have under the operator's umask, and sets a strict umask.
 */
function withPermissions(settings: GatewaySettings): GatewaySettings {
  if (settings.binds.every(({ path }) => path === null)) return settings;
  if (process.umask() !== STRICT_UMASK) operatorUmask = process.umask(STRICT_UMASK);
  const binds = settings.binds.map((bind) =>
    bind.path === null || bind.permissions !== null ? bind : { ...bind, permissions: 0o777 & ~operatorUmask },
  );
  return { ...settings, binds };
}

let operatorUmask: number = STRICT_UMASK;

/**
 * Removes the file of a Unix domain socket that nobody listens on any more: one is left where a process was killed. One that
 * answers is left alone, and listening then says why it cannot be.
 */
async function removeStaleSocket(path: string): Promise<void> {
  const isSocket = lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
  if (!isSocket) return;
  const isStale = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
  if (isStale) unlinkSync(path);
}

/** Returns what is wrong, a line for each mistake. */
function mistakesOf(error: unknown): string[] {
  return error instanceof ConfigError ? error.errors.map(({ message }) => message) : [explain(error)];
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
