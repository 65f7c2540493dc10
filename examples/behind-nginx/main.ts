/**
 * Shows: real addresses behind a proxy. The server believes the address that the proxy names, because the proxy connects
 * from `proxyRanges`. Nobody else can name one, or come in past the proxy.
 *
 * Run: `npm run example behind-nginx -- 8067`, and nginx with the `nginx.conf` beside this file
 * Try: without nginx, be the proxy. This prints 101 and `You are 203.0.113.9`:
 *
 *     curl --include --no-buffer --http1.1 http://127.0.0.1:8067/ \
 *       -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
 *       -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' \
 *       -H 'Origin: http://127.0.0.1:8067' -H 'X-Real-IP: 203.0.113.9'
 */
import { createWebSocketHook } from 'ircd-websocket';

const hook = createWebSocketHook({
  // Your pages. The other two are for trying it on this machine: in an origin, * stands for any text.
  origins: ['https://chat.example.com', 'http://127.0.0.1:*', 'http://localhost:*'],
  proxyRanges: ['127.0.0.1', '::1'],
  // The one that nginx.conf sets: any other may be the client's own.
  proxyHeader: 'x-real-ip',
  onConnection: (socket) => {
    const { client, peer, provenance, secure } = socket.websocket;
    console.log(`${client.address} through ${peer.address}: ${provenance}`);
    socket.on('error', () => socket.destroy());
    socket.onLine((line) => socket.writeLine(`:irc.example.com NOTICE * :${line}`));
    // remoteAddress is the client's: bans, limits and WHOIS need no change.
    socket.writeLine(`:irc.example.com NOTICE * :You are ${socket.remoteAddress}, ${secure ? 'over TLS' : 'not over TLS'}`);
  },
  onReject: (error, request) => console.log(`refused ${request.socket.remoteAddress}: ${error.reason}`),
});

const server = hook.createListener();
server.listen(Number(process.argv[2] ?? 8067), '127.0.0.1', () => console.log('listening', server.address()));
