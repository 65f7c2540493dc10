import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './build.ts';
import { WAIT_LIMIT } from './wait.ts';

const MAIN = join(ROOT, '.build/examples/ircd/main.js');

export interface RunningIrcd {
  readonly process: ChildProcess;
  readonly configPath: string;
  readonly tcpPort: number;
  readonly webPort: number;
  /** Everything it printed. */
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface IrcdOptions {
  readonly tcpPort?: number;
  readonly webPort?: number;
  /** Tags beside `<server>`, the binds and the origins. */
  readonly tags?: string;
}

/** Starts the example server as `npm start` does, with a configuration of its own. */
export async function startIrcd({ tcpPort = 0, webPort = 0, tags = '' }: IrcdOptions = {}): Promise<RunningIrcd> {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  const configPath = join(folder, 'ircd.conf');
  writeFileSync(
    configPath,
    `<server name="irc.example.test" network="Test">
<bind address="127.0.0.1" port="${tcpPort}">
<bind address="127.0.0.1" port="${webPort}" hook="websocket">
<wsorigin allow="http://127.0.0.1:*">
<oper name="admin" password="secret" host="*@127.0.0.1">
${tags}`,
  );
  const child = spawn(process.execPath, [MAIN, '--config', configPath], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  while (!/the web client/.test(output) && child.exitCode === null)
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (child.exitCode !== null) throw new Error(`the example server did not start: ${output}`);
  return {
    process: child,
    configPath,
    tcpPort: Number(/over TCP\s+\S+:(\d+)/.exec(output)?.[1]),
    webPort: Number(/over WebSocket\s+ws:\/\/[^/]+:(\d+)\//.exec(output)?.[1]),
    output: () => output,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null) {
        child.kill(signal);
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
      return child.exitCode;
    },
  };
}

/** A person with a TCP client. */
export class TcpUser {
  readonly lines: string[] = [];
  readonly socket: Socket;
  #rest = '';

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('utf8');
    this.socket.on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\r\n');
      this.#rest = lines.pop() as string;
      this.lines.push(...lines);
    });
    this.socket.on('error', () => {});
  }

  send(...lines: string[]): void {
    this.socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  /** Registers, and waits for the welcome. */
  static async register(port: number, nick: string): Promise<TcpUser> {
    const user = new TcpUser(port);
    user.send(`NICK ${nick}`, `USER ${nick} 0 * :${nick}`);
    await user.line(/ 422 | 376 /);
    return user;
  }

  line(pattern: RegExp): Promise<string> {
    return lineAmong(this.lines, pattern);
  }
}

/** Waits for a line, looking at all that have come; fails after {@link WAIT_LIMIT}, with what came instead. */
export async function lineAmong(lines: readonly string[], pattern: RegExp): Promise<string> {
  const deadline = Date.now() + WAIT_LIMIT;
  for (;;) {
    const found = lines.find((line) => pattern.test(line));
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`no line like ${pattern}; there were:\n${lines.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Sends a line, waits for the answer, and resets the connection. */
export async function sendAndReset(user: TcpUser, line: string, answer: RegExp): Promise<void> {
  user.send(line);
  await user.line(answer);
  user.socket.resetAndDestroy();
}
