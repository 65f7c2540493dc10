/**
 * One gateway with its listeners, in this process.
 *
 * In: settings. Out: clients on their way to IRC servers. It does not know signals, files or other processes.
 */
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { createSecureContext, type SecureContext, type Server as TlsServer } from 'node:tls';
import { ConfigError } from '../errors.ts';
import { type AddressPlaces, createIrcGateway, type IrcGateway } from '../gateway/index.ts';
import type { Counters } from './counters.ts';
import type { BindSettings, GatewaySettings } from './gateway-config.ts';
import type { Gateways } from './gateways.ts';
import { explain, type Log } from './log.ts';

/** A bind that is, or will be, listened on. */
interface Listener {
  readonly bind: BindSettings;
  readonly server: Server;
  /** Read for each connection that comes with a PROXY header; `https.Server` keeps its own. */
  readonly tls: { cert: string; key: string; secureContext: SecureContext } | null;
}

/** Runs a gateway. */
export class GatewayProcess implements Gateways {
  readonly #gateway: IrcGateway;
  readonly #listeners: readonly Listener[];

  /** @throws ConfigError */
  constructor(settings: GatewaySettings, log: Log, places?: AddressPlaces) {
    const { hook, upstreams, hostnames, dnsbl, limits } = settings;
    this.#gateway = createIrcGateway({
      hook,
      upstreams,
      hostnames,
      limits,
      log,
      ...(dnsbl === null ? {} : { dnsbl }),
      ...(places === undefined ? {} : { places }),
    });
    this.#listeners = settings.binds.map((bind) => {
      const tls = bind.tls === null ? null : { ...bind.tls, secureContext: createSecureContext(bind.tls) };
      const options = { proxyProtocol: bind.proxyProtocol, ...(tls === null ? {} : { tls }) };
      return { bind, tls, server: this.#gateway.createListener(options) };
    });
  }

  async start(): Promise<string[]> {
    const results = await Promise.allSettled(this.#listeners.map(listen));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      this.#stopListening();
      throw failed.reason;
    }
    return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  }

  async reload(settings: GatewaySettings): Promise<string[]> {
    const { hook, upstreams, hostnames, dnsbl, limits } = settings;
    const renewed = this.#listeners.flatMap((listener) => {
      const next = settings.binds.find((bind) => nameOf(bind) === nameOf(listener.bind));
      if (next?.tls == null || listener.tls === null) return [];
      return { ...listener, tls: listener.tls, pem: next.tls, secureContext: createSecureContext(next.tls) };
    });
    this.#gateway.reload({ hook, upstreams, hostnames, dnsbl, limits });
    for (const { server, tls, pem, secureContext } of renewed) {
      Object.assign(tls, { ...pem, secureContext });
      if ('setSecureContext' in server) (server as TlsServer).setSecureContext(pem);
    }
    const before = this.#listeners.map(({ bind }) => nameOf(bind)).sort();
    const after = settings.binds.map(nameOf).sort();
    return before.join() === after.join() ? [] : ['<bind> has changed, and stays as it was: that takes a restart'];
  }

  async counters(): Promise<Counters> {
    return { gateway: this.#gateway.stats(), hook: this.#gateway.hook.stats() };
  }

  workers(): { workers: number; restarts: number } {
    return { workers: 1, restarts: 0 };
  }

  async drain(reason: string): Promise<void> {
    this.#stopListening();
    await this.#gateway.close(reason);
  }

  kill(): void {
    // There is no other process.
  }

  #stopListening(): void {
    for (const { server } of this.#listeners) server.close();
  }
}

/** What makes a bind the same one after a reload; certificates may change. */
function nameOf({ address, port, path, proxyProtocol, tls }: BindSettings): string {
  return `${path ?? `${address} ${port}`} ${proxyProtocol} ${tls !== null}`;
}

/** Says where a bind is, as a browser would write it. */
export function urlOf({ address, port, path, tls }: Pick<BindSettings, 'address' | 'port' | 'path' | 'tls'>): string {
  const scheme = tls === null ? 'ws' : 'wss';
  if (path !== null) return `${scheme}+unix://${path}`;
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}/`;
}

async function listen({ bind, server }: Listener): Promise<string> {
  try {
    if (bind.path === null) server.listen(bind.port, bind.address);
    else server.listen(bind.path);
    await once(server, 'listening');
    if (bind.path !== null && bind.permissions !== null) chmodSync(bind.path, bind.permissions);
  } catch (error) {
    const [key, value] = bind.path === null ? ['port', String(bind.port)] : ['path', bind.path];
    throw new ConfigError({ tag: 'bind', key, value }, `cannot be listened on: ${explain(error)}`, { cause: error });
  }
  const bound = server.address() as AddressInfo | string | null;
  return urlOf({ ...bind, ...(typeof bound === 'object' && bound !== null ? { port: bound.port } : {}) });
}
