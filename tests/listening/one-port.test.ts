/**
 * One TLS port for browsers and native IRC clients: certificates by name, client certificates for native clients only. Hostile
 * rows T1 and T2.
 */
import { spawn } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls, { type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { ConfigError, createWebSocketHook, type ListenerOptions, type WebSocketHookOptions } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { startHook } from '../helpers/hook.ts';
import { requirePeer } from '../helpers/peers.ts';
import { upgradeRequest } from '../helpers/raw-client.ts';

const OPENSSL = requirePeer('openssl');
const NOTHING = { cert: '', key: '' };
const SERVER = OPENSSL === null ? NOTHING : makeCertificate();
const CLIENT = OPENSSL === null ? NOTHING : makeCertificate();
const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256;

const undo: (() => void)[] = [];
const undoLater = (step: () => void): void => void undo.push(step);
// Before the hooks of other helpers end their servers: nobody is waited for.
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

interface Port {
  readonly port: number;
  readonly server: net.Server;
  /** What native clients were seen as: the fingerprint of their certificate, or nothing. */
  readonly natives: string[];
}

/** Starts a port for both; a native client is told its own fingerprint. */
async function startPort(options: ListenerOptions = {}, hook: Partial<WebSocketHookOptions> = {}): Promise<Port> {
  const natives: string[] = [];
  const { port, server } = await startHook(
    { onConnection: (socket) => void socket.onLine((line: string) => void socket.writeLine(line)), ...hook },
    {
      tls: SERVER,
      clientCertificates: 'plain',
      plain: (socket) => {
        const seen = (socket as TLSSocket).getPeerCertificate().fingerprint256 ?? 'no certificate';
        natives.push(seen);
        socket.on('error', () => {});
        socket.on('data', () => void socket.write(`${seen}\r\n`));
      },
      ...options,
    },
  );
  return { port, server, natives };
}

async function dial(port: number, options: tls.ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false, ...options });
  undoLater(() => void socket.destroy());
  socket.on('error', () => {});
  socket.on('session', (session: Buffer) => void sessions.set(socket, session));
  await once(socket, 'secureConnect');
  return socket;
}

/** Sessions that servers gave: in TLS 1.2 with the handshake, in TLS 1.3 behind it. */
const sessions = new WeakMap<TLSSocket, Buffer>();

async function sessionOf(socket: TLSSocket): Promise<Buffer> {
  await expect.poll(() => sessions.get(socket)).toBeDefined();
  return sessions.get(socket) as Buffer;
}

async function ask(socket: net.Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString('latin1');
}

