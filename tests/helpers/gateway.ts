import { once } from 'node:events';
import { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { createIrcGateway, type IrcGateway, type IrcGatewayOptions, type Upstream } from '../../src/gateway/index.ts';
import { PlainIrc, type PlainIrcPeer } from './plain-irc.ts';
import { RawClient } from './raw-client.ts';

/** The raw clients do not end their side by themselves. */
export const HOOK = { origins: ['https://chat.example.com'], closeTimeout: 200 };

const stopping: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stopping.splice(0)) await stop();
});

/** Starts a gateway in this process, with a listener. */
export async function startGateway(
  upstreams: readonly Upstream[],
  options: Partial<IrcGatewayOptions> = {},
): Promise<{ gateway: IrcGateway; port: number; log: string[] }> {
  const log: string[] = [];
  const gateway = createIrcGateway({ hook: HOOK, upstreams, log: (line) => void log.push(line), ...options });
  const server = gateway.createListener().listen(0, '127.0.0.1');
  await once(server, 'listening');
  stopping.push(async () => {
    for (const client of gateway.hook.clients) client.destroy();
    if (server instanceof HttpServer) server.closeAllConnections();
    server.close();
    await gateway.close();
  });
  return { gateway, port: (server.address() as AddressInfo).port, log };
}

/** A gateway in front of one plain server, and a client that is through to it. */
export async function joined(
  options: Partial<IrcGatewayOptions> = {},
  upstream: Partial<Upstream> = {},
): Promise<{ gateway: IrcGateway; port: number; log: string[]; irc: PlainIrc; client: RawClient; peer: PlainIrcPeer }> {
  const irc = await PlainIrc.start();
  const started = await startGateway([{ host: '127.0.0.1', port: irc.port, ...upstream }], options);
  const next = irc.next();
  const client = await RawClient.open(started.port);
  return { ...started, irc, client, peer: await next };
}
