/**
 * A hook behind one of its doors, with everything that a test may want to look at afterwards.
 *
 * In: a door (TCP, TLS, a Unix domain socket), options. Out: a hook that listens, and every transport that it was given.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWebSocketHook, type WebSocketHook, type WebSocketHookOptions } from '../../src/index.ts';
import { makeCertificate } from './certificate.ts';
import { WAIT_LIMIT } from './wait.ts';
import type { Place } from './wire.ts';

export const DOORS = ['tcp', 'tls', 'unix'] as const;
export type Door = (typeof DOORS)[number];

let certificate: { cert: string; key: string } | undefined;

export class World {
  readonly hook: WebSocketHook;
  readonly place: Place;
  /** Each transport that was accepted: TCP below TLS. */
  readonly transports: Socket[] = [];
  readonly #server: Server;
  readonly #folder: string | undefined;

  private constructor(hook: WebSocketHook, server: Server, place: Place, folder: string | undefined) {
    this.hook = hook;
    this.#server = server;
    this.place = place;
    this.#folder = folder;
    server.on('connection', (socket: Socket) => void this.transports.push(socket));
  }

  static async open(door: Door, options: Omit<WebSocketHookOptions, 'origins'>): Promise<World> {
    const hook = createWebSocketHook({ origins: ['https://*.example.com'], ...options } as WebSocketHookOptions);
    certificate ??= door === 'tls' ? makeCertificate() : undefined;
    const server = hook.createListener(door === 'tls' && certificate !== undefined ? { tls: certificate } : {}) as Server;
    const folder = door === 'unix' ? mkdtempSync(join(tmpdir(), 'ircd-websocket-')) : undefined;
    const path = folder === undefined ? undefined : join(folder, 'socket');
    if (path === undefined) server.listen(0, '127.0.0.1');
    else server.listen(path);
    await once(server, 'listening');
    const place = path === undefined ? { port: (server.address() as AddressInfo).port, tls: door === 'tls' } : { path };
    return new World(hook, server, place, folder);
  }

  /** Ends everything, whatever state it is in. */
  async stop(): Promise<void> {
    for (const socket of this.transports) socket.destroy();
    if (this.#server instanceof HttpServer || 'closeAllConnections' in this.#server)
      (this.#server as HttpServer).closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Waits until `condition` holds; `false` where it never did. */
export async function comes(condition: () => boolean, limit = WAIT_LIMIT): Promise<boolean> {
  const deadline = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return true;
}

/** Lets the event loop turn a few times. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
