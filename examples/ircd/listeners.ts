/**
 * Where connections come from: `<bind>` tags, each plain or through a hook.
 *
 * In: binds, and who takes sockets. Out: listening servers. This is the place where an IRC server meets `ircd-websocket`: a hook
 * is looked up by its name, and asked for a listener.
 */
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { ConfigError, type WebSocketHook } from 'ircd-websocket';
import type { Bind } from './settings.ts';

/** A listener that is up. */
export interface Listening {
  readonly bind: Bind;
  readonly server: Server;
  /** As it really is: port 0 in the configuration means any. */
  readonly address: string;
  readonly port: number;
}

/** The hooks that a `<bind>` may name: `websocket`, and whatever comes after it. */
export class HookRegistry {
  readonly #hooks = new Map<string, WebSocketHook>();

  register(name: string, hook: WebSocketHook): void {
    this.#hooks.set(name, hook);
  }

  get(name: string): WebSocketHook | undefined {
    return this.#hooks.get(name);
  }
}

/**
 * Opens all binds, or none.
 *
 * @param accept takes the sockets of plain binds; those of hooks go where the hook sends them
 */
export async function openListeners(
  binds: readonly Bind[],
  hooks: HookRegistry,
  accept: (socket: Socket) => void,
  onRequest: RequestListener,
): Promise<Listening[]> {
  const servers = binds.map((bind) => ({ bind, server: makeServer(bind, hooks, accept, onRequest) }));
  const listening = await Promise.allSettled(servers.map(({ bind, server }) => listen(bind, server)));
  const failed = listening.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    for (const { server } of servers) server.close();
    throw failed.reason;
  }
  return listening.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}

function makeServer(bind: Bind, hooks: HookRegistry, accept: (socket: Socket) => void, onRequest: RequestListener): Server {
  const tls = bind.tls === null ? undefined : readTls(bind.tls);
  if (bind.hook === null) return tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  const hook = hooks.get(bind.hook);
  if (hook === undefined) throw new ConfigError({ tag: 'bind', key: 'hook', value: bind.hook }, 'is not a hook of this server');
  return hook.createListener({ onRequest, ...(tls === undefined ? {} : { tls }) });
}

function readTls({ certificate, key }: NonNullable<Bind['tls']>): TlsOptions {
  return { cert: readFileSync(certificate), key: readFileSync(key) };
}

function listen(bind: Bind, server: Server): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ConfigError({ tag: 'bind', key: 'port', value: String(bind.port) }, whyNot(bind, error))),
    );
    server.listen(bind.port, bind.address, () => {
      const { address, port } = server.address() as AddressInfo;
      resolve({ bind, server, address, port });
    });
  });
}

/** Returns why a port cannot be opened, and what to do about it. */
function whyNot({ hook, port }: Bind, { code, message }: NodeJS.ErrnoException): string {
  const other = `choose another one in the configuration, or by: npm start -- ${hook === null ? '--irc-port' : '--port'}`;
  if (code === 'EADDRINUSE') return `is taken by another program: ${other} ${port + 1}`;
  if (code === 'EACCES') return `is reserved for the system: ${other} ${port + 8_000}`;
  return `cannot be listened on: ${message}`;
}
