import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterEach } from 'vitest';
import { WAIT_LIMIT } from './wait.ts';

const running = new Set<PlainIrc>();

// Before the hooks of other helpers wait for their clients.
afterEach(() => {
  for (const server of running) server.stop();
  running.clear();
});

/** One connection to a {@link PlainIrc}, with the lines that came. */
export class PlainIrcPeer {
  readonly socket: Socket;
  readonly lines: string[] = [];
  isClosed = false;
  #rest = '';
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\r\n');
      this.#rest = lines.pop() as string;
      this.lines.push(...lines);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** Waits until `condition` holds; it is looked at whenever something came. */
  async until(condition: () => boolean, limit = WAIT_LIMIT): Promise<void> {
    const deadline = Date.now() + limit;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`not within ${limit} ms; there were:\n${this.lines.slice(-20).join('\n')}`);
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, Math.max(1, deadline - Date.now()));
        this.#waiting.add(wake);
      });
    }
  }

  async line(pattern: RegExp): Promise<string> {
    await this.until(() => this.lines.some((line) => pattern.test(line)));
    return this.lines.find((line) => pattern.test(line)) as string;
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

/** An IRC server as a gateway sees it: it takes connections, and says what a test has it say. */
export class PlainIrc {
  readonly port: number;
  readonly peers: PlainIrcPeer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    running.add(this);
  }

  static async start(tls?: TlsOptions): Promise<PlainIrc> {
    const take = (socket: Socket): void => void server.emit('peer', new PlainIrcPeer(socket));
    const server: Server = tls === undefined ? createServer(take) : createTlsServer(tls, take);
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const started = new PlainIrc(server);
    server.on('peer', (peer: PlainIrcPeer) => void started.peers.push(peer));
    return started;
  }

  /** Returns the connection that comes next. */
  async next(): Promise<PlainIrcPeer> {
    return ((await once(this.#server, 'peer')) as [PlainIrcPeer])[0];
  }

  stop(): void {
    for (const { socket } of this.peers) socket.destroy();
    this.#server.close();
  }
}
