/**
 * Shows: websockets for an IRC server that has none. Each browser gets a TCP connection of its own to the server, introduced by WEBIRC.
 *
 * Run: `WEBIRC_PASSWORD=secret node examples/gateway/main.ts 8067 127.0.0.1 6667`. What to write into the IRC server's configuration: docs/webirc.md. One to try
 * it with: `node examples/webirc/main.ts 6667`
 */
import { createIrcGateway } from 'ircd-websocket/gateway';

const [port = 8067, host = '127.0.0.1', upstreamPort = 6667] = process.argv.slice(2);
const password = process.env['WEBIRC_PASSWORD'];

const gateway = createIrcGateway({
  hook: { origins: ['https://chat.example.com'] },
  upstreams: [
    { host, port: Number(upstreamPort), ...(password === undefined ? {} : { webirc: { password, gateway: 'example' } }) },
  ],
  limits: { connectionsPerAddress: 5 },
  log: (line) => console.log(line),
});

const listener = gateway.createListener();
listener.listen(Number(port), '127.0.0.1', () => console.log('listening', listener.address()));

process.on('SIGTERM', async () => {
  listener.close();
  await gateway.close('The gateway is going down');
  process.exit();
});
