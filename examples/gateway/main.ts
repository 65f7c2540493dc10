/**
 * Shows: WebSockets for an IRC server that has none. Each browser gets a TCP connection of its own to the server,
 * introduced by WEBIRC.
 *
 * Run: `npm run example webirc -- 6667`, an IRC server to try it with, and in a second terminal
 *      `WEBIRC_PASSWORD=secret npm run example gateway -- 8067 127.0.0.1 6667`
 * Try: open http://127.0.0.1:8067/, which answers that it has no page, and type into the browser's console (F12):
 *
 *     socket = new WebSocket('ws://127.0.0.1:8067/')
 *     socket.onmessage = ({ data }) => console.log(data)
 *     socket.send('NICK ada') // :irc.example.com 001 ada :You are from 127.0.0.1
 *
 * What to write into a real IRC server's configuration: docs/webirc.md.
 */
import { createIrcGateway } from 'ircd-websocket/gateway';

const [port = 8067, host = '127.0.0.1', upstreamPort = 6667] = process.argv.slice(2);
const password = process.env['WEBIRC_PASSWORD'];

const gateway = createIrcGateway({
  hook: {
    // Your pages. The other two are for trying it on this machine: in an origin, * stands for any text.
    origins: ['https://chat.example.com', 'http://127.0.0.1:*', 'http://localhost:*'],
  },
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
