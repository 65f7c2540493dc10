/**
 * `gateway --probe`: whether each IRC server believes what the gateway says of its users.
 *
 * In: settings. Out: findings in words, and an exit code. One user of a documentation address registers at each server, asks who
 * it is, and leaves.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { connectTo } from '../gateway/connect.ts';
import { isError } from '../gateway/farewell.ts';
import { Introduction } from '../gateway/introduction.ts';
import { prepareUpstreams, type ReadyUpstream } from '../gateway/upstream.ts';
import { WholeLines } from '../gateway/whole-lines.ts';
import { formatWebirc } from '../webirc/webirc.ts';
import { type Finding, formatFindings } from './findings.ts';
import type { GatewaySettings } from './gateway-config.ts';

/** RFC 5737: nobody has an address of 192.0.2.0/24. */
const DOCUMENTATION_ADDRESS = '192.0.2.113';

/** Milliseconds for a server to connect, and to answer everything. */
const CONNECT_TIMEOUT = 5_000;
const ANSWER_TIMEOUT = 20_000;

/** Probes each IRC server; resolves with the exit code: 1 where one of them is not as it should be. */
export async function probeUpstreams({ upstreams }: GatewaySettings, stdout: (text: string) => void): Promise<number> {
  const findings = await Promise.all(prepareUpstreams(upstreams).map(probe));
  stdout(formatFindings(findings));
  return findings.every(({ isGood }) => isGood) ? 0 : 1;
}

async function probe(upstream: ReadyUpstream): Promise<Finding> {
  const { name, options, tls } = upstream;
  const tried = `connect to ${name}${tls === null ? '' : ' by TLS'}`;
  let socket: Socket;
  try {
    socket = await connectTo(upstream, CONNECT_TIMEOUT, new AbortController().signal);
  } catch (error) {
    return {
      isGood: false,
      tried,
      came: (error as Error).message,
      toDo: 'Start the IRC server, or correct <upstream>: host, port, path, tls, cafile, servername.',
    };
  }
  try {
    return await new Probe(socket, upstream).run(options.webirc);
  } finally {
    socket.destroy();
  }
}

const COMPARE =
  'Compare the password, and the address or host name (mask) that the IRC server expects of this gateway (docs/webirc.md).';

/** One user at one server. */
class Probe {
  readonly #socket: Socket;
  readonly #upstream: ReadyUpstream;
  readonly #nick = `probe${randomBytes(2).toString('hex')}`;
  readonly #introduction = new Introduction();
  #isWelcome = false;
  /** What WHOIS and the server said of who this user is. */
  readonly #said: string[] = [];

  constructor(socket: Socket, upstream: ReadyUpstream) {
    this.#socket = socket;
    this.#upstream = upstream;
  }

  async run(webirc: ReadyUpstream['options']['webirc']): Promise<Finding> {
    const { name, options } = this.#upstream;
    const pass = options.pass === undefined ? [] : [`PASS ${options.pass}`];
    if (pass.length > 0) this.#introduction.passSent();
    const user = { hostname: '', address: DOCUMENTATION_ADDRESS, options: new Map() };
    const introduction = webirc === undefined ? [] : [formatWebirc({ ...webirc, ...user })];
    this.#send(...introduction, ...pass, `NICK ${this.#nick}`, `USER ${this.#nick} 0 * :gateway --probe`);
    const tried = `WEBIRC to ${name} for a user of ${DOCUMENTATION_ADDRESS}, then WHOIS`;
    const problem = await this.#read();
    if (problem !== null) return { isGood: false, tried, ...problem };
    if (webirc === undefined) {
      const toDo = 'Add <webirc password="…"> here, and a block for this gateway at the IRC server (docs/webirc.md).';
      return {
        isGood: false,
        tried: `register at ${name}`,
        came: 'it works, but without WEBIRC: all users have the same address',
        toDo,
      };
    }
    const isBelieved = this.#said.some((line) => line.includes(DOCUMENTATION_ADDRESS));
    const whois = this.#said.join(' | ') || 'no answer to WHOIS with an address';
    return isBelieved
      ? { isGood: true, tried, came: `the server believes it: ${whois}`, toDo: null }
      : {
          isGood: false,
          tried,
          came: `the server accepts the user, but does not show ${DOCUMENTATION_ADDRESS}: ${whois}`,
          toDo: 'If the server hides addresses from their owners, ask an operator for WHOIS. If not, it has ignored WEBIRC: check its block.',
        };
  }

  /** Reads until WHOIS is answered; returns what was wrong, or `null`. */
  async #read(): Promise<Pick<Finding, 'came' | 'toDo'> | null> {
    const lines = new WholeLines();
    const timer = setTimeout(() => this.#socket.destroy(), ANSWER_TIMEOUT);
    try {
      for await (const chunk of this.#socket) {
        const text = lines.take(chunk as Buffer)?.toString('latin1') ?? '';
        const refusal = this.#introduction.refusal(text);
        if (refusal !== null) return { came: `the server refused WEBIRC: ${refusal}`, toDo: COMPARE };
        for (const line of text.split(/\r?\n/)) {
          if (isError(line)) return { came: line, toDo: 'Read the reason: a ban, a limit of connections, or a wrong PASS.' };
          if (this.#take(line)) return null;
        }
      }
    } catch {
      // A reset says no more than an end.
    } finally {
      clearTimeout(timer);
    }
    const came = this.#isWelcome ? 'no answer to WHOIS' : 'no welcome, and no other answer';
    return { came, toDo: 'Read the log of the IRC server.' };
  }

  /** Takes a line; returns whether it was the last that is waited for. */
  #take(line: string): boolean {
    const ping = /^(?::\S+ )?PING (.*)$/i.exec(line);
    if (ping !== null) this.#send(`PONG ${ping[1]}`);
    const [, numeric = ''] = /^:\S+ (\d{3}) /.exec(line) ?? [];
    if (numeric === '001') {
      this.#isWelcome = true;
      this.#said.push(...(line.includes(DOCUMENTATION_ADDRESS) ? [line] : []));
      this.#send(`WHOIS ${this.#nick} ${this.#nick}`);
    }
    // 311 user and host; 338, 378 "actually using host", "is connecting from".
    if (['311', '338', '378', '396'].includes(numeric)) this.#said.push(line.replace(/^:\S+ /, ''));
    return numeric === '318';
  }

  #send(...lines: readonly string[]): void {
    if (this.#socket.writable) this.#socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }
}
