/**
 * Shows: real addresses behind a proxy. What the proxy says counts, because it connects from `proxyRanges`; nobody else can say so, nor come past it.
 *
 * Run: `node examples/behind-nginx/main.ts 8067`, and nginx with the `nginx.conf` beside this file.
 */
import { createWebSocketHook } from 'ircd-websocket';

const hook = createWebSocketHook({
  origins: ['https://chat.example.com'],
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
