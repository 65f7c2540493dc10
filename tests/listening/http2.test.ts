/** WebSockets over HTTP/2 (RFC 8441), against Node's own HTTP/2 client; hostile rows T3. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import http2, { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { HandshakeError, type IrcSocket, type ListenerOptions, type WebSocketHookOptions } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { clientClose, clientFrame, clientText } from '../helpers/frames.ts';
import { type RunningHook, startHook } from '../helpers/hook.ts';
import { requirePeer } from '../helpers/peers.ts';
import { upgradeRequest } from '../helpers/raw-client.ts';

const OPENSSL = requirePeer('openssl');
const CERTIFICATE = OPENSSL === null ? { cert: '', key: '' } : makeCertificate();
const ORIGIN = 'https://chat.example.com';

const undo: (() => void)[] = [];
// Before the hooks of other helpers end their servers: nobody is waited for.
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

/** The TCP sockets below sessions. */
const rawSockets = new WeakMap<ClientHttp2Session, net.Socket>();

const echo = (socket: IrcSocket): void => void socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));

function start(hook: Partial<WebSocketHookOptions> = {}, listener: ListenerOptions = {}): Promise<RunningHook> {
  return startHook({ onConnection: echo, ...hook }, { tls: CERTIFICATE, http2: true, ...listener });
}

