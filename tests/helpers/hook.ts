import { once } from 'node:events';
import { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { afterEach } from 'vitest';
import { createWebSocketHook, type IrcSocket, type WebSocketHook, type WebSocketHookOptions } from '../../src/index.ts';

export interface RunningHook {
  readonly hook: WebSocketHook;
  readonly server: Server;
  readonly port: number;
  /** Every client that came in, in order. */
  readonly sockets: IrcSocket[];
  /** The next client to come in. */
  nextSocket(): Promise<IrcSocket>;
}

const running: RunningHook[] = [];

/** Starts a hook on a listener of its own; it is closed after the test. */
export async function startHook(
  options: Partial<WebSocketHookOptions> = {},
  listenerOptions: Parameters<WebSocketHook['createListener']>[0] = {},
): Promise<RunningHook> {
  const sockets: IrcSocket[] = [];
  const waiting: ((socket: IrcSocket) => void)[] = [];
  const onConnection: NonNullable<WebSocketHookOptions['onConnection']> = (socket, request) => {
    sockets.push(socket);
    const result = options.onConnection?.(socket, request);
    waiting.shift()?.(socket);
    return result;
  };
  const hook: WebSocketHook = createWebSocketHook({
    origins: ['https://*.example.com'],
    ...options,
    ...(options.onClient === undefined ? { onConnection } : {}),
  });
  const server = hook.createListener(listenerOptions);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const started: RunningHook = {
    hook,
    server,
    port: (server.address() as AddressInfo).port,
    sockets,
    nextSocket: () => new Promise((resolve) => void waiting.push(resolve)),
  };
  running.push(started);
  return started;
}

afterEach(async () => {
  for (const { hook, server, sockets } of running.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await hook.close();
    if (server instanceof HttpServer) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
