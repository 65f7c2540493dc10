import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { WebSocket } from 'ws';
import { ROOT } from './build.ts';
import { WAIT_LIMIT } from './wait.ts';

export interface RunningExample {
  readonly process: ChildProcess;
  /** The ports that it said it listens on, in order. */
  readonly ports: readonly number[];
  /** Waits until it has printed this, and gives it; fails when it ends before, and after {@link WAIT_LIMIT}. */
  prints(pattern: RegExp): Promise<string>;
}

const running = new Set<ChildProcess>();
const users = new Set<WebUser>();

afterEach(async () => {
  for (const user of users) user.socket.terminate();
  users.clear();
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  running.clear();
});

/** Starts an example as its head comment says, and waits until it listens on `ports` ports; it is ended after the test. */
export async function startExample(
  name: string,
  args: readonly (string | number)[] = [0],
  ports = 1,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningExample> {
  const runner = join(ROOT, '.build/examples/run.js');
  const child = spawn(process.execPath, [runner, name, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  let isOver = false;
  child.on('close', () => {
    isOver = true;
  });
  const prints = async (pattern: RegExp): Promise<string> => {
    const late = new Promise<void>((resolve) => setTimeout(resolve, WAIT_LIMIT).unref());
    const deadline = Date.now() + WAIT_LIMIT;
    for (;;) {
      const [found] = pattern.exec(output) ?? [];
      if (found !== undefined) return found;
      if (isOver || Date.now() >= deadline) throw new Error(`${name} did not print ${pattern}: ${output}`);
      await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), once(child, 'close'), late]);
    }
  };
  await prints(new RegExp(`(?:\\bport: \\d+[^]*){${ports}}`));
  return { process: child, ports: [...output.matchAll(/\bport: (\d+)/g)].map(([, port]) => Number(port)), prints };
}

export interface WebUserOptions {
  readonly origin?: string;
  readonly protocols?: string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The certificate to trust. */
  readonly ca?: string;
}

/** A person with a browser, played by `ws`, which shares nothing with this library. */
export class WebUser {
  readonly lines: string[] = [];
  /** How the connection ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly socket: WebSocket;
  readonly #wake = new Set<() => void>();
  #isClosed = false;

  private constructor(
    url: string,
    { origin = 'https://chat.example.com', protocols = ['text.ircv3.net'], ...rest }: WebUserOptions,
  ) {
    this.socket = new WebSocket(url, protocols, { origin, ...rest });
    users.add(this);
    this.socket.on('message', (data) => {
      this.lines.push(String(data));
      for (const wake of this.#wake) wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.#isClosed = true;
        for (const wake of this.#wake) wake();
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** Connects; rejects with the status and body of whatever is no 101. */
  static async open(url: string, options: WebUserOptions = {}): Promise<WebUser> {
    const user = new WebUser(url, options);
    await new Promise<void>((resolve, reject) => {
      user.socket.once('open', resolve);
      user.socket.once('error', reject);
      user.socket.once('unexpected-response', (_request, response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => reject(new Error(`${response.statusCode} ${body}`)));
      });
    });
    return user;
  }

  send(...lines: string[]): void {
    for (const line of lines) this.socket.send(line);
  }

  /** Waits for a line, looking at all that have come; fails when the connection ends, and after {@link WAIT_LIMIT}. */
  async line(pattern: RegExp): Promise<string> {
    const signal = AbortSignal.timeout(WAIT_LIMIT);
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (signal.aborted || this.#isClosed) throw new Error(`no line like ${pattern}; there were:\n${this.lines.join('\n')}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#wake.delete(wake);
          resolve();
        };
        this.#wake.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }
}
