/**
 * `ircd-websocket gateway`: from the configuration file to the last client.
 *
 * In: options of the command line. Out: an exit code. SIGHUP reads the configuration again, all or nothing; SIGTERM and SIGINT send everybody home; the second
 * of them ends at once. It does not know how the command line is read.
 */
import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import type { Counters, ProcessFacts } from './counters.ts';
import { describeSettings } from './describe.ts';
import { type GatewaySettings, readGatewayConfig } from './gateway-config.ts';
import { GatewayProcess } from './gateway-process.ts';
import type { Gateways } from './gateways.ts';
import { createHealthServer, listenForHealth } from './health.ts';
import { createLog, explain, type Log } from './log.ts';
import { runWorker } from './worker.ts';
import { Workers } from './workers.ts';

/** What the command line says. */
export interface GatewayCommand {
  readonly config: string;
  /** Whether everything is only looked at. */
  readonly check: boolean;
  readonly workers: number;
}

/** Where output goes. */
export interface Output {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

const FAREWELL = 'Gateway is shutting down';

/** Runs the command; resolves with its exit code when all is over. */
export async function runGateway(command: GatewayCommand, { stdout, stderr }: Output): Promise<number> {
  const log = createLog(stderr);
  const warned: string[] = [];
  logWarnings(command.check ? (line) => void warned.push(line.replace(/^warning: /, '')) : log);
  let settings: GatewaySettings;
  try {
    settings = readGatewayConfig(command.config);
  } catch (error) {
    const problem = `${command.config}: ${explain(error)}`;
    if (command.check) stderr(`${problem}\n`);
    else log(problem);
    return 1;
  }
  if (command.check) {
    // Node tells its warnings in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    const warnings = [...settings.warnings, ...warned];
    stdout(describeSettings(command.config, { ...settings, warnings }, command.workers));
    return 0;
  }
  return new GatewayService(command, settings, log).run();
}

/** Runs as one of the processes that {@link runGateway} has started. */
export function runGatewayWorker(name: string, { stderr }: Output): void {
  const write = createLog(stderr);
  const log: Log = (line) => write(`${name}: ${line}`);
  logWarnings(log, (code) => code?.startsWith('IRCD_WEBSOCKET_') === true);
  runWorker(log);
}

/** Node's warnings, and the library's own, in the form of the log. Each once: the primary has said a worker's. */
function logWarnings(log: Log, isKnown: (code: string | undefined) => boolean = () => false): void {
  const said = new Set<string>();
  process.removeAllListeners('warning');
  process.on('warning', (warning: Error & { code?: string }) => {
    if (said.has(warning.message) || isKnown(warning.code)) return;
    said.add(warning.message);
    log(`warning: ${warning.message}`);
  });
}

class GatewayService {
  readonly #command: GatewayCommand;
  readonly #log: Log;
  readonly #gateways: Gateways;
  readonly #startedAt = performance.now();
  #settings: GatewaySettings;
  #isDraining = false;
  #reloads = { done: 0, failed: 0 };
  /** One reload after the other. */
  #reloading: Promise<void> = Promise.resolve();

  constructor(command: GatewayCommand, settings: GatewaySettings, log: Log) {
    this.#command = command;
    this.#settings = settings;
    this.#log = log;
    this.#gateways = command.workers === 1 ? new GatewayProcess(settings, log) : new Workers(command.workers, settings, log);
  }

  async run(): Promise<number> {
    for (const warning of this.#settings.warnings) this.#log(`warning: ${warning}`);
    const health = createHealthServer({ counters: () => this.#counters(), facts: () => this.#facts() });
    // Before anything takes time: a SIGHUP that nobody waits for would end the process.
    const ended = this.#awaitSignals();
    try {
      for (const { path } of this.#settings.binds) if (path !== null) await removeStaleSocket(path);
      for (const url of await this.#gateways.start()) this.#log(`listening on ${url}`);
      if (this.#settings.health !== null) this.#log(`health on ${await listenForHealth(health, this.#settings.health)}`);
    } catch (error) {
      // Whoever was told to end while starting has not failed.
      if (this.#isDraining) return ended;
      this.#log(`not started: ${explain(error)}`);
      this.#gateways.kill();
      return 1;
    }
    this.#log(`ready: process ${process.pid}, ${plural(this.#command.workers, 'worker')}`);
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
          this.#log(`${signal} again: ending at once`);
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
    this.#log(`${signal}: draining`);
    await this.#gateways.drain(FAREWELL);
    const { gateway } = await this.#gateways.counters();
    this.#log(`drained: ${plural(gateway.accepted, 'client')} served`);
  }

  async #reload(): Promise<void> {
    if (this.#isDraining) return;
    try {
      const settings = readGatewayConfig(this.#command.config);
      const notes = await this.#gateways.reload(settings);
      if (JSON.stringify(settings.health) !== JSON.stringify(this.#settings.health)) {
        notes.push('<health> has changed, and stays as it was: that takes a restart');
      }
      for (const warning of settings.warnings) this.#log(`warning: ${warning}`);
      for (const note of notes) this.#log(`warning: ${note}`);
      this.#reloads.done++;
      this.#log('reloaded: newcomers meet the new configuration, certificates are read again');
    } catch (error) {
      this.#reloads.failed++;
      this.#log(`not reloaded, the old configuration stays in force: ${this.#command.config}: ${explain(error)}`);
    }
  }

  #counters(): Promise<Counters> {
    return this.#gateways.counters();
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
 * Removes the file of a Unix domain socket that nobody listens on any more: one is left where a process was killed. One that answers is left alone, and listening
 * then says why it cannot be.
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

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
