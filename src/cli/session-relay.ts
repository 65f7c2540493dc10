/**
 * Clients that come back to another worker than the one that has them.
 *
 * In: a connection that claims a session of another worker. Out: the same connection at that worker, behind a PROXY header that
 * says who the client is. Each worker listens on Unix domain sockets of its own, in a folder that only this user can enter. It
 * does not know what a session is.
 *
 * The node of a session is `<resumenode>-<worker>`: it says which worker has it, and is no secret.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { IrcGateway, IrcGatewayOptions } from '../gateway/index.ts';
import { hexOfAddress } from '../gateway/network.ts';

type ConnectionFacts = Parameters<NonNullable<IrcGatewayOptions['hook']['relaySession']>>[3];

/** Where the workers meet. */
export interface RelayPlace {
  /** A folder of mode 0700. */
  readonly folder: string;
  /** This worker's number, from 1. */
  readonly worker: number;
  readonly workers: number;
}

/** Hands connections on, and takes those that other workers hand on. */
export class SessionRelay {
  readonly #place: RelayPlace;
  readonly #servers: Server[] = [];

  constructor(place: RelayPlace) {
    this.#place = place;
  }

  /** Returns the node of this worker's sessions. */
  nodeOf(base: string): string {
    return `${base}-${this.#place.worker}`;
  }

  /** Takes connections for a gateway; `hook` numbers the gateways of a worker. */
  async listen(gateway: IrcGateway, hook: number): Promise<void> {
    const path = this.#path(this.#place.worker, hook);
    // The worker that had this number before may have been killed.
    rmSync(path, { force: true });
    const server = createServer((socket) => gateway.accept(socket, { proxyProtocol: true, trustsPeer: true }));
    this.#servers.push(server);
    // Exclusive: not shared with the other workers by the primary.
    server.listen({ path, exclusive: true });
    await once(server, 'listening');
  }

  /** Hands a connection on to the worker that has the session. Returns `false` for a node that is none of these workers. */
  relay(
    base: string,
    hook: number,
    node: string,
    from: Duplex,
    head: Uint8Array,
    facts: ConnectionFacts,
    request: IncomingMessage,
  ): boolean {
    const worker = node.startsWith(`${base}-`) ? Number(node.slice(base.length + 1)) : Number.NaN;
    if (!Number.isInteger(worker) || worker < 1 || worker > this.#place.workers || worker === this.#place.worker) return false;
    const to = connect(this.#path(worker, hook));
    to.write(Buffer.concat([proxyHeader(facts), Buffer.from(requestText(request), 'latin1'), head]));
    couple(from, to);
    couple(to, from);
    from.pipe(to);
    to.pipe(from);
    return true;
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  #path(worker: number, hook: number): string {
    return join(this.#place.folder, `${worker}.${hook}.sock`);
  }
}

/** Ends `other` when `socket` ends: a connection that is lost on one side is lost on both. */
function couple(socket: Duplex | Socket, other: Duplex): void {
  socket.on('error', () => other.destroy());
  socket.on('close', () => other.destroy());
}

function requestText({ method, url, rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${text}\r\n`;
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Version 2, PROXY. */
const COMMAND = 0x21;
const Family = { UNSPECIFIED: 0x00, TCP4: 0x11, TCP6: 0x21 } as const;
/** PP2_TYPE_SSL with PP2_CLIENT_SSL, and "the certificate was not verified". */
const IS_TLS = Buffer.from([0x20, 0, 5, 0x01, 0, 0, 0, 1]);

/** Writes a PROXY protocol header, version 2: who the client is, and whether its way is TLS. */
export function proxyHeader({ client, local, secure }: ConnectionFacts): Buffer {
  const family = isIP(client.address);
  const addresses =
    family === 0
      ? Buffer.alloc(0)
      : Buffer.concat([
          addressBytes(client.address, family),
          addressBytes(isIP(local.address) === family ? local.address : family === 4 ? '0.0.0.0' : '::', family),
          portBytes(client.port),
          portBytes(local.port),
        ]);
  const values = secure ? IS_TLS : Buffer.alloc(0);
  const code = family === 0 ? Family.UNSPECIFIED : family === 4 ? Family.TCP4 : Family.TCP6;
  const size = addresses.length + values.length;
  return Buffer.concat([SIGNATURE, Buffer.from([COMMAND, code, size >> 8, size & 0xff]), addresses, values]);
}

function addressBytes(address: string, family: number): Buffer {
  return family === 4 ? Buffer.from(address.split('.').map(Number)) : Buffer.from(hexOfAddress(address), 'hex');
}

function portBytes(port = 0): Buffer {
  return Buffer.from([port >> 8, port & 0xff]);
}
