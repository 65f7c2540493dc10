/**
 * Shows: one port and one HTTP server for everything. Fastify serves the pages, `/irc` is the hook's, and an upgrade to
 * any other path is refused. The same lines serve for Express: give `createServer(app)` the `'upgrade'` listener.
 *
 * Run: `npm run example fastify -- 8067` (in your own project: `npm install fastify`)
 * Try: open http://127.0.0.1:8067/, type a line, press Enter. The server says it again.
 */
import { fastify } from 'fastify';
import { createWebSocketHook } from 'ircd-websocket';

const PAGE = `<!doctype html><title>IRC</title><input autofocus placeholder="a line, then Enter"><pre></pre><script>
const socket = new WebSocket('ws://' + location.host + '/irc', ['text.ircv3.net']);
socket.onmessage = ({ data }) => document.querySelector('pre').append(data + '\\n');
document.querySelector('input').onchange = ({ target }) => { socket.send(target.value); target.value = ''; };
</script>`;

const port = Number(process.argv[2] ?? 8067);
const app = fastify();

const hook = createWebSocketHook({
  // Your pages. The other two are for trying it on this machine: in an origin, * stands for any text.
  origins: ['https://chat.example.com', 'http://127.0.0.1:*', 'http://localhost:*'],
  onConnection: (socket) => {
    socket.on('error', () => socket.destroy());
    socket.onLine((line) => socket.writeLine(`:irc.example.com NOTICE * :${line}`));
  },
});

app.get('/', (_request, reply) => reply.type('text/html').send(PAGE));
app.get('/stats', () => hook.stats());

app.server.on('upgrade', (request, socket, head) => {
  if (request.url === '/irc') hook.handleUpgrade(request, socket, head);
  else socket.destroy();
});

// Before the server waits for its connections to end: these would not.
app.addHook('preClose', () => hook.close('Server is restarting'));
process.on('SIGTERM', () => app.close());

await app.listen({ port, host: '127.0.0.1' });
console.log('listening', app.server.address());