describe.skipIf(OPENSSL === null)('clientCertificates: plain', () => {
  test.each([
    ['no ALPN', undefined, 'TLSv1.3'],
    ['no ALPN, TLS 1.2', undefined, 'TLSv1.2'],
    ['ALPN irc', ['irc'], 'TLSv1.3'],
    ['ALPN irc, TLS 1.2', ['irc'], 'TLSv1.2'],
  ] as const)('a native client is asked, and need not answer: %s', async (_what, names, maxVersion) => {
    const { port } = await startPort();
    const options = { maxVersion, ...(names === undefined ? {} : { ALPNProtocols: [...names] }) };
    const known = await dial(port, { ...CLIENT, ...options });
    expect(known.alpnProtocol).toBe(names?.[0] ?? false);
    expect(await ask(known, 'NICK ada\r\n')).toBe(`${fingerprint(CLIENT.cert)}\r\n`);
    const unknown = await dial(port, options);
    expect(await ask(unknown, 'NICK bob\r\n')).toBe('no certificate\r\n');
  });

  test.each(['TLSv1.3', 'TLSv1.2'] as const)('a resumed session has its certificate still: %s', async (maxVersion) => {
    const { port } = await startPort();
    const first = await dial(port, { ...CLIENT, maxVersion });
    await ask(first, 'NICK ada\r\n');
    const second = await dial(port, { ...CLIENT, maxVersion, session: await sessionOf(first) });
    expect(second.isSessionReused()).toBe(true);
    expect(await ask(second, 'NICK ada\r\n')).toBe(`${fingerprint(CLIENT.cert)}\r\n`);
  });

  test.each([[['http/1.1']], [['h2', 'http/1.1']], [['http/1.1', 'irc']]])('T2 a browser (%j) is never asked', async (names) => {
    const { port } = await startPort();
    expect(await handshakeMessages(port, ['-alpn', names.join(',')])).not.toContain('CertificateRequest');
    const browser = await dial(port, { ...CLIENT, ALPNProtocols: names });
    expect(browser.alpnProtocol).toBe('http/1.1');
    expect(await ask(browser, upgradeRequest())).toMatch(/^HTTP\/1.1 101 /);
  });

  test('T2 HTTP without ALPN is asked, and served, with a certificate and without', async () => {
    const { port } = await startPort();
    expect(await handshakeMessages(port, [])).toContain('CertificateRequest');
    expect(await ask(await dial(port), upgradeRequest())).toMatch(/^HTTP\/1.1 101 /);
    expect(await ask(await dial(port, CLIENT), upgradeRequest())).toMatch(/^HTTP\/1.1 101 /);
  });

  test('RFC 7301: a client that offers unknown names only is refused by an alert; without clientCertificates too', async () => {
    for (const options of [{}, { clientCertificates: 'never' } as const]) {
      const { port } = await startPort(options);
      const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['xmpp-client'] });
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
    }
  });

  test('never: nobody is asked, and ALPN irc is agreed on all the same', async () => {
    const { port } = await startPort({ clientCertificates: 'never' });
    const socket = await dial(port, { ...CLIENT, ALPNProtocols: ['irc'] });
    expect(socket.alpnProtocol).toBe('irc');
    expect(await ask(socket, 'NICK ada\r\n')).toBe('no certificate\r\n');
  });

  test('behind the PROXY protocol too', async () => {
    const { port } = await startPort({ proxyProtocol: true }, { proxyRanges: ['loopback'] });
    const raw = net.connect(port, '127.0.0.1');
    raw.write('PROXY TCP4 203.0.113.9 10.0.0.1 54321 6697\r\n');
    const socket = tls.connect({ socket: raw, rejectUnauthorized: false, ...CLIENT });
    await once(socket, 'secureConnect');
    expect(await ask(socket, 'NICK ada\r\n')).toBe(`${fingerprint(CLIENT.cert)}\r\n`);
    socket.destroy();
  });

  test.each([
    ['clientCertificates without plain', { tls: SERVER, clientCertificates: 'plain' }],
    ['clientCertificates without TLS', { plain: () => {}, clientCertificates: 'plain' }],
    ['an unknown word', { tls: SERVER, plain: () => {}, clientCertificates: 'always' }],
    ['requestCert', { tls: { ...SERVER, requestCert: true } }],
    ['http2 without TLS', { http2: true }],
  ])('%s is refused when it is configured', (_what, options) => {
    const hook = createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {} });
    expect(() => hook.createListener(options as ListenerOptions)).toThrow(ConfigError);
  });
});

