/**
 * A network that fails: a TCP proxy that resets, half-closes, stalls or goes silent, at any byte.
 *
 * In: the port of a server. Out: a port of its own, and the faults. It does not know what passes.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * How a connection fails.
 *
 * - `reset`: both ends get RST
 * - `half-close`: the client gets FIN; the server hears of it when the client closes
 * - `silent`: nothing passes any more, in either direction, and nobody is told
 */
export type Fault = 'reset' | 'half-close' | 'silent';

class Link {
  readonly client: Socket;
  readonly server: Socket;
  #fault: Fault | null = null;
  /** Bytes that still pass, in each direction, before the fault. */
  readonly #left = { toServer: Number.POSITIVE_INFINITY, toClient: Number.POSITIVE_INFINITY };
  #isSilent = false;

  constructor(client: Socket, server: Socket) {
    this.client = client;
    this.server = server;
    this.#carry(client, server, 'toServer');
    this.#carry(server, client, 'toClient');
  }

  fail(fault: Fault, bytes: number): void {
    this.#fault = fault;
    this.#left.toServer = bytes;
    this.#left.toClient = bytes;
    if (bytes === 0) this.#break();
  }

  pause(): void {
    this.client.pause();
    this.server.pause();
  }

  resume(): void {
    this.client.resume();
    this.server.resume();
  }

  destroy(): void {
    this.client.destroy();
    this.server.destroy();
  }

  #carry(from: Socket, to: Socket, direction: 'toServer' | 'toClient'): void {
    from.on('data', (chunk: Buffer) => {
      if (this.#isSilent) return;
      const passing = chunk.subarray(0, this.#left[direction]);
      this.#left[direction] -= passing.length;
      if (passing.length > 0 && to.writable) to.write(passing);
      if (this.#left[direction] === 0) this.#break();
    });
    from.on('end', () => {
      if (!this.#isSilent) to.end();
    });
    from.on('error', () => {
      if (!this.#isSilent) to.destroy();
    });
    from.on('close', () => {
      if (!this.#isSilent) to.destroy();
    });
  }

  #break(): void {
    if (this.#fault === 'reset') {
      this.client.resetAndDestroy();
      this.server.resetAndDestroy();
    } else if (this.#fault === 'half-close') this.client.end();
    else this.#isSilent = true;
  }
}

export class TcpProxy {
  readonly port: number;
  /** Whether new connections are reset at once. */
  isDown = false;
  readonly #server: Server;
  readonly #links = new Set<Link>();

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Starts a proxy to a port of this machine. */
  static async start(target: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server);
    server.on('connection', (client) => proxy.#accept(client, target));
    return proxy;
  }

  /** Lets this many more bytes pass in each direction of every connection that is there; then it fails. */
  fail(fault: Fault, bytes = 0): void {
    for (const link of this.#links) link.fail(fault, bytes);
  }

  /** Holds everything up. */
  stall(): void {
    for (const link of this.#links) link.pause();
  }

  /** Lets what was held up pass. */
  flow(): void {
    for (const link of this.#links) link.resume();
  }

  async stop(): Promise<void> {
    for (const link of this.#links) link.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket, target: number): void {
    if (this.isDown) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const link = new Link(client, connect({ port: target, host: '127.0.0.1', allowHalfOpen: true }));
    this.#links.add(link);
    client.once('close', () => {
      if (link.server.destroyed) this.#links.delete(link);
    });
    link.server.once('close', () => {
      if (client.destroyed) this.#links.delete(link);
    });
  }
}
