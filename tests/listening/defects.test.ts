/** The defects of version 0.1 in how requests reach the hook, each by its id, against what a user can see. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import http, { type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { ConfigError, HandshakeError, type ListenerOptions } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { startHook } from '../helpers/hook.ts';
import { requirePeer } from '../helpers/peers.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';
import { answerTo } from '../helpers/request.ts';

const OPENSSL = requirePeer('openssl');
/** The two ways in which a request is read: by a server that listens, and by one that sockets are handed to. */
const SHAPES: readonly [string, ListenerOptions][] = [
  ['http.Server', {}],
  ['with plain', { plain: (socket) => void socket.destroy() }],
];

describe.each(SHAPES)('%s', (_shape, options) => {
  test('M3 a handshakeTimeout over 300 s works, and may be set later', async () => {
    const { hook, port, server } = await startHook({ handshakeTimeout: 600_000 }, options);
    expect((await answerTo(port, upgradeRequest())).status).toBe(101);
    hook.rehash({ origins: ['https://*.example.com'], handshakeTimeout: 2 ** 31 - 1 });
    expect((await answerTo(port, upgradeRequest())).status).toBe(101);
    if (server instanceof http.Server) expect(server.headersTimeout).toBe(2 ** 31 - 1);
    const next = hook.createListener(options).listen(0, '127.0.0.1');
    await once(next, 'listening');
    expect((await answerTo((next.address() as { port: number }).port, upgradeRequest())).status).toBe(101);
    next.close();
  });

  test('rehash reaches the time limit for header fields', async () => {
    const { hook, port } = await startHook({ handshakeTimeout: 600_000 }, options);
    hook.rehash({ origins: ['https://*.example.com'], handshakeTimeout: 100 });
    const client = await RawClient.connect(port);
    client.socket.write('GET /irc HTTP/1.1\r\nHost: a');
    await client.until(() => client.ended || client.closed);
    expect(client.received.toString()).toMatch(/^(HTTP\/1\.1 408 .*)?/);
  });

  test('M6 an upgrade behind an unfinished response: nothing is left of a client that leaves by RST or FIN', async () => {
    const responses: ServerResponse[] = [];
    const connections = new Set<Socket>();
    const { port, server } = await startHook(
      {},
      { ...options, onRequest: (_request, response) => void responses.push(response) },
    );
    const sockets: WeakRef<Socket>[] = [];
    server.on('connection', (socket: Socket) => {
      sockets.push(new WeakRef(socket));
      connections.add(socket);
      socket.on('close', () => connections.delete(socket));
    });
    const before = openFiles();
    const clients: RawClient[] = [];
    for (let i = 0; i < 40; i++) {
      const client = await RawClient.connect(port);
      clients.push(client);
      client.socket.write(`GET /slow HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest()}`);
    }
    await expect.poll(() => responses.length).toBe(40);
    clients.forEach(({ socket }, i) => void (i % 2 === 0 ? socket.resetAndDestroy() : socket.end()));
    await expect.poll(() => connections.size).toBe(0);
    for (const response of responses) response.end('late');
    for (const { socket } of clients) socket.destroy();
    await expect.poll(() => openFiles()).toBeLessThanOrEqual(before);
    responses.length = 0;
    // Nothing refers to a client's socket any more.
    await expect
      .poll(() => {
        collectGarbage();
        return sockets.filter((socket) => socket.deref() !== undefined).length;
      })
      .toBeLessThanOrEqual(1);
  });

  test('M6 the response is finished first, then the upgrade is refused', async () => {
    const { port, hook } = await startHook(
      {},
      { ...options, onRequest: (_request, response) => void setImmediate(() => response.end('slow')) },
    );
    const { head, body } = await answerTo(port, `GET /slow HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest()}`);
    expect(head).toContain('200 OK');
    expect(body).toMatch(/^slow[\s\S]*HTTP\/1\.1 400 Bad Request[\s\S]*behind an unfinished response$/);
    expect(hook.stats()).toMatchObject({ clients: 0, rejected: { 400: 1 } });
  });

  test('L6 a slow response behind a fast one is not cut', async () => {
    const answer = (request: http.IncomingMessage, response: ServerResponse): void => {
      if (request.url === '/fast') response.end('fast');
      else setTimeout(() => response.end('slow'), 2_000);
    };
    const { port } = await startHook({ handshakeTimeout: 600 }, { ...options, onRequest: answer });
    const client = await RawClient.connect(port);
    client.socket.write('GET /fast HTTP/1.1\r\nHost: a\r\n\r\nGET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await client.until(() => client.ended || client.closed);
    expect(client.received.toString()).toMatch(/fast[\s\S]*slow/);
  });

  test('L11 a HandshakeError without a reason, or with one that cannot be sent, is an answer all the same', async () => {
    const errors = [
      Reflect.construct(HandshakeError, [403]) as HandshakeError,
      new HandshakeError(403, 'no', { 'X-Bad': 'a\r\nSet-Cookie: b', 'X-Good': 'yes' }),
      Reflect.construct(HandshakeError, ['teapot', 'no']) as HandshakeError,
    ];
    const { port } = await startHook({ authorize: async () => Promise.reject(errors.shift()) }, options);
    expect(await answerTo(port, upgradeRequest())).toMatchObject({ status: 403, body: '' });
    const second = await answerTo(port, upgradeRequest());
    expect(second).toMatchObject({ status: 403, body: 'no' });
    expect(second.head).toContain('X-Good: yes');
    expect(second.head).not.toContain('Set-Cookie');
    expect((await answerTo(port, upgradeRequest())).status).toBe(500);
  });

  test('L11 the same by a Close frame', async () => {
    const authorize = async (): Promise<void> => Promise.reject(Reflect.construct(HandshakeError, [403]));
    const { port } = await startHook({ rejectMode: 'close-frame', authorize }, options);
    const client = await RawClient.open(port);
    await client.until(() => client.closeFrame !== undefined);
    expect(client.closeFrame).toEqual({ code: 1008, reason: '' });
  });

  test('L14 CONNECT is answered: 405', async () => {
    const { port, hook } = await startHook({}, options);
    const { status, head } = await answerTo(port, 'CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n');
    expect(status).toBe(405);
    expect(head).toContain('Allow: GET');
    expect(hook.stats().rejected).toEqual({ 405: 1 });
  });
});

describe('L5 with plain, a request whose body never comes', () => {
  const plain = (socket: Socket): void => void socket.destroy();

  test('ends with 408 after handshakeTimeout without a byte', async () => {
    const { port, hook } = await startHook({ handshakeTimeout: 1_000 }, { plain, onRequest: () => {} });
    const client = await RawClient.connect(port);
    client.socket.write('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await client.until(() => client.ended || client.closed);
    expect(client.status).toBe(408);
    expect(hook.stats().rejected).toEqual({ 408: 1 });
  });

  test('one that comes slowly is served', async () => {
    const onRequest = (request: http.IncomingMessage, response: ServerResponse): void => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => response.end(body));
    };
    const { port } = await startHook({ handshakeTimeout: 3_000 }, { plain, onRequest });
    const client = await RawClient.connect(port);
    client.socket.write('POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n');
    for (const byte of '0123456789') {
      await new Promise((resolve) => setTimeout(resolve, 400));
      client.socket.write(byte);
    }
    await client.until(() => client.ended || client.closed);
    expect(client.received.toString()).toContain('0123456789');
  });
});