describe.skipIf(OPENSSL === null)('certificates by name', () => {
  const [other, wild] = OPENSSL === null ? [NOTHING, NOTHING] : [makeCertificate(), makeCertificate()];
  const shapes: readonly [string, ListenerOptions][] = [
    ['https.Server', { clientCertificates: 'never' }],
    ['with plain', {}],
  ];
  const options = (given: ListenerOptions): ListenerOptions => ({
    ...given,
    tls: { ...SERVER, sni: { 'other.example': other, '*.wild.example': wild } },
  });
  const certificateFor = async (port: number, servername: string): Promise<string> =>
    (await dial(port, { servername })).getPeerCertificate().fingerprint256;

  test.each(shapes)('%s: by the exact name, by a glob, in any case; an unknown name gets the default', async (_shape, given) => {
    const hook = createWebSocketHook({ origins: ['https://*.example.com'], onConnection: () => {} });
    const server = given.clientCertificates === 'never' ? hook.createListener(options({})) : undefined;
    server?.listen(0, '127.0.0.1');
    if (server !== undefined) await once(server, 'listening');
    undoLater(() => void server?.close());
    const { port } = server === undefined ? await startPort(options(given)) : (server.address() as net.AddressInfo);
    const names: readonly [string, string][] = [
      ['other.example', other.cert],
      ['OTHER.Example', other.cert],
      ['a.wild.example', wild.cert],
      ['wild.example', SERVER.cert],
      ['unknown.example', SERVER.cert],
      ['', SERVER.cert],
    ];
    for (const [name, cert] of names) expect([name, await certificateFor(port, name)]).toEqual([name, fingerprint(cert)]);
  });

  test('T1 a trailing dot is the same host', async () => {
    const { port } = await startPort(options({}));
    expect(await certificateFor(port, 'other.example.')).toBe(fingerprint(other.cert));
  });

  test('a native client resumes its session under a name too, with its certificate', async () => {
    const { port } = await startPort(options({}));
    const first = await dial(port, { ...CLIENT, servername: 'other.example' });
    await ask(first, 'NICK ada\r\n');
    const second = await dial(port, { ...CLIENT, servername: 'other.example', session: await sessionOf(first) });
    expect(second.isSessionReused()).toBe(true);
    expect(await ask(second, 'NICK ada\r\n')).toBe(`${fingerprint(CLIENT.cert)}\r\n`);
  });

  test.each(shapes)('%s: setSecureContext replaces the default, and the names where it has some', async (_shape, given) => {
    const hook = createWebSocketHook({ origins: ['https://*.example.com'], onConnection: () => {} });
    const tlsOptions = { ...SERVER, minVersion: 'TLSv1.3', sni: { 'other.example': other } } as const;
    const server =
      given.clientCertificates === 'never'
        ? hook.createListener({ tls: tlsOptions })
        : hook.createListener({ tls: tlsOptions, plain: (socket) => void socket.destroy() });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    undoLater(() => void server.close());
    const { port } = server.address() as net.AddressInfo;
    server.setSecureContext(wild);
    expect(await certificateFor(port, 'a.example')).toBe(fingerprint(wild.cert));
    expect(await certificateFor(port, 'other.example')).toBe(fingerprint(other.cert));
    server.setSecureContext({ sni: { 'a.example': SERVER } });
    expect(await certificateFor(port, 'a.example')).toBe(fingerprint(SERVER.cert));
    expect(await certificateFor(port, 'other.example')).toBe(fingerprint(wild.cert));
    server.addContext('added.example', other);
    expect(await certificateFor(port, 'added.example')).toBe(fingerprint(other.cert));
    // What was not named stays.
    const old = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
    await once(old, 'error');
  });

  test.each(['https://a.example', 'a.example:6697', 'a b', '', 'a/b'])('%j is no name of a host', (name) => {
    const hook = createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {} });
    expect(() => hook.createListener({ tls: { ...SERVER, sni: { [name]: other } } })).toThrow(/^<sslprofile:sni>/);
  });

  test('names without a default certificate are refused', () => {
    const hook = createWebSocketHook({ origins: ['https://a.example'], onConnection: () => {} });
    expect(() => hook.createListener({ tls: { sni: { 'a.example': other } } })).toThrow(/^<sslprofile:certfile>/);
  });
});

