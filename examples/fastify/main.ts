/**
 * Shows: one port and one HTTP server for everything. Fastify serves the pages, `/irc` is the hook's, upgrades to any other path are nobody's. The same lines
 * serve for Express: give `createServer(app)` the `'upgrade'` listener.
 *
 * Run: `node examples/fastify/main.ts 8067`, then open http://127.0.0.1:8067/ (`npm install fastify` first)
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
  // The pages' own origin. In production: https://chat.example.com
  origins: ['http://127.0.0.1:*'],
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
