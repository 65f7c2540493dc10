import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { createWebSocketHook, type IrcSocket, type ListenerOptions, type WebSocketConfig } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { daemonFolder, freePort, startDaemon } from '../helpers/daemons.ts';
import { requirePeer } from '../helpers/peers.ts';

const DEPLOYMENT = readFileSync(fileURLToPath(new URL('../../docs/deployment.md', import.meta.url)), 'utf8');

/** A configuration as the page prints it: the code block below a heading. */
function printed(heading: string): string {
  const section = DEPLOYMENT.split(/^###? /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const block = /```\w*\n([\s\S]*?)```/.exec(section)?.[1];
  if (block === undefined) throw new Error(`docs/deployment.md has no configuration below ${heading}`);
  return block;
}

const NGINX = requirePeer('nginx');
const HAPROXY = requirePeer('haproxy');
const CADDY = requirePeer('caddy');
const APACHE = requirePeer('apache2');
const ORIGIN = 'https://chat.example.com';
/** Where the test's client calls from: another address than the proxy's. */
const CLIENT = '127.0.0.9';

const cleanup: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface Behind {
  readonly sockets: IrcSocket[];
  readonly address: string | number;
}

async function startHook(config: Partial<WebSocketConfig>, options: ListenerOptions = {}, path?: string): Promise<Behind> {
  const sockets: IrcSocket[] = [];
  const hook = createWebSocketHook({
    origins: [ORIGIN],
    proxyRanges: ['127.0.0.1'],
    ...config,
    onConnection: (socket) => {
      sockets.push(socket);
      socket.onLine((line: string) => void socket.writeLine(line));
    },
  });
  const server: Server = hook.createListener(options);
  server.listen(path ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  if (path !== undefined) chmodSync(path, 0o777);
  cleanup.push(
    () => server.close(),
    async () => {
      for (const socket of sockets) socket.destroy();
      await hook.close();
    },
  );
  return { sockets, address: path ?? (server.address() as AddressInfo).port };
}

async function startNginx(upstream: string | number, change: (config: string) => string = (config) => config): Promise<number> {
  const port = await freePort();
  const { cert, key } = makeCertificate();
  const folder = daemonFolder({ 'cert.pem': cert, 'key.pem': key });
  const server = change(printed('nginx'))
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
    .replace('/etc/ssl/irc.example.com.pem', `${folder}/cert.pem`)
    .replace('/etc/ssl/irc.example.com.key', `${folder}/key.pem`)
    .replace('http://127.0.0.1:8067', typeof upstream === 'number' ? `http://127.0.0.1:${upstream}` : `http://unix:${upstream}`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {} http { access_log off; ${temporary} ${server} }`,
  );
  const daemon = await startDaemon(
    NGINX as string,
    ['-c', join(folder, 'nginx.conf'), '-p', folder, '-e', 'stderr'],
    folder,
    port,
  );
  cleanup.push(() => daemon.stop());
  return port;
}

async function startHaproxy(
  heading: string,
  upstream: number,
  change: (config: string) => string = (config) => config,
): Promise<number> {
  const port = await freePort();
  const { cert, key } = makeCertificate();
  const folder = daemonFolder({ 'both.pem': cert + key });
  const config = change(printed(heading))
    .replace('bind :443', `bind 127.0.0.1:${port}`)
    .replace('/etc/ssl/irc.example.com.pem', `${folder}/both.pem`)
    .replace('127.0.0.1:8067', `127.0.0.1:${upstream}`);
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `defaults\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\n${config}`,
  );
  const daemon = await startDaemon(HAPROXY as string, ['-db', '-f', join(folder, 'haproxy.cfg')], folder, port);
  cleanup.push(() => daemon.stop());
  return port;
}

/** Starts Caddy with the printed site, its name and port replaced, and a certificate that it makes itself. */
async function startCaddy(upstream: number): Promise<number> {
  const port = await freePort();
  const { cert, key } = makeCertificate();
  const folder = daemonFolder({ 'cert.pem': cert, 'key.pem': key });
  const site = printed('Caddy')
    .replace(
      'irc.example.com {',
      `https://127.0.0.1:${port}, https://localhost:${port} {\n    tls ${folder}/cert.pem ${folder}/key.pem`,
    )
    .replace('127.0.0.1:8067', `127.0.0.1:${upstream}`);
  writeFileSync(
    join(folder, 'Caddyfile'),
    `{\n    admin off\n    auto_https off\n    default_sni localhost\n    storage file_system ${folder}/data\n}\n${site}`,
  );
  const daemon = await startDaemon(
    CADDY as string,
    ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'],
    folder,
    port,
  );
  cleanup.push(() => daemon.stop());
  return port;
}

/** Starts Apache with the printed virtual host and the modules that the page names. */
async function startApache(upstream: number, change: (config: string) => string = (config) => config): Promise<number> {
  const port = await freePort();
  const { cert, key } = makeCertificate();
  const folder = daemonFolder({ 'cert.pem': cert, 'key.pem': key });
  const named = /`a2enmod ([\w ]+)`/.exec(DEPLOYMENT)?.[1]?.split(' ') ?? [];
  expect(named).toContain('proxy_http');
  const host = change(printed('Apache'))
    .replace('*:443', `127.0.0.1:${port}`)
    .replace('/etc/ssl/irc.example.com.pem', `${folder}/cert.pem`)
    .replace('/etc/ssl/irc.example.com.key', `${folder}/key.pem`)
    .replace('http://127.0.0.1:8067/', `http://127.0.0.1:${upstream}/`);
  const modules = ['mpm_event', 'authz_core', ...named].map(
    (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
  );
  writeFileSync(
    join(folder, 'apache.conf'),
    [
      ...modules,
      `ServerRoot ${folder}`,
      'ServerName localhost',
      `PidFile ${folder}/apache.pid`,
      `DefaultRuntimeDir ${folder}`,
      `ErrorLog ${folder}/error.log`,
      `Mutex file:${folder}`,
      'User nobody',
      'Group nogroup',
      `Listen 127.0.0.1:${port}`,
      host,
    ].join('\n'),
  );
  const daemon = await startDaemon(APACHE as string, ['-f', join(folder, 'apache.conf'), '-D', 'FOREGROUND'], folder, port);
  cleanup.push(() => daemon.stop());
  return port;
}

/** A browser’s page, with headers that an attacker would add. */
async function connectThrough(port: number, headers: Record<string, string> = {}, certificate = {}): Promise<WebSocket> {
  const client = new WebSocket(`wss://127.0.0.1:${port}/irc`, ['text.ircv3.net'], {
    origin: ORIGIN,
    rejectUnauthorized: false,
    localAddress: CLIENT,
    headers,
    ...certificate,
  });
  cleanup.push(() => client.terminate());
  await new Promise<void>((resolve, reject) => {
    client.once('open', () => resolve());
    client.once('error', reject);
  });
  return client;
}

async function echoes(client: WebSocket, line: string): Promise<void> {
  client.send(line);
  expect(String((await once(client, 'message'))[0])).toBe(line);
}

const SPOOFED = { 'X-Real-IP': '6.6.6.6', 'X-Forwarded-For': '6.6.6.6', 'X-Forwarded-Proto': 'http', Forwarded: 'for=6.6.6.6' };

/** H1: a client's `Forwarded` before the proxy's element, on the same line. Behind the last one, the client is who the proxy says. */
async function testAppendedForwarded(start: (upstream: number) => Promise<number>): Promise<void> {
  const behind = await startHook({ proxyHeader: 'forwarded' });
  const port = await start(behind.address as number);
  for (const forged of ['for=6.6.6.6;proto=https;x="', 'for=6.6.6.6;x="\\', 'for="6.6.6.6', 'for=6.6.6.6;x'])
    await expect(connectThrough(port, { Forwarded: forged }), forged).rejects.toThrow('Unexpected server response: 400');
  expect(behind.sockets.length).toBe(0);
  const client = await connectThrough(port, { Forwarded: 'for=6.6.6.6;x="a, b"' });
  await echoes(client, 'hi');
  expect(behind.sockets[0]?.remoteAddress).toBe(CLIENT);
  expect(behind.sockets[0]?.websocket.provenance).toBe('Forwarded hop 2 of 2, trusted by 127.0.0.1');
}

describe.skipIf(NGINX === null)('behind nginx', () => {
  test('H1 P9 Forwarded as it appends to it: "$http_forwarded, for=$remote_addr"', async () => {
    const appends = 'proxy_set_header Forwarded "$http_forwarded, for=$remote_addr"; proxy_set_header X-Real-IP';
    await testAppendedForwarded((upstream) =>
      startNginx(upstream, (config) => config.replace('proxy_set_header X-Real-IP', appends)),
    );
  });

  test.each(['auto', 'x-real-ip', 'x-forwarded-for'] as const)(
    'TLS ended there: the client’s own address, and secure (%s)',
    async (proxyHeader) => {
      const behind = await startHook({ proxyHeader });
      const client = await connectThrough(await startNginx(behind.address), SPOOFED);
      await echoes(client, 'hi 😀');
      const [socket] = behind.sockets;
      expect(socket?.remoteAddress).toBe(CLIENT);
      expect(socket?.websocket).toMatchObject({ secure: true, via: ['127.0.0.1'], path: '/irc' });
    },
  );

  test('over a Unix domain socket', async () => {
    const folder = daemonFolder({});
    const behind = await startHook({ proxyRanges: ['unix'] }, {}, join(folder, 'web.sock'));
    const client = await connectThrough(await startNginx(behind.address), SPOOFED);
    await echoes(client, 'hi');
    expect(behind.sockets[0]?.remoteAddress).toBe(CLIENT);
    expect(behind.sockets[0]?.websocket.peer.address).toBe('unix');
  });

  test('C4 an idle client survives a proxy that cuts idle connections, by native pings; without them it does not', async () => {
    const impatient = (config: string): string => config.replace('proxy_read_timeout 60s', 'proxy_read_timeout 3s');
    const kept = await startHook({ pingInterval: 300 });
    const client = await connectThrough(await startNginx(kept.address, impatient));
    const lost = await startHook({ nativePing: false });
    const other = await connectThrough(await startNginx(lost.address, impatient));
    // The one without pings is the clock: it is cut after three seconds.
    await once(other, 'close');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(client.readyState).toBe(WebSocket.OPEN);
    await echoes(client, 'still here');
  });
});

describe.skipIf(HAPROXY === null)('behind HAProxy', () => {
  test('HTTP mode: X-Forwarded-For is appended to, and read from the right', async () => {
    const behind = await startHook({ proxyHeader: 'x-forwarded-for' });
    const client = await connectThrough(await startHaproxy('HAProxy, HTTP mode', behind.address as number), SPOOFED);
    await echoes(client, 'hi 😀');
    const [socket] = behind.sockets;
    expect(socket?.remoteAddress).toBe(CLIENT);
    expect(socket?.websocket.secure).toBe(true);
    expect(socket?.websocket.provenance).toBe('X-Forwarded-For hop 2 of 2, trusted by 127.0.0.1');
  });

  test('P17 the printed configuration drops a client’s X-Real-IP; without that line `auto` would believe it', async () => {
    const behind = await startHook({ proxyHeader: 'auto' });
    await connectThrough(await startHaproxy('HAProxy, HTTP mode', behind.address as number), SPOOFED);
    expect(behind.sockets[0]?.remoteAddress).toBe(CLIENT);
    const careless = (config: string): string => config.replace('http-request del-header X-Real-IP', '');
    await connectThrough(await startHaproxy('HAProxy, HTTP mode', behind.address as number, careless), SPOOFED);
    expect(behind.sockets[1]?.remoteAddress).toBe('6.6.6.6');
  });

  test.each([
    ['send-proxy-v2-ssl', 2, true],
    ['send-proxy-v2', 2, false],
    ['send-proxy-v2-ssl proxy-v2-options crc32c', 2, true],
    ['send-proxy', 1, false],
  ] as const)('TCP mode with the PROXY protocol, %s', async (word, version, secure) => {
    const behind = await startHook({}, { proxyProtocol: true });
    const client = await connectThrough(
      await startHaproxy('HAProxy, TCP mode with the PROXY protocol', behind.address as number, (config) =>
        config.replace('8067 send-proxy-v2-ssl', `8067 ${word}`),
      ),
      SPOOFED,
    );
    await echoes(client, 'hi 😀');
    const [socket] = behind.sockets;
    expect(socket?.remoteAddress).toBe(CLIENT);
    expect(socket?.remotePort).toBeGreaterThan(0);
    expect(socket?.websocket).toMatchObject({ secure, provenance: `PROXY protocol version ${version}, trusted by 127.0.0.1` });
  });
});

describe.skipIf(HAPROXY === null)('behind HAProxy, with a client certificate', () => {
  test('send-proxy-v2-ssl-cn tells the certificate’s common name and the TLS version', async () => {
    const behind = await startHook({}, { proxyProtocol: true });
    const certificate = makeCertificate();
    const authority = daemonFolder({ 'ca.pem': certificate.cert });
    cleanup.push(() => rmSync(authority, { recursive: true, force: true }));
    const port = await startHaproxy('HAProxy, TCP mode with the PROXY protocol', behind.address as number, (config) =>
      config
        .replace('.pem\n', `.pem verify optional ca-file ${authority}/ca.pem crt-ignore-err all ca-ignore-err all\n`)
        .replace('8067 send-proxy-v2-ssl', '8067 send-proxy-v2-ssl-cn'),
    );
    const client = await connectThrough(port, SPOOFED, certificate);
    await echoes(client, 'hi 😀');
    const [socket] = behind.sockets;
    expect(socket?.remoteAddress).toBe(CLIENT);
    expect(socket?.websocket).toMatchObject({ secure: true, tls: { version: 'TLSv1.3', commonName: 'localhost' } });
  });
});

describe.skipIf(CADDY === null)('behind Caddy', () => {
  test('the printed configuration: the client’s own address, its scheme, its host, and nothing that it forged', async () => {
    const behind = await startHook({ proxyHeader: 'x-forwarded-for' });
    const port = await startCaddy(behind.address as number);
    const client = await connectThrough(port, SPOOFED);
    await echoes(client, 'hi 😀');
    const [socket] = behind.sockets;
    expect(socket?.remoteAddress).toBe(CLIENT);
    expect(socket?.websocket).toMatchObject({ secure: true, via: ['127.0.0.1'], host: `127.0.0.1:${port}` });
  });

  test('P17 it passes on a client’s X-Real-IP: proxyheader="auto" would believe it', async () => {
    const behind = await startHook({ proxyHeader: 'auto' });
    await connectThrough(await startCaddy(behind.address as number), SPOOFED);
    expect(behind.sockets[0]?.remoteAddress).toBe('6.6.6.6');
  });
});

describe.skipIf(APACHE === null)('behind Apache', () => {
  test('H1 P9 Forwarded as it appends to it: RequestHeader append', async () => {
    const appends = 'RequestHeader append Forwarded "expr=for=%{REMOTE_ADDR}"\n    ProxyPreserveHost On';
    await testAppendedForwarded((upstream) => startApache(upstream, (config) => config.replace('ProxyPreserveHost On', appends)));
  });

  test('the printed configuration: the client’s own address, its scheme, its host, and nothing that it forged', async () => {
    for (const proxyHeader of ['x-forwarded-for', 'auto'] as const) {
      const behind = await startHook({ proxyHeader });
      const port = await startApache(behind.address as number);
      const client = await connectThrough(port, SPOOFED);
      await echoes(client, 'hi 😀');
      const [socket] = behind.sockets;
      expect(socket?.remoteAddress).toBe(CLIENT);
      expect(socket?.websocket).toMatchObject({ secure: true, via: ['127.0.0.1'], host: `127.0.0.1:${port}` });
    }
  });

  test('without ProxyPreserveHost the host would be the server’s own', async () => {
    const behind = await startHook({ proxyHeader: 'x-forwarded-for' });
    const careless = (config: string): string => config.replace('ProxyPreserveHost On', '');
    await connectThrough(await startApache(behind.address as number, careless), SPOOFED);
    expect(behind.sockets[0]?.websocket.host).toBe(`127.0.0.1:${behind.address}`);
  });

  test('a virtual host on port 80 that says http: its users are not secure', async () => {
    const behind = await startHook({ proxyHeader: 'x-forwarded-for' });
    const plain = (config: string): string => config.replace('X-Forwarded-Proto https', 'X-Forwarded-Proto http');
    await connectThrough(await startApache(behind.address as number, plain), SPOOFED);
    expect(behind.sockets[0]?.websocket.secure).toBe(false);
  });
});
