/**
 * Shows: `wss://` without a proxy. The server asks for no client certificate, because Chrome does not connect where one
 * is asked for. SIGHUP reads a renewed certificate; clients stay connected.
 *
 * Run: `openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
 *      -keyout key.pem -out cert.pem`, then `npm run example tls -- cert.pem key.pem 8443`
 * Try: open https://localhost:8443/, accept the certificate, and type into the browser's console (F12):
 *
 *     socket = new WebSocket('wss://localhost:8443/')
 *     socket.onmessage = ({ data }) => console.log(data)
 *     socket.send('hello') // :irc.example.com NOTICE * :hello
 */
import { readFileSync } from 'node:fs';
import { Server } from 'node:https';
import { createWebSocketHook } from 'ircd-websocket';

const [certPath = 'cert.pem', keyPath = 'key.pem', port = 8443] = process.argv.slice(2);
const readCertificate = () => ({ cert: readFileSync(certPath), key: readFileSync(keyPath) });

const hook = createWebSocketHook({
  // Your pages. The other one is for trying it on this machine: in an origin, * stands for any text.
  origins: ['https://chat.example.com', 'https://localhost:*'],
  onConnection: (socket) => {
    socket.on('error', () => socket.destroy());
    socket.onLine((line) => socket.writeLine(`:irc.example.com NOTICE * :${line}`));
    socket.writeLine(`:irc.example.com NOTICE * :You are ${socket.websocket.secure ? 'secure' : 'not secure'}`);
  },
});

const server = hook.createListener({ tls: readCertificate() });
server.listen(Number(port), '127.0.0.1', () => console.log('listening', server.address()));

process.on('SIGHUP', () => {
  if (server instanceof Server) server.setSecureContext(readCertificate());
  console.log('certificate read');
});