describe.skipIf(OPENSSL === null)('M12', () => {
  const { cert, key } = OPENSSL === null ? { cert: '', key: '' } : makeCertificate();
  const shapes: readonly [string, ListenerOptions][] = [
    ['tls', {}],
    ['tls and plain', { plain: (socket) => void socket.destroy() }],
    ['tls and proxyProtocol', { proxyProtocol: true }],
    ['tls and http2', { http2: true }],
  ];

  test.each(shapes)('%s: a bad certificate is refused when the listener is made', async (_shape, options) => {
    const { hook } = await startHook({ proxyRanges: ['loopback'] });
    expect(() => hook.createListener({ ...options, tls: { cert: 'no certificate', key } })).toThrow(ConfigError);
    expect(() => hook.createListener({ ...options, tls: { cert, key: 'no key' } })).toThrow(/^<sslprofile:certfile>/);
    expect(() => hook.createListener({ ...options, tls: { cert, key, sni: { 'a.example': { cert, key: 'no key' } } } })).toThrow(
      ConfigError,
    );
  });

  test.each(shapes)(
    '%s: a TLS session is resumed, in TLS 1.2 and 1.3, and renewed certificates are used',
    async (_shape, options) => {
      const proxyRanges = options.proxyProtocol === true ? ['loopback'] : [];
      const { hook, server, port } = await startHook({ proxyRanges }, { ...options, tls: { cert, key } });
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const first = await request(port, options, { maxVersion });
        expect(first.reused).toBe(false);
        const second = await request(port, options, { maxVersion, session: first.session as Buffer });
        expect([second.reused, second.status]).toEqual([true, 101]);
      }
      const renewed = makeCertificate();
      (server as unknown as { setSecureContext(options: object): void }).setSecureContext(renewed);
      const third = await request(port, options, {});
      expect(third.certificate).toBe(fingerprint(renewed.cert));
      expect(() => (server as unknown as tls.Server).setSecureContext({ cert: 'bad', key })).toThrow(ConfigError);
      expect((await request(port, options, {})).certificate).toBe(fingerprint(renewed.cert));
      expect(hook.stats().accepted).toBe(6);
    },
  );

  test('accept makes a secure context once for each options object', async () => {
    const options = { cert, key };
    const { hook } = await startHook();
    const net = await import('node:net');
    const server = net.createServer((socket) => hook.accept(socket, { tls: options })).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const first = await request(port, {}, {});
    expect(first.status).toBe(101);
    expect((await request(port, {}, { session: first.session as Buffer })).reused).toBe(true);
    Object.assign(options, makeCertificate());
    expect((await request(port, {}, {})).certificate).toBe(fingerprint(options.cert));
    server.close();
  });
});

