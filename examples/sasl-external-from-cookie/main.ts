/**
 * Shows: a user who is logged in on the web site is logged in on IRC. The browser sends the site's cookie with the
 * upgrade. `authorize` looks its session up, and holds the client meanwhile. SASL EXTERNAL is then that account. No
 * password crosses the page's JavaScript.
 *
 * Run: `npm run example sasl-external-from-cookie -- 8067`
 * Try: open http://127.0.0.1:8067/login?as=ada. The page shows `You are now logged in as ada`.
 *
 * Browsers send cookies with every connection to their host, whichever page opened it: `origins` is what keeps other
 * sites from acting as your users.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { createWebSocketHook, type IrcSocket } from 'ircd-websocket';

/** What the web site knows; in earnest a database, hence the promise. */
const sessions = new Map<string, string>();
const accountOf = async (session: string | undefined): Promise<string | null> => sessions.get(session ?? '') ?? null;

/** Accounts of requests that are let in, until their client is there. */
const accounts = new WeakMap<object, string>();

const hook = createWebSocketHook({
  // The site's own pages, on this machine. In production only those of your site: in an origin, * stands for any text.
  origins: ['http://127.0.0.1:*', 'http://localhost:*'],
  authorize: async ({ cookies }, request) => {
    // Who has no session may come in all the same, and is nobody.
    const account = await accountOf(cookies['session']);
    if (account !== null) accounts.set(request, account);
  },
  onConnection: (socket, request) => {
    const account = accounts.get(request) ?? null;
    socket.on('error', () => socket.destroy());
    socket.onLine((line) => handle(socket, account, line));
  },
});

function handle(socket: IrcSocket, account: string | null, line: string): void {
  const [command, param = ''] = line.split(' ');
  if (command === 'CAP' && param === 'LS') {
    socket.writeLine(`:irc.example.com CAP * LS :${account === null ? '' : 'sasl=EXTERNAL'}`);
  } else if (command === 'CAP' && param === 'REQ') {
    socket.writeLine(':irc.example.com CAP * ACK :sasl');
  } else if (command === 'AUTHENTICATE' && param === 'EXTERNAL') {
    socket.writeLine('AUTHENTICATE +');
  } else if (command === 'AUTHENTICATE') {
    // "+" or base64 of the account that is asked for: nobody may be another than the cookie says.
    const asked = param === '+' ? account : Buffer.from(param, 'base64').toString('utf8');
    if (account === null || asked !== account) {
      socket.writeLine(':irc.example.com 904 * :SASL authentication failed');
    } else {
      socket.writeLine(`:irc.example.com 900 * *!*@${socket.remoteAddress} ${account} :You are now logged in as ${account}`);
      socket.writeLine(':irc.example.com 903 * :SASL authentication successful');
    }
  }
}

const site: RequestListener = (request, response) => {
  const url = new URL(request.url ?? '/', 'http://site.invalid');
  const account = url.searchParams.get('as') ?? '';
  // Stands in IRC lines later: no spaces, no line ends.
  if (url.pathname === '/login' && /^[A-Za-z][\w-]{0,30}$/.test(account)) {
    const session = randomBytes(16).toString('base64url');
    sessions.set(session, account);
    // HttpOnly: no script reads it. SameSite: no other site's page sends it. And Secure, where the site has TLS.
    response.setHeader('Set-Cookie', `session=${session}; HttpOnly; SameSite=Strict; Path=/`);
  }
  response.setHeader('Content-Type', 'text/html').end(PAGE);
};

const PAGE = `<!doctype html><title>IRC</title><pre></pre><script>
const socket = new WebSocket('ws://' + location.host + '/', ['text.ircv3.net']);
const send = (...lines) => lines.forEach((line) => socket.send(line));
socket.onopen = () => send('CAP LS 302', 'CAP REQ :sasl', 'AUTHENTICATE EXTERNAL', 'AUTHENTICATE +');
socket.onmessage = ({ data }) => document.querySelector('pre').append(data + '\\n');
</script>`;

const server = createServer(site).on('upgrade', hook.handleUpgrade);
server.listen(Number(process.argv[2] ?? 8067), '127.0.0.1', () => console.log('listening', server.address()));
