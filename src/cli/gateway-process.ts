/**
 * One gateway with its listeners, in this process.
 *
 * In: settings. Out: clients on their way to IRC servers. Each `<websocket>` has a gateway of its own; they share the places of
 * addresses. It does not know signals, files or other processes.
 */
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import type { WebSocketConfig } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { AddressCount } from '../gateway/address-count.ts';
import {
  type AddressPlaces,
  createIrcGateway,
  type IrcGateway,
  type IrcGatewayOptions,
  type IrcGatewayReload,
} from '../gateway/index.ts';
import type { BindSettings } from './bind-tags.ts';
import { type Counters, sum } from './counters.ts';
import type { GatewaySettings } from './gateway-config.ts';
import type { Gateways } from './gateways.ts';
import { explain, type Log } from './log.ts';
import { ProcessMeter } from './process-counts.ts';
import { type RelayPlace, SessionRelay } from './session-relay.ts';

/** A bind that is, or will be, listened on. */
interface Listener {
  readonly bind: BindSettings;
  readonly server: Server;
}

/** What a process shares with others. */
interface Shared {
  readonly places?: AddressPlaces;
  readonly relay?: RelayPlace;
}

/** The library's default of `resumeNode`. */
const DEFAULT_NODE = '0';

/** Runs a gateway. */
export class GatewayProcess implements Gateways {
  /** By the name of their `<websocket>`. */
  readonly #gateways: ReadonlyMap<string, IrcGateway>;
  readonly #listeners: readonly Listener[];
  readonly #meter: ProcessMeter;

  readonly #relay: SessionRelay | null;

  /**
   * @param name what metrics call this process
   * @param shared what it shares with other processes
   * @throws ConfigError
   */
  constructor(settings: GatewaySettings, log: Log, name: string, { places = new AddressCount(), relay }: Shared = {}) {
    this.#meter = new ProcessMeter(name);
    this.#relay = relay === undefined ? null : new SessionRelay(relay);
    this.#gateways = new Map(
      Object.entries(settings.hooks).map(([hookName, hook], number) => [
        hookName,
        createIrcGateway({
          ...termsOf(settings, this.#withNode(hook)),
          hook: { ...this.#withNode(hook), ...this.#relayFor(hook, number) },
          ...(settings.dnsbl === null ? {} : { dnsbl: settings.dnsbl }),
          onEvent: log.event,
          places,
        }),
      ]),
    );
    this.#listeners = settings.binds.map((bind) => {
      const options = { proxyProtocol: bind.proxyProtocol, ...(bind.tls === null ? {} : { tls: bind.tls }) };
      return { bind, server: (this.#gateways.get(bind.websocket) as IrcGateway).createListener(options) };
    });
  }

  /** The sessions of this worker have a node of their own. */
  #withNode(hook: WebSocketConfig): WebSocketConfig {
    return this.#relay === null ? hook : { ...hook, resumeNode: this.#relay.nodeOf(hook.resumeNode ?? DEFAULT_NODE) };
  }

  #relayFor(hook: WebSocketConfig, number: number): Pick<IrcGatewayOptions['hook'], 'relaySession'> {
    const relay = this.#relay;
    if (relay === null) return {};
    return { relaySession: (...args) => relay.relay(hook.resumeNode ?? DEFAULT_NODE, number, ...args) };
  }

  async start(): Promise<string[]> {
    await Promise.all([...this.#gateways.values()].map((gateway, number) => this.#relay?.listen(gateway, number)));
    const results = await Promise.allSettled(this.#listeners.map(listen));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      this.#stopListening();
      throw failed.reason;
    }
    return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  }

  async reload(settings: GatewaySettings): Promise<string[]> {
    // What is wrong with any of them was found when the settings were read.
    for (const [name, gateway] of this.#gateways) {
      const hook = settings.hooks[name];
      if (hook !== undefined) gateway.reload({ ...termsOf(settings, this.#withNode(hook)), dnsbl: settings.dnsbl });
    }
    for (const { bind, server } of this.#listeners) {
      const next = settings.binds.find((candidate) => nameOf(candidate) === nameOf(bind));
      if (next?.tls != null) (server as TlsServer).setSecureContext(next.tls);
    }
    const before = this.#listeners.map(({ bind }) => nameOf(bind)).sort();
    const after = settings.binds.map(nameOf).sort();
    return before.join() === after.join() ? [] : ['<bind> has changed: restart the gateway to apply the change'];
  }

  async counters(): Promise<Counters> {
    const all = [...this.#gateways.values()].map((gateway) => ({
      gateway: gateway.stats(),
      hook: gateway.hook.stats(),
      processes: [],
    }));
    return { ...sum(all), processes: [this.#meter.counts()] };
  }

  workers(): { workers: number; restarts: number } {
    return { workers: 1, restarts: 0 };
  }

  async drain(reason: string): Promise<void> {
    this.#stopListening();
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.close(reason)));
  }

  kill(): void {
    // There is no other process.
  }

  #stopListening(): void {
    for (const { server } of this.#listeners) server.close();
    this.#relay?.close();
  }
}

function termsOf(
  { upstreams, users, hostnames, limits }: GatewaySettings,
  hook: WebSocketConfig,
): Omit<IrcGatewayReload, 'dnsbl'> {
  return { hook, upstreams, users, hostnames, limits };
}

/** What makes a bind the same one after a reload; certificates may change. */
function nameOf({ address, port, path, proxyProtocol, tls, websocket }: BindSettings): string {
  return `${path ?? `${address} ${port}`} ${proxyProtocol} ${tls !== null} ${websocket}`;
}

/** Returns where a bind is, as a browser would write it. */
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
    // Until here the command's umask lets nobody else in.
    if (bind.path !== null && bind.permissions !== null) chmodSync(bind.path, bind.permissions);
  } catch (error) {
    const [key, value] = bind.path === null ? ['port', String(bind.port)] : ['path', bind.path];
    throw new ConfigError({ tag: 'bind', key, value }, `cannot be listened on: ${explain(error)}`, { cause: error });
  }
  const bound = server.address() as AddressInfo | string | null;
  return urlOf({ ...bind, ...(typeof bound === 'object' && bound !== null ? { port: bound.port } : {}) });
}
