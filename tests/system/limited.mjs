/**
 * An IRC server and a gateway to it in a process that may open few descriptors; `descriptors.test.ts` starts it with a lower limit.
 *
 * In: commands, one a line. Out: one JSON object a line, an answer to each. It runs the compiled package, as a program of a user would.
 */
import { closeSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { createIrcGateway } from '../../dist/gateway/index.js';
import { createWebSocketHook } from '../../dist/index.js';

const faults = [];
process.on('uncaughtException', (error) => faults.push(String(error.stack)));
process.on('unhandledRejection', (error) => faults.push(String(error)));
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

const origins = ['https://*.example.com'];
const hook = createWebSocketHook({
  origins,
  closeTimeout: 500,
  onConnection: (socket) => socket.onLine((line) => socket.writeLine(`echo ${line}`)),
});
const irc = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (lines) => socket.write(lines));
});
const ircPort = await listen(irc);
const gateway = createIrcGateway({
  hook: { origins, closeTimeout: 500 },
  upstreams: [{ host: '127.0.0.1', port: ircPort }],
});
const server = hook.createListener();
const gatewayServer = gateway.createListener();
const ports = { hook: await listen(server), gateway: await listen(gatewayServer) };
// Node keeps a descriptor in reserve, and opens others when it is first asked for a connection.
await new Promise((resolve) => connect(ircPort, '127.0.0.1').on('connect', resolve).end());

let held = [];
const commands = {
  count: () => say({ clients: hook.clients.size, faults }),
  /** Takes all descriptors that there are, but for some. */
  take: (count) => {
    try {
      for (;;) held.push(openSync('/dev/null', 'r'));
    } catch (error) {
      for (const descriptor of held.splice(0, count)) closeSync(descriptor);
      say({ taken: error.code });
    }
  },
  give: () => {
    for (const descriptor of held) closeSync(descriptor);
    held = [];
    say({ given: true });
  },
  listen: () => {
    const other = hook.createListener();
    other.on('error', (error) => say({ listen: error.code }));
    other.listen(0, '127.0.0.1', () => other.close(() => say({ listen: 'done' })));
  },
  close: () =>
    void Promise.all([hook.close(), gateway.close()]).then(() => {
      say({ closed: true });
      for (const each of [server, gatewayServer, irc]) each.close();
      process.stdin.destroy();
    }),
};
createInterface({ input: process.stdin }).on('line', (line) => {
  const [name, count] = line.split(' ');
  commands[name](Number(count));
});
say(ports);
