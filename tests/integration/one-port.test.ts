/**
 * One TLS port for everybody, with the clients that people have: Chromium over HTTP/1.1 and HTTP/2, openssl and irssi with a
 * certificate.
 */
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createWebSocketHook, type IrcSocket } from '../../src/index.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { daemonFolder } from '../helpers/daemons.ts';
import { spawnIrssi } from '../helpers/irssi.ts';
import { findProgram, requirePeer } from '../helpers/peers.ts';

const CHROMIUM = requirePeer('chromium');
const OPENSSL = requirePeer('openssl');
const IRSSI = requirePeer('irssi');
const SCRIPT = findProgram('script');

const PAGE = `<!doctype html><title>chat</title><script>
  window.lines = [];
  window.ready = new Promise((resolve, reject) => {
    window.chat = new WebSocket('wss://' + location.host + '/irc', ['text.ircv3.net']);
    chat.onopen = () => resolve('open');
    chat.onerror = () => reject(new Error('refused'));
    chat.onmessage = ({ data }) => lines.push(data);
  });
</script>`;

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface OnePort {
  readonly port: number;
  readonly web: { readonly socket: IrcSocket; readonly request: IncomingMessage }[];
  /** Native clients: the fingerprint of the certificate, and what they wrote. */
  readonly natives: { fingerprint: string | undefined; text: string }[];
  /** The client that asked for the page: the HTTP version and the port of the connection. */
  readonly pages: { version: string; port: number | undefined }[];
}

async function startPort(http2: boolean): Promise<OnePort> {
  const started: OnePort = { port: 0, web: [], natives: [], pages: [] };
  const hook = createWebSocketHook({
    origins: ['https://localhost:*'],
    onConnection: (socket, request) => {
      started.web.push({ socket, request });
      socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));
    },
  });
  const sockets = new Set<TLSSocket>();
  const server = hook.createListener({
    tls: makeCertificate(),
    http2,
    clientCertificates: 'plain',
    plain: (socket) => {
      sockets.add(socket);
      const native = { fingerprint: socket.getPeerCertificate().fingerprint256, text: '' };
      started.natives.push(native);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        native.text += chunk;
        socket.write(`:irc.example.com NOTICE * :you are ${native.fingerprint}\r\n`);
      });
    },
    onRequest: (request, response) => {
      started.pages.push({ version: request.httpVersion, port: request.socket.remotePort });
      response.setHeader('Content-Type', 'text/html');
      response.end(PAGE);
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.push(
    () => server.close(),
    async () => {
      for (const socket of sockets) socket.destroy();
      await hook.close();
    },
  );
  return { ...started, port: (server.address() as AddressInfo).port };
}

describe.skipIf(CHROMIUM === null)('Chromium', () => {
  let browser: Browser | undefined;
  afterAll(async () => {
    await browser?.close();
  });

  test.each([
    ['HTTP/2: page and chat over one TLS connection', true, '2.0'],
    ['HTTP/1.1', false, '1.1'],
  ])('%s, on a port that asks native clients for certificates', async (_what, http2, version) => {
    const { port, web, pages } = await startPort(http2);
    browser ??= await launchBrowser(CHROMIUM as string);
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    cleanup.push(() => context.close());
    const page = await context.newPage();
    await page.goto(`https://localhost:${port}/`);
    expect(await page.evaluate('ready')).toBe('open');
    await page.evaluate('chat.send("grüße 😀")');
    await expect.poll(() => page.evaluate('lines')).toEqual(['echo grüße 😀']);
    const [client] = web;
    expect(client?.request.httpVersion).toBe(version);
    expect(client?.socket.websocket).toMatchObject({
      secure: true,
      origin: `https://localhost:${port}`,
      subprotocol: 'text.ircv3.net',
    });
    expect(pages[0]?.version).toBe(version);
    if (http2) expect(client?.socket.websocket.client.port).toBe(pages[0]?.port);
    const closed = once(client?.socket as IrcSocket, 'close');
    await page.close();
    await closed;
    // Over HTTP/2 Chromium resets the stream of a page that goes, without a Close frame.
    expect(client?.socket.closeStatus?.code).toBe(http2 ? 1006 : 1001);
  });
});

describe.skipIf(OPENSSL === null)('openssl s_client', () => {
  test.each([
    ['with a certificate, without ALPN', []],
    ['with a certificate, ALPN irc', ['-alpn', 'irc']],
  ])('%s', async (_what, args) => {
    const { port, natives } = await startPort(true);
    const { cert, key } = makeCertificate();
    const folder = daemonFolder({ 'me.pem': cert + key });
    const me = join(folder, 'me.pem');
    const child = spawn(OPENSSL as string, [
      's_client',
      '-quiet',
      '-connect',
      `127.0.0.1:${port}`,
      '-cert',
      me,
      '-key',
      me,
      ...args,
    ]);
    cleanup.push(() => child.kill());
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    child.stdin.write('NICK ada\r\n');
    const { fingerprint256 } = new X509Certificate(cert);
    await expect.poll(() => output).toContain(`you are ${fingerprint256}`);
    expect(natives).toEqual([{ fingerprint: fingerprint256, text: 'NICK ada\r\n' }]);
  });
});

describe.skipIf(IRSSI === null || SCRIPT === null || OPENSSL === null)('irssi', () => {
  test('logs in with its certificate', async () => {
    const { port, natives } = await startPort(true);
    const { cert, key } = makeCertificate();
    const folder = daemonFolder({ 'me.pem': cert + key });
    const me = join(folder, 'me.pem');
    const home = daemonFolder({
      config: `
servers = ( { address = "127.0.0.1"; chatnet = "test"; port = "${port}"; use_tls = "yes"; tls_cert = "${me}"; tls_verify = "no"; autoconnect = "yes"; } );
chatnets = { test = { type = "IRC"; nick = "ada"; }; };
settings = { core = { real_name = "ada"; user_name = "ada"; nick = "ada"; }; };
`,
    });
    const child = spawnIrssi({ irssi: IRSSI as string, script: SCRIPT as string }, home);
    cleanup.push(() => process.kill(-(child.pid as number), 'SIGKILL'));
    await expect.poll(() => natives[0]?.text ?? '').toContain('CAP LS');
    expect(natives[0]?.fingerprint).toBe(new X509Certificate(cert).fingerprint256);
  });
});
