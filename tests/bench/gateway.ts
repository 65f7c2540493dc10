/**
 * A gateway under test, a process of its own: `gateway.js gateway|relay PORT`, in front of the IRC server on that port; driven by messages of `measure.ts`.
 *
 * `gateway` is this library's, with its defaults. `relay` is two sockets of `node:net` tied together: plain TCP in, plain TCP out, nothing looked at.
 */
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { createIrcGateway } from 'ircd-websocket/gateway';
import { sampleProcess } from './sample.ts';

const [, , kind, portText] = process.argv as [string, string, 'gateway' | 'relay', string];
const upstream = { host: '127.0.0.1', port: Number(portText) };

const server: Server = kind === 'gateway' ? gateway() : relay();
server.listen(0, '127.0.0.1', 4_096, () => process.send?.({ type: 'listening', port: (server.address() as AddressInfo).port }));

function gateway(): Server {
  return createIrcGateway({
    hook: { origins: ['http://bench.example'] },
    upstreams: [upstream],
    // All clients are on one address, and say as much as they can.
    limits: { connectionsPerAddress: 1_000_000, connectionsPerMinute: 1_000_000, linesPerSecond: 1_000_000 },
  }).createListener();
}

function relay(): Server {
  return createServer({ noDelay: true, allowHalfOpen: false }, (client) => {
    const ircServer = connect({ ...upstream, noDelay: true });
    client.pipe(ircServer).pipe(client);
    for (const socket of [client, ircServer]) socket.on('error', () => socket.destroy());
    client.on('close', () => ircServer.destroy());
    ircServer.on('close', () => client.destroy());
  });
}

process.on('message', (message: { type: 'sample'; collects: boolean }) => {
  void sampleProcess(message.collects).then((result) => process.send?.({ type: 'sample', ...result }));
});
process.on('disconnect', () => process.exit());