async function connect(port: number, options: http2.SecureClientSessionOptions = {}): Promise<ClientHttp2Session> {
  const raw = net.connect(port, '127.0.0.1');
  const createConnection = (): TLSSocket => tls.connect({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  const session = http2.connect(`https://127.0.0.1:${port}`, { createConnection, ...options });
  rawSockets.set(session, raw);
  undo.push(() => session.destroy());
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  return session;
}

const HANDSHAKE = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'https',
  ':path': '/irc?x=1',
  ':authority': 'irc.example.com',
  origin: ORIGIN,
  'sec-websocket-version': '13',
} as const;

/** A WebSocket on a stream. It writes bytes, reads short frames, and does nothing by itself. */
class StreamClient {
  readonly stream: ClientHttp2Stream;
  received: Buffer = Buffer.alloc(0);
  headers: http2.IncomingHttpHeaders = {};
  ended = false;
  closed = false;

  constructor(session: ClientHttp2Session, fields: Record<string, string | string[] | undefined> = {}) {
    const all = Object.entries({ ...HANDSHAKE, ...fields }).filter(([, value]) => value !== undefined);
    this.stream = session.request(Object.fromEntries(all), { endStream: false });
    this.stream.on('error', () => {});
    this.stream.on('response', (headers) => {
      this.headers = headers;
    });
    this.stream.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.stream.on('end', () => {
      this.ended = true;
    });
    this.stream.on('close', () => {
      this.closed = true;
    });
  }

  get status(): number {
    return Number(this.headers[':status'] ?? 0);
  }

  /** The payloads of frames, each of less than 126 bytes. */
  get frames(): { opcode: number; text: string; payload: Buffer }[] {
    const frames: { opcode: number; text: string; payload: Buffer }[] = [];
    for (let at = 0; at + 2 <= this.received.length; ) {
      const size = this.received[at + 1] as number;
      const payload = this.received.subarray(at + 2, at + 2 + size);
      frames.push({ opcode: (this.received[at] as number) & 15, text: payload.toString(), payload });
      at += 2 + size;
    }
    return frames;
  }

  async answered(): Promise<this> {
    await expect.poll(() => this.status !== 0 || this.closed).toBe(true);
    return this;
  }
}

async function open(
  session: ClientHttp2Session,
  fields: Record<string, string | string[] | undefined> = {},
): Promise<StreamClient> {
  const client = await new StreamClient(session, fields).answered();
  expect(client.status).toBe(200);
  return client;
}

describe.skipIf(OPENSSL === null)('over HTTP/2', () => {
  test('a handshake, a line each way, the facts, the closing handshake', async () => {
    const requests: IncomingMessage[] = [];
    const { hook, port, nextSocket } = await start({
      onConnection: (socket, request) => {
        requests.push(request);
        echo(socket);
      },
    });
    const session = await connect(port);
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const next = nextSocket();
    const client = await open(session, { 'sec-websocket-protocol': 'x, text.ircv3.net', 'user-agent': 'test', cookie: 'a=1' });
    expect(client.headers['sec-websocket-protocol']).toBe('text.ircv3.net');
    expect(client.headers['sec-websocket-accept']).toBeUndefined();
    const socket = await next;
    expect(socket.websocket).toMatchObject({
      origin: ORIGIN,
      host: 'irc.example.com',
      path: '/irc?x=1',
      secure: true,
      userAgent: 'test',
      subprotocol: 'text.ircv3.net',
      client: { address: '127.0.0.1' },
    });
    expect(socket.websocket.cookies).toEqual({ a: '1' });
    expect(socket.remoteAddress).toBe('127.0.0.1');
    expect(socket.remotePort).toBe((session.socket as net.Socket).localPort);
    const [request] = requests as [IncomingMessage];
    expect([request.method, request.url, request.httpVersion, request.headers.host, request.headersDistinct['origin']]).toEqual([
      'CONNECT',
      '/irc?x=1',
      '2.0',
      'irc.example.com',
      [ORIGIN],
    ]);
    client.stream.write(clientText('hi'));
    await expect.poll(() => client.frames.map(({ text }) => text)).toEqual(['echo hi']);
    client.stream.write(clientFrame(9, 'p'));
    await expect.poll(() => client.frames.at(-1)).toMatchObject({ opcode: 10, text: 'p' });
    const closed = once(socket, 'close');
    client.stream.write(clientClose(1000, 'bye'));
    await closed;
    expect(socket.closeStatus).toEqual({ code: 1000, reason: 'bye', clean: true });
    await expect.poll(() => client.ended).toBe(true);
    expect(hook.stats()).toMatchObject({ clients: 0, accepted: 1, closed: { 1000: 1 } });
  });

  test('a request needs no body to be read, and may be read', async () => {
    let read = '';
    const { port } = await start({
      onConnection: (_socket, request) => {
        request.on('data', (chunk) => {
          read += chunk;
        });
        request.on('end', () => {
          read += 'end';
        });
      },
    });
    const client = await open(await connect(port));
    await expect.poll(() => read).toBe('end');
    client.stream.write(clientText('hi'));
    expect(client.closed).toBe(false);
  });

  const refusals: readonly [string, Record<string, string | string[] | undefined>, number, string][] = [
    ['no Origin', { origin: undefined }, 400, 'WebSocket: Received HTTP request that did not send the Origin header'],
    [
      'a forbidden Origin',
      { origin: 'https://evil.test' },
      403,
      'WebSocket: Received HTTP request from a non-whitelisted origin',
    ],
    [
      'T3 version 8',
      { 'sec-websocket-version': '8' },
      426,
      'WebSocket: Received HTTP request for a WebSocket version which is not 13',
    ],
    [
      'T3 no version',
      { 'sec-websocket-version': undefined },
      426,
      'WebSocket: Received HTTP request for a WebSocket version which is not 13',
    ],
    [
      'T3 another :protocol',
      { ':protocol': 'connect-udp' },
      501,
      'WebSocket: Received HTTP request which is not a websocket upgrade',
    ],
  ];

  test.each(refusals)('%s: the documented status, in the documented words', async (_what, fields, status, words) => {
    const rejected: [HandshakeError, IncomingMessage][] = [];
    const { hook, port } = await start({ onReject: (...args) => void rejected.push(args) });
    const session = await connect(port);
    const client = new StreamClient(session, fields);
    await expect.poll(() => client.ended || client.closed).toBe(true);
    expect([client.status, client.received.toString()]).toEqual([status, words]);
    expect(client.headers['content-length']).toBe(String(words.length));
    expect(client.headers['upgrade']).toBeUndefined();
    if (status === 426) expect(client.headers['sec-websocket-version']).toBe('13');
    expect(hook.stats().rejected).toEqual({ [status]: 1 });
    expect(rejected.map(([error, request]) => [error.status, request.url])).toEqual([[status, '/irc?x=1']]);
    // Nobody else is affected.
    const other = await open(session);
    other.stream.write(clientText('hi'));
    await expect.poll(() => other.frames[0]?.text).toBe('echo hi');
  });

  test('T3 a CONNECT without :protocol gets an error, and nobody else is affected', async () => {
    const { hook, port } = await start();
    const session = await connect(port);
    const client = new StreamClient(session, { ':protocol': undefined, ':scheme': undefined, ':path': undefined });
    await expect.poll(() => client.ended || client.closed).toBe(true);
    expect([405, 501]).toContain(client.status);
    expect(hook.stats().accepted).toBe(0);
    await open(session);
  });

  test('N5 an Origin that came twice is refused', async () => {
    const { port } = await start();
    const session = await connect(port);
    const client = new StreamClient(session, { origin: undefined, Origin: [ORIGIN, 'https://evil.test'] });
    await expect.poll(() => client.ended || client.closed).toBe(true);
    expect(client.status).not.toBe(200);
  });

  test('authorize decides, its errors are statuses; what came before the answer is not lost', async () => {
    const decisions: ((error?: Error) => void)[] = [];
    const authorize = (): Promise<void> =>
      new Promise((resolve, reject) => {
        decisions.push((error) => (error === undefined ? resolve() : reject(error)));
      });
    const { port } = await start({ authorize });
    const session = await connect(port);
    const early = new StreamClient(session);
    early.stream.write(clientText('early'));
    await expect.poll(() => decisions.length).toBe(1);
    decisions[0]?.();
    await early.answered();
    await expect.poll(() => early.frames[0]?.text).toBe('echo early');
    const refused = new StreamClient(session);
    await expect.poll(() => decisions.length).toBe(2);
    decisions[1]?.(new HandshakeError(429, 'WebSocket: Too many'));
    await expect.poll(() => refused.ended || refused.closed).toBe(true);
    expect([refused.status, refused.received.toString()]).toEqual([429, 'WebSocket: Too many']);
  });

  test('a client that goes while authorize is pending is let go', async () => {
    const signals: AbortSignal[] = [];
    const { hook, port } = await start({ authorize: (_facts, _request, signal) => new Promise(() => void signals.push(signal)) });
    const session = await connect(port);
    const client = new StreamClient(session);
    await expect.poll(() => signals.length).toBe(1);
    client.stream.close(constants.NGHTTP2_CANCEL);
    await expect.poll(() => signals[0]?.aborted).toBe(true);
    expect(hook.stats()).toMatchObject({ accepted: 0, clients: 0 });
  });

  test('handshakeTimeout covers authorize: 503', async () => {
    const { port } = await start({ authorize: () => new Promise(() => {}), handshakeTimeout: 2_000 });
    const client = new StreamClient(await connect(port));
    await expect.poll(() => client.ended || client.closed).toBe(true);
    expect(client.status).toBe(503);
  });

  test('rejectMode close-frame: 200, and a Close frame with the reason', async () => {
    const { hook, port } = await start({ rejectMode: 'close-frame' });
    const client = new StreamClient(await connect(port), { origin: 'https://evil.test' });
    await expect.poll(() => client.ended).toBe(true);
    expect(client.status).toBe(200);
    const [frame] = client.frames;
    expect([frame?.opcode, frame?.payload.readUInt16BE(), frame?.payload.toString('utf8', 2)]).toEqual([
      8,
      1008,
      'WebSocket: Received HTTP request from a non-whitelisted origin',
    ]);
    expect(hook.stats()).toMatchObject({ accepted: 0, rejected: { 403: 1 } });
  });

  test.each([
    ['END_STREAM', (client: StreamClient) => void client.stream.end()],
    ['RST_STREAM', (client: StreamClient) => void client.stream.close(constants.NGHTTP2_CANCEL)],
    ['RST_STREAM with an error', (client: StreamClient) => void client.stream.close(constants.NGHTTP2_PROTOCOL_ERROR)],
    [
      'T3 END_STREAM in the middle of a frame',
      (client: StreamClient) => void client.stream.end(clientText('half').subarray(0, 3)),
    ],
    ['GOAWAY and the end of the session', (client: StreamClient) => void client.stream.session?.destroy()],
    [
      'a reset of the connection',
      (client: StreamClient) => void rawSockets.get(client.stream.session as ClientHttp2Session)?.resetAndDestroy(),
    ],
  ])('%s without Close is a lost transport: 1006, and one close event', async (_what, leave) => {
    const { hook, port, nextSocket } = await start();
    const next = nextSocket();
    const client = await open(await connect(port));
    const socket = await next;
    let closes = 0;
    let errors = 0;
    socket.on('close', () => closes++);
    socket.on('error', () => errors++);
    leave(client);
    await expect.poll(() => closes).toBe(1);
    expect(socket.closeStatus).toMatchObject({ code: 1006, clean: false });
    expect(hook.stats()).toMatchObject({ clients: 0, closed: { 1006: 1 } });
    await new Promise((resolve) => setImmediate(resolve));
    expect([closes, errors <= 1]).toEqual([1, true]);
  });

  test('T3 GOAWAY alone lets the streams that are there go on', async () => {
    const { port } = await start();
    const session = await connect(port);
    const client = await open(session);
    session.goaway();
    client.stream.write(clientText('still here'));
    await expect.poll(() => client.frames[0]?.text).toBe('echo still here');
  });

  test('the server’s own end: a Close frame, then END_STREAM', async () => {
    const { port, nextSocket } = await start();
    const next = nextSocket();
    const session = await connect(port);
    const client = await open(session);
    (await next).closeWebSocket(1000, 'bye');
    await expect.poll(() => client.frames.at(-1)?.opcode).toBe(8);
    client.stream.write(clientClose(1000, ''));
    await expect.poll(() => client.ended).toBe(true);
    await open(session);
  });

  test('hook.close: 1001 for clients, 503 for newcomers', async () => {
    const { hook, port } = await start({ closeTimeout: 2_000 });
    const session = await connect(port);
    const client = await open(session);
    const closed = hook.close('restart');
    const late = new StreamClient(session);
    await expect.poll(() => late.ended || late.closed).toBe(true);
    expect(late.status).toBe(503);
    await expect.poll(() => client.frames.at(-1)?.payload.readUInt16BE()).toBe(1001);
    client.stream.end(clientClose(1001, ''));
    await closed;
  });

  test('T3 a window that never opens is back-pressure, then the limit of the queue; other streams go on', async () => {
    const { port, sockets } = await start({ sendQueueLimit: 300_000 });
    const session = await connect(port);
    const stuck = new StreamClient(session);
    await stuck.answered();
    stuck.stream.removeAllListeners('data');
    stuck.stream.pause();
    const [socket] = sockets as [IrcSocket];
    let closes = 0;
    socket.on('close', () => closes++);
    socket.on('error', () => {});
    const other = await open(session);
    let sent = 0;
    let wasBehind = false;
    while (closes === 0 && sent < 3_000) {
      if (!socket.writeLine('x'.repeat(1_000))) wasBehind = true;
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(wasBehind).toBe(true);
    await expect.poll(() => closes).toBe(1);
    expect(socket.closeStatus).toMatchObject({ code: 1008, reason: 'SendQ exceeded' });
    other.stream.write(clientText('hi'));
    await expect.poll(() => other.frames[0]?.text).toBe('echo hi');
  });

  test('what is written while the client reads slowly all comes, in order, and drain comes', async () => {
    const { port, nextSocket } = await start();
    const next = nextSocket();
    const client = await open(await connect(port));
    const socket = await next;
    const lines = Array.from({ length: 3_000 }, (_, i) => `${i} ${'x'.repeat(90)}`);
    client.stream.pause();
    let drains = 0;
    socket.on('drain', () => drains++);
    let isFull = false;
    for (const line of lines) isFull = !socket.writeLine(line) || isFull;
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.stream.resume();
    await expect.poll(() => client.frames.length).toBe(lines.length);
    expect(client.frames.map(({ text }) => text)).toEqual(lines);
    if (isFull) expect(drains).toBeGreaterThan(0);
  });

  test('a server that pauses stops the client by the window', async () => {
    const { port, nextSocket } = await start({ onConnection: () => {} });
    const next = nextSocket();
    const client = await open(await connect(port));
    const socket = await next;
    const lines: string[] = [];
    socket.onLine((line: string) => void lines.push(line));
    socket.pause();
    for (let i = 0; i < 3_000; i++) client.stream.write(clientText(`${i} ${'x'.repeat(90)}`));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(lines.length).toBeLessThan(3_000);
    expect(client.stream.writableLength).toBeGreaterThan(0);
    socket.resume();
    await expect.poll(() => lines.length).toBe(3_000);
    expect(lines.at(-1)).toBe(`2999 ${'x'.repeat(90)}`);
  });

  test('page and chat over one connection; HTTP/1.1 clients beside it', async () => {
    const { hook, port } = await start({}, { onRequest: (request, response) => void response.end(`page ${request.url}`) });
    const session = await connect(port);
    const page = session.request({ ':path': '/index.html' });
    let text = '';
    page.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await once(page, 'end');
    expect(text).toBe('page /index.html');
    const chat = await open(session);
    chat.stream.write(clientText('hi'));
    await expect.poll(() => chat.frames[0]?.text).toBe('echo hi');
    const old = new WebSocket(`wss://127.0.0.1:${port}/irc`, { origin: ORIGIN, rejectUnauthorized: false });
    undo.push(() => old.terminate());
    await once(old, 'open');
    old.send('old');
    expect(String((await once(old, 'message'))[0])).toBe('echo old');
    expect(hook.stats().accepted).toBe(2);
  });

  test('J5 an onRequest that throws ends its stream, and no other', async () => {
    const told: string[] = [];
    const { port } = await start(
      { onError: (error, { during }) => void told.push(`${during}: ${(error as Error).message}`) },
      {
        onRequest: () => {
          throw new Error('a fault of the program’s own');
        },
      },
    );
    const session = await connect(port);
    const page = session.request({ ':path': '/' });
    page.on('error', () => {});
    page.resume();
    await expect.poll(() => page.destroyed).toBe(true);
    expect(told).toEqual(['onRequest: a fault of the program’s own']);
    await open(session);
  });

  test('a plain request without onRequest is the documented 501, a HEAD has no body', async () => {
    const { hook, port } = await start({ allowMissingOrigin: true });
    const session = await connect(port);
    for (const method of ['GET', 'HEAD']) {
      const stream = session.request({ ':path': '/', ':method': method });
      let size = 0;
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
      });
      const closed = once(stream, 'close');
      const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
      expect(headers[':status']).toBe(method === 'GET' ? 501 : 405);
      await closed;
      expect(size > 0).toBe(method === 'GET');
    }
    expect(hook.stats().rejected).toEqual({ 501: 1, 405: 1 });
  });

  test('L5 a body that never comes ends that session', async () => {
    const { port } = await start({ handshakeTimeout: 2_000 }, { onRequest: () => {} });
    const session = await connect(port);
    const stream = session.request({ ':path': '/', ':method': 'POST' }, { endStream: false });
    stream.on('error', () => {});
    stream.write('abc');
    await expect.poll(() => session.destroyed).toBe(true);
  });

  test('a session without a stream ends with handshakeTimeout', async () => {
    const { port } = await start({ handshakeTimeout: 2_000 });
    const session = await connect(port);
    await expect.poll(() => session.destroyed).toBe(true);
  });

  test('T3 ten thousand streams, opened and reset (CVE-2023-44487): the session ends, others go on', async () => {
    const { hook, port } = await start();
    const other = await open(await connect(port));
    const session = await connect(port);
    let opened = 0;
    while (!session.destroyed && !session.closed && opened < 10_000) {
      for (let i = 0; i < 100 && !session.destroyed && !session.closed; i++, opened++) {
        const stream = session.request(HANDSHAKE, { endStream: false });
        stream.on('error', () => {});
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    other.stream.write(clientText('hi'));
    await expect.poll(() => other.frames[0]?.text).toBe('echo hi');
    session.destroy();
    await expect.poll(() => hook.stats().clients).toBe(1);
  });

  test('T3 more streams at a time than are allowed wait or are refused', async () => {
    const { hook, port } = await start();
    const session = await connect(port);
    const clients = Array.from({ length: 400 }, () => new StreamClient(session));
    await expect.poll(() => hook.stats().clients).toBeGreaterThan(99);
    expect(hook.stats().clients).toBeLessThanOrEqual(128);
    for (const client of clients) client.stream.close();
  });

  test('T3 a CONTINUATION flood (CVE-2024-27316) ends that session', async () => {
    const { port } = await start();
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    undo.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'secureConnect');
    const frame = (type: number, flags: number, id: number, payload: Buffer): Buffer => {
      const header = Buffer.alloc(9);
      header.writeUIntBE(payload.length, 0, 3);
      header[3] = type;
      header[4] = flags;
      header.writeUInt32BE(id, 5);
      return Buffer.concat([header, payload]);
    };
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(4, 0, 0, Buffer.alloc(0)));
    socket.write(frame(1, 0, 1, Buffer.from('82', 'hex')));
    const field = Buffer.concat([Buffer.from('000161', 'hex'), Buffer.from('7f00', 'hex'), Buffer.alloc(127, 'x')]);
    while (!socket.destroyed) {
      socket.write(frame(9, 0, 1, Buffer.concat(Array.from({ length: 60 }, () => field))));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect((await open(await connect(port))).status).toBe(200);
  });

  test('behind the PROXY protocol, with plain and client certificates, on one port', async () => {
    const { port, nextSocket } = await start(
      { proxyRanges: ['loopback'] },
      { proxyProtocol: true, clientCertificates: 'plain', plain: (socket) => void socket.resume().end('plain') },
    );
    const dial = async (ALPNProtocols?: string[]): Promise<TLSSocket> => {
      const raw = net.connect(port, '127.0.0.1');
      raw.write('PROXY TCP4 203.0.113.9 10.0.0.1 54321 443\r\n');
      const socket = tls.connect({
        socket: raw,
        rejectUnauthorized: false,
        ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
      });
      undo.push(() => socket.destroy());
      await once(socket, 'secureConnect');
      return socket;
    };
    const modern = await dial(['h2', 'http/1.1']);
    expect(modern.alpnProtocol).toBe('h2');
    const session = http2.connect('https://irc.example.com', { createConnection: () => modern });
    undo.push(() => session.destroy());
    session.on('error', () => {});
    await once(session, 'remoteSettings');
    const next = nextSocket();
    await open(session);
    expect((await next).websocket).toMatchObject({
      secure: true,
      client: { address: '203.0.113.9', port: 54_321 },
      via: ['127.0.0.1'],
    });
    const old = await dial(['http/1.1']);
    old.write(upgradeRequest());
    expect(String((await once(old, 'data'))[0])).toMatch(/^HTTP\/1.1 101 /);
    const native = await dial(['irc']);
    native.write('NICK ada\r\n');
    expect(String((await once(native, 'data'))[0])).toBe('plain');
  });

  test('server.close lets sessions end when their streams end', async () => {
    const { port, server } = await start();
    const session = await connect(port);
    const client = await open(session);
    const closed = new Promise((resolve) => server.close(resolve));
    client.stream.write(clientText('hi'));
    await expect.poll(() => client.frames[0]?.text).toBe('echo hi');
    client.stream.end(clientClose(1000, ''));
    await closed;
    server.listen(0, '127.0.0.1');
  });
});

describe.skipIf(OPENSSL === null)('hook.handleStream on a server of the program’s own', () => {
  async function startOwn(
    listen: (server: http2.Http2SecureServer, hook: RunningHook['hook']) => void,
  ): Promise<{ port: number; running: RunningHook }> {
    const running = await startHook({ onConnection: echo });
    const server = http2.createSecureServer({ ...CERTIFICATE, settings: { enableConnectProtocol: true } });
    listen(server, running.hook);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    undo.push(() => void server.close());
    return { port: (server.address() as AddressInfo).port, running };
  }

  test('as a stream listener', async () => {
    const { port } = await startOwn((server, hook) => void server.on('stream', hook.handleStream));
    const session = await connect(port);
    const client = await open(session);
    client.stream.write(clientText('hi'));
    await expect.poll(() => client.frames[0]?.text).toBe('echo hi');
    const twice = new StreamClient(session, { origin: undefined, Origin: [ORIGIN, ORIGIN] });
    await expect.poll(() => twice.ended || twice.closed).toBe(true);
    expect(twice.status).not.toBe(200);
  });

  test('as a connect listener, beside a request listener; handleRequest answers the rest', async () => {
    const { port, running } = await startOwn((server, hook) => {
      server.on('connect', (request: http2.Http2ServerRequest) => hook.handleStream(request.stream, request.headers));
      server.on('request', hook.handleRequest as never);
    });
    const session = await connect(port);
    const client = await open(session);
    client.stream.write(clientText('hi'));
    await expect.poll(() => client.frames[0]?.text).toBe('echo hi');
    const page = session.request({ ':path': '/', origin: ORIGIN });
    page.resume();
    const [headers] = (await once(page, 'response')) as [http2.IncomingHttpHeaders];
    expect(headers[':status']).toBe(501);
    expect(running.hook.stats()).toMatchObject({ accepted: 1, rejected: { 501: 1 } });
  });

  test('twice for one stream is the program’s own fault', async () => {
    let thrown: unknown;
    const { port } = await startOwn((server, hook) => {
      server.on('stream', (stream, headers) => {
        hook.handleStream(stream, headers);
        try {
          hook.handleStream(stream, headers);
        } catch (error) {
          thrown = error;
        }
      });
    });
    await open(await connect(port));
    expect(thrown).toMatchObject({ code: 'ERR_SOCKET_TAKEN' });
  });
});
