/**
 * irssi, the real one, in a terminal of its own.
 *
 * In: where the IRC server is. Out: what irssi wrote into the log of its channel. It does not know what the others do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { daemonFolder } from './daemons.ts';

/** The programs: irssi wants a terminal, and `script`, of Debian's util-linux, gives it one. */
export interface IrssiPrograms {
  readonly irssi: string;
  readonly script: string;
}

/** Starts irssi with the folder that has its `config`. It is in a process group of its own. */
export function spawnIrssi({ irssi, script }: IrssiPrograms, home: string): ChildProcess {
  const child = spawn(script, ['-qec', `${irssi} --home=${home}`, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm', LANG: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdout.resume();
  return child;
}

/** A person with irssi in one channel. */
export class Irssi {
  readonly #process: ChildProcess;
  readonly #home: string;
  readonly #channel: string;

  private constructor(process: ChildProcess, home: string, channel: string) {
    this.#process = process;
    this.#home = home;
    this.#channel = channel;
  }

  /** Connects to a server on this machine, and waits until the channel is joined. */
  static async join(programs: IrssiPrograms, port: number, nick: string, channel: string): Promise<Irssi> {
    const home = daemonFolder({});
    writeFileSync(
      join(home, 'config'),
      `servers = ( { address = "127.0.0.1"; chatnet = "test"; port = "${port}"; autoconnect = "yes"; } );
chatnets = { test = { type = "IRC"; nick = "${nick}"; }; };
channels = ( { name = "${channel}"; chatnet = "test"; autojoin = "yes"; } );
settings = {
  core = { real_name = "${nick}"; user_name = "${nick}"; nick = "${nick}"; };
  "fe-common/core" = { autolog = "yes"; autolog_path = "${home}/$0.log"; };
};
`,
    );
    const irssi = new Irssi(spawnIrssi(programs, home), home, channel);
    await expect.poll(() => irssi.log.some((line) => line.includes(`Irssi: ${channel}: Total of`))).toBe(true);
    return irssi;
  }

  /** The lines of the channel's log, each without its time: `< ada> hello`, `-!- ada [~ada@host] has quit [bye]`. */
  get log(): string[] {
    let text = '';
    try {
      text = readFileSync(join(this.#home, `${this.#channel}.log`), 'utf8');
    } catch {
      // Nothing was logged yet.
    }
    return text.split('\n').map((line) => line.replace(/^\d\d:\d\d /, ''));
  }

  /** Types a line as a person would. */
  type(line: string): void {
    this.#process.stdin?.write(`${line}\r`);
  }

  stop(): void {
    process.kill(-(this.#process.pid as number), 'SIGKILL');
    rmSync(this.#home, { recursive: true, force: true });
  }
}
