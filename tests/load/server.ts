/**
 * The soak's server process: a small chat server over the hook, as an author would write one.
 *
 * In: lines of clients. `JOIN channel id` answers `W n` (the n-th to join there); `S seq text` goes to all of the channel, the sender too, as `M id seq text`;
 * `E seq` comes back to the sender alone; `F` floods the sender until it is closed. The channel is told of a client that is gone: `Q id code reason`.
 * Out, over IPC: what the process looks like from within.
 */
import { readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { broadcast, createWebSocketHook, type IrcSocket, prepareLine } from 'ircd-websocket';
import type { FromServer, ToServer } from './messages.ts';

const { values } = parseArgs({ options: { 'ping-interval': { type: 'string' }, 'ping-timeout': { type: 'string' } } });

interface Channel {
  readonly name: string;
  readonly members: Set<IrcSocket>;
  joins: number;
}

const FLOOD_LINE = prepareLine(`F ${'x'.repeat(60_000)}`);
const channels = new Map<string, Channel>();

const config = {
  origins: ['https://soak.example.com'],
  pingInterval: Number(values['ping-interval']),
  pingTimeout: Number(values['ping-timeout']),
};
const hook = createWebSocketHook({ ...config, serverName: 'soak.example.com', onConnection: serve });

/** Milliseconds. */
const REHASH_INTERVAL = 5_000;
let rehashes = 0;
// Whoever is in must not notice: neither what it says nor what is said to it.
setInterval(() => hook.rehash({ ...config, maxMessageSize: 8_000 + (++rehashes % 2) }), REHASH_INTERVAL).unref();

function serve(socket: IrcSocket): void {
  let channel: Channel | null = null;
  let id = '';
  socket.onLine((line: string) => {
    switch (line[0]) {
      case 'J': {
        const [, name = '', given = ''] = line.split(' ');
        id = given;
        channel = join(name);
        socket.writeLine(`W ${++channel.joins}`);
        channel.members.add(socket);
        return;
      }
      case 'S':
        if (channel !== null) broadcast(channel.members, `M ${id} ${line.slice(2)}`);
        return;
      case 'E':
        socket.writeLine(line);
        return;
      case 'F':
        flood(socket);
    }
  });
  socket.on('close', () => {
    if (channel === null || !channel.members.delete(socket)) return;
    if (channel.members.size === 0) channels.delete(channel.name);
    broadcast(channel.members, `Q ${id} ${socket.closeStatus?.code} ${socket.closeStatus?.reason}`);
  });
}

function join(name: string): Channel {
  const known = channels.get(name);
  if (known !== undefined) return known;
  const channel: Channel = { name, members: new Set(), joins: 0 };
  channels.set(name, channel);
  return channel;
}

/** Writes without a look at what `writeLine` says, as careless servers do: the hook has to bound it. */
function flood(socket: IrcSocket): void {
  for (let i = 0; i < 8 && !socket.destroyed; i++) socket.writeLine(FLOOD_LINE);
  if (!socket.destroyed) setImmediate(flood, socket);
}

const delays = monitorEventLoopDelay({ resolution: 10 });
delays.enable();
let cpuBefore = process.cpuUsage();

async function measure(): Promise<FromServer> {
  const delayMax = delays.max / 1e6;
  const delayP99 = delays.percentile(99) / 1e6;
  const { user, system } = process.cpuUsage(cpuBefore);
  // Twice: what the first frees may have held more by finalizers.
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const { clients, accepted, closed, rejected } = hook.stats();
  delays.reset();
  cpuBefore = process.cpuUsage();
  return {
    type: 'measured',
    ...{ heap: heapUsed, external, rss, fds: countFds() },
    ...{ clients, accepted, closed, rejected, channels: channels.size, rehashes },
    ...{ delayMax, delayP99, cpu: (user + system) / 1_000 },
  };
}

function countFds(): number {
  try {
    // The folder's own descriptor is one of them.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return -1;
  }
}

const tell = (message: FromServer): void => void process.send?.(message);

process.on('message', async (message: ToServer) => {
  if (message.type === 'count') {
    tell({ type: 'counted', clients: hook.clients.size });
    return;
  }
  if (message.type === 'measure') {
    tell(await measure());
    return;
  }
  await hook.close('Back in a minute', { spread: message.spread });
  tell({ type: 'closed' });
});
// The soak is gone: nobody is to stay behind.
process.on('disconnect', () => process.exit());

const listener = hook.createListener();
listener.listen({ port: 0, host: '0.0.0.0', backlog: 4_096 }, () =>
  tell({ type: 'listening', port: (listener.address() as AddressInfo).port }),
);