test.skipIf(OPENSSL === null)('behind the PROXY protocol a client is secure where TLS ends here', async () => {
  const options = { proxyProtocol: true, tls: makeCertificate() };
  const { port, nextSocket } = await startHook({ proxyRanges: ['loopback'] }, options);
  const next = nextSocket();
  const { status } = await request(port, options, {});
  expect(status).toBe(101);
  expect((await next).websocket).toMatchObject({ secure: true, client: { address: '203.0.113.9' } });
});

/** Connects by TLS, upgrades, and says what came of it. */
async function request(
  port: number,
  { proxyProtocol = false }: ListenerOptions,
  options: tls.ConnectionOptions,
): Promise<{ reused: boolean; session: Buffer | undefined; certificate: string; status: number }> {
  const raw = (await RawClient.connect(port)).socket;
  if (proxyProtocol) raw.write('PROXY TCP4 203.0.113.9 10.0.0.1 54321 443\r\n');
  raw.removeAllListeners('data');
  const socket = tls.connect({ socket: raw, rejectUnauthorized: false, servername: 'localhost', ...options });
  let session: Buffer | undefined;
  socket.on('session', (given: Buffer) => {
    session = given;
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerCertificate().fingerprint256;
  socket.write(upgradeRequest());
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  await expect.poll(() => session !== undefined || socket.isSessionReused()).toBe(true);
  const reused = socket.isSessionReused();
  socket.destroy();
  return { reused, session, certificate, status: Number(chunk.toString('latin1', 9, 12)) };
}

function fingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256;
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Frees everything that nothing refers to. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('J5 what the program’s own code throws or rejects ends that connection, is told, and ends nobody else', () => {
  const faults: readonly [string, () => unknown][] = [
    ['throws', () => void fail()],
    ['rejects', async () => fail()],
  ];

  test.each(faults)('onRequest %s', async (_how, onRequest) => {
    const told: [unknown, string][] = [];
    const onError = (error: unknown, { during }: { during: string }): void => void told.push([error, during]);
    for (const options of [{}, { plain: (socket: Socket) => void socket.destroy() }]) {
      const { port } = await startHook({ onError }, { ...options, onRequest });
      const client = await RawClient.connect(port);
      client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(() => client.ended || client.closed);
      expect((await answerTo(port, upgradeRequest())).status).toBe(101);
    }
    expect(told).toEqual([
      [FAULT, 'onRequest'],
      [FAULT, 'onRequest'],
    ]);
  });

  test.each(faults)('plain %s', async (_how, plain) => {
    const told: [unknown, string][] = [];
    const onError = (error: unknown, { during }: { during: string }): void => void told.push([error, during]);
    const { port } = await startHook({ onError }, { plain });
    const client = await RawClient.connect(port);
    client.socket.write('NICK ada\r\n');
    await client.until(() => client.ended || client.closed);
    expect(told).toEqual([[FAULT, 'plain']]);
    expect((await answerTo(port, upgradeRequest())).status).toBe(101);
  });
});

const FAULT = new Error('a fault of the program’s own');

function fail(): never {
  throw FAULT;
}
