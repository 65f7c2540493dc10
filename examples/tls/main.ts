/**
 * Shows: `wss://` without a proxy. No client certificate is asked for: Chrome does not connect where one is. SIGHUP reads a renewed certificate; whoever is in stays.
 *
 * Run: `openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem`, then
 * `node examples/tls/main.ts cert.pem key.pem 8443`
 */
import { readFileSync } from 'node:fs';
import { Server } from 'node:https';
import { createWebSocketHook } from 'ircd-websocket';

const [certPath = 'cert.pem', keyPath = 'key.pem', port = 8443] = process.argv.slice(2);
const readCertificate = () => ({ cert: readFileSync(certPath), key: readFileSync(keyPath) });

const hook = createWebSocketHook({
  origins: ['https://chat.example.com'],
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