describe.skipIf(OPENSSL === null)('hostile hellos', () => {
  test.each([
    ['one-byte segments', (bytes: Buffer) => [...bytes].map((byte) => Buffer.of(byte))],
    [
      'ten-byte segments',
      (bytes: Buffer) => Array.from({ length: Math.ceil(bytes.length / 10) }, (_, i) => bytes.subarray(10 * i, 10 * i + 10)),
    ],
    ['two records', (bytes: Buffer) => [record(bytes.subarray(5, 60)), record(bytes.subarray(60))]],
    ['forty records', (bytes: Buffer) => Array.from({ length: 40 }, (_, i) => record(part(bytes.subarray(5), i, 40)))],
  ])('T1 a hello in %s is read', async (_what, cut) => {
    const { port } = await startPort();
    const relayed = await startRelay(port, cut);
    const native = await dial(relayed, CLIENT);
    expect(await ask(native, 'NICK ada\r\n')).toBe(`${fingerprint(CLIENT.cert)}\r\n`);
    const browser = await dial(relayed, { ...CLIENT, ALPNProtocols: ['http/1.1'] });
    expect(await ask(browser, upgradeRequest())).toMatch(/^HTTP\/1.1 101 /);
  });

  test('T1 a hello of almost 16 kB is read', async () => {
    const { port } = await startPort();
    const names = Array.from({ length: 50 }, (_, i) => `${i}-${'x'.repeat(240)}`);
    const native = await dial(port, { ...CLIENT, ALPNProtocols: ['irc', ...names] });
    expect(await ask(native, 'NICK ada\r\n')).toBe(`${fingerprint(CLIENT.cert)}\r\n`);
  });

  test.each([
    ['SSLv2', Buffer.from('802e0100020015000000100100800200800300800400800500800600400700c0', 'hex')],
    ['random bytes', randomBytes(2_000)],
    ['plain IRC', Buffer.from('NICK ada\r\nUSER a 0 * :a\r\n')],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['a hello that lies about its length', Buffer.from('160301002001000014', 'hex').fill(1, 9)],
    ['a hello that never ends', Buffer.concat([Buffer.from('1603014000' + '01ffffff', 'hex'), Buffer.alloc(20_000)])],
  ])('T1 %s ends that connection, by TLS’s own word', async (_what, bytes) => {
    const { port, natives } = await startPort({}, { handshakeTimeout: 500 });
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(bytes);
    socket.resume();
    await once(socket, 'close');
    expect(natives).toEqual([]);
  });

  test('T1 a hello that stops ends with handshakeTimeout; a thousand of them keep nobody away', async () => {
    const { port, server } = await startPort({}, { handshakeTimeout: 5_000 });
    const stalled = Array.from({ length: 1_000 }, () => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.write(Buffer.from('16030102000100', 'hex'));
      return socket;
    });
    const native = await dial(port, CLIENT);
    expect(await ask(native, 'NICK ada\r\n')).toBe(`${fingerprint(CLIENT.cert)}\r\n`);
    await Promise.all(stalled.map((socket) => socket.closed || once(socket, 'close')));
    native.destroy();
    await expect.poll(() => connectionsOf(server)).toBe(0);
  });

  test('T2 renegotiation (TLS 1.2) does not make the server ask a browser', async () => {
    const { port } = await startPort();
    const messages = await handshakeMessages(port, ['-tls1_2', '-alpn', 'http/1.1'], 'R\n');
    expect(messages).not.toContain('CertificateRequest');
  });

  test('T2 a client that offers post-handshake authentication (TLS 1.3) is served', async () => {
    const { port } = await startPort();
    const messages = await handshakeMessages(port, ['-tls1_3', '-alpn', 'http/1.1', '-enable_pha']);
    expect(messages).not.toContain('CertificateRequest');
    expect(messages).toContain('Finished');
  });

  test('garbage behind the handshake ends that connection', async () => {
    const { port, server } = await startPort();
    const raw = net.connect(port, '127.0.0.1');
    const socket = tls.connect({ socket: raw, rejectUnauthorized: false });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    await ask(socket, 'NICK ada\r\n');
    raw.write(Buffer.concat([Buffer.from('1703030040', 'hex'), randomBytes(64)]));
    await expect.poll(() => connectionsOf(server)).toBe(0);
  });
});

const record = (fragment: Buffer): Buffer => {
  const header = Buffer.from('1603010000', 'hex');
  header.writeUInt16BE(fragment.length, 3);
  return Buffer.concat([header, fragment]);
};

const part = (bytes: Buffer, i: number, count: number): Buffer =>
  bytes.subarray(Math.floor((i * bytes.length) / count), Math.floor(((i + 1) * bytes.length) / count));

/**
 * Relays connections to a port; what the client sends first goes on in the pieces that `cut` makes of it, each in a segment of
 * its own.
 */
async function startRelay(port: number, cut: (bytes: Buffer) => Buffer[]): Promise<number> {
  const relay = net.createServer(async (client) => {
    const upstream = net.connect({ port, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, upstream]) socket.on('error', () => {});
    upstream.pipe(client);
    const [first] = (await once(client, 'data')) as [Buffer];
    client.pause();
    for (const piece of cut(first)) {
      upstream.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.pipe(upstream);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  undoLater(() => void relay.close());
  return (relay.address() as net.AddressInfo).port;
}

function connectionsOf(server: net.Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

/** Lets `openssl s_client` shake hands with a certificate at hand. Returns the names of the messages that it saw. */
async function handshakeMessages(port: number, args: readonly string[], input = ''): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  undoLater(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'client.pem'), CLIENT.cert + CLIENT.key);
  const child = spawn(
    OPENSSL as string,
    [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-cert',
      join(folder, 'client.pem'),
      '-key',
      join(folder, 'client.pem'),
      '-msg',
      ...args,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await expect.poll(() => output).toMatch(/Verify return code|alert/);
  const before = output.length;
  if (input !== '') {
    child.stdin.write(input);
    await expect.poll(() => output.length > before + 200).toBe(true);
  }
  child.stdin.end('Q\n');
  await once(child, 'close');
  return [...output.matchAll(/(?:Handshake|Alert) \[length \w+\], (.*)$/gm)].map(([, name]) => name).join('\n');
}
