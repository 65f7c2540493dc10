import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { type Daemon, daemonFolder, freePort, startDaemon } from '../helpers/daemons.ts';
import { startExample, WebUser } from '../helpers/example.ts';
import { requirePeer } from '../helpers/peers.ts';

const NGINX = requirePeer('nginx');

let nginx: Daemon | undefined;
afterEach(() => nginx?.stop());

test.skipIf(NGINX === null)('examples/behind-nginx: with the nginx.conf beside it', async () => {
  const example = await startExample('behind-nginx');
  const port = await freePort();
  const { cert, key } = makeCertificate();
  const folder = daemonFolder({ 'cert.pem': cert, 'key.pem': key });
  const server = readFileSync(join(ROOT, 'examples/behind-nginx/nginx.conf'), 'utf8')
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
    .replace('/etc/ssl/irc.example.com.pem', `${folder}/cert.pem`)
    .replace('/etc/ssl/irc.example.com.key', `${folder}/key.pem`)
    .replace('127.0.0.1:8067', `127.0.0.1:${example.ports[0]}`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {} http { access_log off; ${temporary} ${server} }`,
  );
  const args = ['-c', join(folder, 'nginx.conf'), '-p', folder, '-e', 'stderr'];
  nginx = await startDaemon(NGINX as string, args, folder, port);
  // What a client claims of itself is overwritten.
  const user = await WebUser.open(`wss://localhost:${port}`, { ca: cert, headers: { 'X-Real-IP': '203.0.113.9' } });
  expect(await user.line(/You are/)).toBe(':irc.example.com NOTICE * :You are 127.0.0.1, over TLS');
  user.send('hi');
  await user.line(/NOTICE \* :hi$/);
});
