import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { serveFiles } from '../../examples/ircd/web-files.ts';
import { ROOT } from './build.ts';

const SOURCES = join(ROOT, 'examples/ircd/web');
const BUILD = join(ROOT, '.build/examples/ircd/web');

export interface Script {
  /** What CAP LS offers. */
  readonly capabilities?: string;
  /** The members of each channel beside the person. */
  readonly members?: readonly string[];
  /** Answers to a line, in the place of the usual ones; `null` for the usual ones. */
  readonly answer?: (line: string) => readonly string[] | null;
}

/**
 * The web client's page, and an IRC server that says exactly what a test tells it to say: as fast as the socket takes it, and
 * what no real server says on demand.
 */
export class ScriptedIrc {
  /** What the page sent, over all connections. */
  readonly received: string[] = [];
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #script: Script;
  #socket: WebSocket | null = null;

  private constructor(script: Script) {
    this.#script = script;
    const sources = readdirSync(SOURCES).filter((name) => /\.(html|css|svg)$/.test(name));
    this.#http = createServer(serveFiles([SOURCES, BUILD], [...sources, 'main.js']));
    this.#webSockets = new WebSocketServer({ server: this.#http });
    this.#webSockets.on('connection', (socket) => {
      this.#socket = socket;
      socket.on('message', (data) => {
        const line = String(data);
        this.received.push(line);
        this.send(...(script.answer?.(line) ?? this.#answer(line)));
      });
    });
  }

  static async start(script: Script = {}): Promise<ScriptedIrc> {
    const server = new ScriptedIrc(script);
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  send(...lines: readonly string[]): void {
    for (const line of lines) this.#socket?.send(line);
  }

  /** Ends the connection; the server stays. */
  drop(): void {
    this.#socket?.terminate();
  }

  async stop(): Promise<void> {
    for (const socket of this.#webSockets.clients) socket.terminate();
    this.#webSockets.close();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #answer(line: string): string[] {
    const { capabilities = '', members = [] } = this.#script;
    const [command = '', target = ''] = line.split(' ');
    switch (command) {
      case 'CAP': {
        const requested = line.slice('CAP REQ :'.length);
        if (target === 'LS') return [`:irc.test CAP * LS :${capabilities}`];
        if (target === 'REQ') return [`:irc.test CAP * ACK :${requested}`];
        return [':irc.test 001 me :Welcome', ':irc.test 005 me NETWORK=Test :are supported'];
      }
      case 'JOIN': {
        const names = members.flatMap((_, index) => (index % 20 === 0 ? [members.slice(index, index + 20).join(' ')] : []));
        return [
          `:me!~web@127.0.0.1 JOIN ${target}`,
          ...[...names, 'me'].map((some) => `:irc.test 353 me = ${target} :${some}`),
          `:irc.test 366 me ${target} :End`,
        ];
      }
      case 'PART':
        return [`:me!~web@127.0.0.1 PART ${target}`];
      default:
        return [];
    }
  }
}
