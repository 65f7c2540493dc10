import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { WAIT_LIMIT } from './wait.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist/cli/main.js');

const running = new Set<GatewayCli>();

afterEach(async () => {
  for (const gateway of running) await gateway.stop();
});

/** `ircd-websocket gateway` as a process of its own, with a folder for its files. */
export class GatewayCli {
  readonly process: ChildProcess;
  readonly folder: string;
  #log = '';

  private constructor(process: ChildProcess, folder: string) {
    this.process = process;
    this.folder = folder;
    for (const stream of [process.stdout, process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    }
    running.add(this);
  }

  /**
   * Starts it; `config` may name further files. Resolves when it is ready, or has ended.
   *
   * @param options.under a program, with arguments, that becomes the gateway, such as `prlimit --nofile=64`
   */
  static async start(
    config: string,
    {
      workers = 1,
      files = {},
      under = [],
    }: { workers?: number; files?: Readonly<Record<string, string>>; under?: readonly string[] } = {},
  ): Promise<GatewayCli> {
    const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
    for (const [name, content] of Object.entries({ ...files, 'gateway.conf': config }))
      writeFileSync(join(folder, name), content);
    const command = [MAIN, 'gateway', '--config', join(folder, 'gateway.conf'), '--workers', String(workers)];
    const [program, ...args] = [...under, process.execPath, ...command] as [string, ...string[]];
    const gateway = new GatewayCli(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }), folder);
    await Promise.race([gateway.logged(/ ready: /).catch(() => {}), once(gateway.process, 'exit')]);
    return gateway;
  }

  /** Everything it printed. */
  get log(): string {
    return this.#log;
  }

  /** Waits for a line of the log, from the `from`th character on; gives what matched. */
  async logged(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const deadline = Date.now() + WAIT_LIMIT;
    for (;;) {
      const match = pattern.exec(this.#log.slice(from));
      if (match !== null) return match;
      const left = deadline - Date.now();
      if (left <= 0 || this.process.stderr?.readableEnded === true) throw new Error(`no ${pattern} in the log:\n${this.#log}`);
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), left);
      await Promise.race([
        once(this.process.stderr as NonNullable<ChildProcess['stderr']>, 'data', { signal: stop.signal }),
        once(this.process.stderr as NonNullable<ChildProcess['stderr']>, 'end', { signal: stop.signal }),
      ]).catch(() => {});
      clearTimeout(timer);
      stop.abort();
    }
  }

  /** The port of the `n`th address that it listens on. */
  webPort(n = 0): number {
    const port = [...this.#log.matchAll(/listening on wss?:\/\/\S+:(\d+)\//g)][n]?.[1];
    if (port === undefined) throw new Error(`the gateway listens on fewer than ${n + 1} ports:\n${this.#log}`);
    return Number(port);
  }

  /** Asks the health endpoint. */
  async health(path: string): Promise<{ status: number; body: string }> {
    const url = /health on (http:\/\/\S+)\//.exec(this.#log)?.[1];
    const response = await fetch(`${url}${path}`);
    return { status: response.status, body: await response.text() };
  }

  async stats(): Promise<{ workers: number; restarts: number; gateway: Record<string, number>; hook: Record<string, object> }> {
    return JSON.parse((await this.health('/stats')).body);
  }

  write(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content);
  }

  /** Replaces the configuration, has it read, and waits for the verdict. */
  async reload(config: string): Promise<string> {
    this.write('gateway.conf', config);
    const from = this.#log.length;
    this.process.kill('SIGHUP');
    return (await this.logged(/\S+ (?:not )?reloaded[^\n]*/, from))[0].replace(/^\S+ /, '');
  }

  /** Returns the exit code. */
  async ended(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
    return this.process.exitCode;
  }

  async stop(): Promise<void> {
    running.delete(this);
    this.process.kill('SIGKILL');
    await this.ended();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
