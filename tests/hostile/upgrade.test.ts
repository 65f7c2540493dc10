import { once } from 'node:events';
import { createServer } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createWebSocketHook, type IrcSocket } from '../../src/index.ts';
import { clientText } from '../helpers/frames.ts';
import { startHook } from '../helpers/hook.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';
import { answerTo, handshake } from '../helpers/request.ts';

const echo = (socket: IrcSocket): void => void socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));

describe('Node’s upgrade event', () => {
  test('N2 an upgrade pipelined behind an unfinished response is refused, and the response is whole', async () => {
    let finish: () => void = () => {};
    const { port, sockets } = await startHook(
      {},
      {
        onRequest: (_request, response) => {
          finish = () => response.end('slow');
        },
      },
    );
    const client = await RawClient.connect(port);
    client.socket.write(`GET /slow HTTP/1.1\r\nHost: x\r\n\r\n${upgradeRequest()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sockets.length).toBe(0);
    finish();
    await client.until(() => client.ended || client.closed);
    const text = client.received.toString('latin1');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*slow/);
    expect(text).not.toContain('101 Switching');
    expect(text).toContain('HTTP/1.1 400 Bad Request\r\n');
    expect(sockets.length).toBe(0);
  });

  test('an upgrade behind a finished response on the same connection is fine', async () => {
    const { port } = await startHook({}, { onRequest: (_request, response) => void response.end('page') });
    const client = await RawClient.connect(port);
    client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until(() => client.received.includes('page'));
    client.socket.write(upgradeRequest());
    await client.until(() => client.received.includes('101 Switching Protocols'));
  });

  test('N3 more headers than Node read is 431, never the proxy’s address', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) => `A${i}: 1\r\n`).join('');
    const { port, sockets } = await startHook({ proxyRanges: ['127.0.0.1'] });
    const request = upgradeRequest().replace('\r\n\r\n', `\r\n${many}X-Forwarded-For: 203.0.113.9\r\n\r\n`);
    expect((await answerTo(port, request)).status).toBe(431);
    expect((await answerTo(port, upgradeRequest().replace('\r\n', `\r\n${many}`))).status).toBe(431);
    expect(sockets.length).toBe(0);
  });

  test('N4 so it is with a server of its own maxHeadersCount', async () => {
    const hook = createWebSocketHook({ origins: ['https://*.example.com'], onConnection: echo });
    const server = createServer().on('upgrade', hook.handleUpgrade).listen(0, '127.0.0.1');
    server.maxHeadersCount = 3;
    await once(server, 'listening');
    expect((await handshake((server.address() as AddressInfo).port)).status).toBe(431);
    server.close();
  });

  test.each(['Origin', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'X-Real-IP', 'CF-Connecting-IP', 'True-Client-IP', 'Host'])(
    'N5 N6 two %s headers are 400',
    async (name) => {
      const { port } = await startHook({ origins: ['*.example.com'] });
      const good: { [name: string]: string } = {
        Origin: 'https://chat.example.com',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version': '13',
        Host: 'x',
      };
      const value = good[name] ?? '203.0.113.9';
      const answer = await handshake(port, { [name]: [name === 'Origin' ? 'https://evil.test' : value, value] });
      expect(answer.status).toBe(400);
      // Two Hosts are refused by Node's parser, with words of its own.
      if (name !== 'Host') expect(answer.body).toBe(`WebSocket: Received HTTP request that sent the ${name} header twice`);
    },
  );

  test('N7 two Sec-WebSocket-Protocol lines are one list', async () => {
    const { port } = await startHook();
    const answer = await handshake(port, { 'Sec-WebSocket-Protocol': ['chat', 'binary.ircv3.net, text.ircv3.net'] });
    expect(answer.head).toContain('\r\nSec-WebSocket-Protocol: binary.ircv3.net\r\n');
  });

  test.each([
    ['POST', { 'Content-Length': '0' }, 'POST /irc HTTP/1.1', 405],
    ['HEAD', {}, 'HEAD /irc HTTP/1.1', 405],
    ['HTTP/1.0', {}, 'GET /irc HTTP/1.0', 505],
    ['h2c', { Upgrade: 'h2c' }, undefined, 426],
    ['a body', { 'Content-Length': '5' }, undefined, 400],
    ['a chunked body', { 'Transfer-Encoding': 'chunked' }, undefined, 400],
    ['version 8', { 'Sec-WebSocket-Version': '8' }, undefined, 426],
    ['no version', { 'Sec-WebSocket-Version': null }, undefined, 426],
    ['Upgrade: notwebsocket', { Upgrade: 'notwebsocket' }, undefined, 426],
    ['a short key', { 'Sec-WebSocket-Key': 'eHg=' }, undefined, 400],
    ['no key', { 'Sec-WebSocket-Key': null }, undefined, 501],
    ['an empty key', { 'Sec-WebSocket-Key': '' }, undefined, 501],
    ['an empty Host', { Host: '' }, undefined, 400],
  ] as const)('N8 H8 H9 %s is answered, never taken', async (_what, fields, line, status) => {
    const { port, sockets } = await startHook();
    const answer = await handshake(port, fields, line);
    expect(answer.status).toBe(status);
    if (status === 426) expect(answer.head.toLowerCase()).toContain('\r\nsec-websocket-version: 13\r\n');
    expect(answer.head.toLowerCase()).toContain('connection: close');
    expect(sockets.length).toBe(0);
  });

  test('N9 token lists in any case are understood', async () => {
    const { port } = await startHook();
    expect((await handshake(port, { Upgrade: 'foo, WebSocket', Connection: 'keep-alive, UPGRADE' })).status).toBe(101);
  });

  test('N10 Upgrade without Connection is a plain request: 426 and what would do', async () => {
    const { port } = await startHook();
    const answer = await handshake(port, { Connection: 'close' });
    expect(answer.status).toBe(426);
    expect(answer.head.toLowerCase()).toContain('upgrade: websocket\r\n');
  });

  test.each(['/x#frag', '//evil', 'http://evil/', '*', '/%00', '/\xe9'])(
    'N11 the request target %j is kept as text',
    async (target) => {
      const { port, nextSocket } = await startHook();
      const next = nextSocket();
      const answer = await answerTo(port, Buffer.from(upgradeRequest({}, `GET ${target} HTTP/1.1`), 'latin1'));
      if (answer.status === 101) expect((await next).websocket.path).toBe(target);
      else expect(answer.status).toBe(400);
    },
  );

  test('N13 the same socket twice is the program’s error, and leaves the WebSocket alone', async () => {
    const hook = createWebSocketHook({ origins: ['https://*.example.com'], onConnection: echo });
    let thrown: unknown;
    const server = createServer()
      .on('upgrade', hook.handleUpgrade)
      .on('upgrade', (...args) => {
        try {
          hook.handleUpgrade(...args);
        } catch (error) {
          thrown = error;
        }
      })
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = await RawClient.open((server.address() as AddressInfo).port);
    client.socket.write(clientText('x'));
    await client.until(() => client.lines.length === 1);
    expect((thrown as { code: string }).code).toBe('ERR_SOCKET_TAKEN');
    client.socket.destroy();
    await hook.close();
    server.close();
  });

  test('N14 a plain Duplex without a socket’s methods is served', async () => {
    const [toServer, toClient] = [new PassThrough(), new PassThrough()];
    const transport = Duplex.from({ readable: toServer, writable: toClient });
    const hook = createWebSocketHook({ origins: ['https://*.example.com'], onConnection: echo });
    const rawHeaders = [
      'Host',
      'x',
      'Upgrade',
      'websocket',
      'Connection',
      'Upgrade',
      'Origin',
      'https://a.example.com',
      'Sec-WebSocket-Key',
      'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version',
      '13',
    ];
    hook.handleUpgrade({ method: 'GET', url: '/', httpVersion: '1.1', rawHeaders } as never, transport, clientText('hi'));
    let text = '';
    for await (const chunk of toClient) {
      text += (chunk as Buffer).toString('latin1');
      if (text.includes('echo hi')) break;
    }
    expect(text).toContain('HTTP/1.1 101 ');
    const [socket] = hook.clients;
    expect(socket?.remoteAddress).toBeUndefined();
    socket?.setKeepAlive(true).setNoDelay().ref().unref();
    socket?.destroy();
    await hook.close();
  });

  test('N16 a peer on a Unix domain socket is "unix": trusted only by name', async () => {
    const path = `${process.env['TMPDIR'] ?? '/tmp'}/ircd-websocket-${process.pid}.sock`;
    for (const [ranges, status] of [
      [['unix'], 101],
      [['loopback'], 101],
    ] as const) {
      const sockets: IrcSocket[] = [];
      const hook = createWebSocketHook({
        origins: ['https://*.example.com'],
        proxyRanges: ranges,
        onConnection: (socket) => void sockets.push(socket),
      });
      const server = hook.createListener().listen(path);
      await once(server, 'listening');
      const client = net.connect(path);
      client.write(upgradeRequest({ 'X-Real-IP': '203.0.113.9' }));
      const [chunk] = (await once(client, 'data')) as [Buffer];
      expect(chunk.toString()).toContain(`HTTP/1.1 ${status}`);
      const [socket] = sockets;
      if (ranges[0] === 'unix') {
        expect(socket?.remoteAddress).toBe('203.0.113.9');
        expect(socket?.websocket.peer.address).toBe('unix');
      } else {
        expect(socket?.websocket.client.address).toBe('unix');
      }
      client.destroy();
      socket?.destroy();
      await hook.close();
      server.close();
      await once(server, 'close');
    }
  });

  test('N18 H1 H3 names in any case, no space, tabs and trailing blanks are fine; a blank before the colon is not', async () => {
    const { port } = await startHook({ origins: ['https://a.example.com'] });
    const rest = 'Host: x\r\nupgrade:websocket\r\nCONNECTION:\tUpgrade \r\nsec-websocket-version:13\r\n';
    const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ== \t\r\n';
    const good = await answerTo(port, `GET / HTTP/1.1\r\n${rest}${key}oRiGiN:https://a.example.com  \r\n\r\n`);
    expect(good.status).toBe(101);
    // H12: the white space is no part of the key.
    expect(good.head).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
    expect((await answerTo(port, `GET / HTTP/1.1\r\n${rest}${key}Origin : https://a.example.com\r\n\r\n`)).status).toBe(400);
    expect((await answerTo(port, `GET / HTTP/1.1\r\n${rest}${key}Origin:\r\n https://a.example.com\r\n\r\n`)).status).toBe(400);
  });

  test('H2 header text in the request line or in a value is no header', async () => {
    const { port } = await startHook();
    expect((await handshake(port, { Origin: null, X: 'Origin: https://chat.example.com' })).status).toBe(400);
    expect((await handshake(port, { Origin: null }, 'GET /?Origin:%20https://chat.example.com HTTP/1.1')).body).toContain(
      'Origin header',
    );
  });
});

describe.each(['createListener', 'accept'] as const)('a socket that brings no good request, by %s', (way) => {
  /** `handshakeTimeout` is short where a test waits for it, and never met elsewhere. */
  async function start(handshakeTimeout = 300_000): Promise<{ port: number; stop: () => Promise<void> }> {
    if (way === 'createListener') return { port: (await startHook({ handshakeTimeout })).port, stop: async () => {} };
    const hook = createWebSocketHook({
      origins: ['https://*.example.com'],
      handshakeTimeout,
      closeTimeout: 300,
      onConnection: echo,
    });
    const server = net.createServer(hook.accept).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      stop: async () => {
        await hook.close();
        server.close();
      },
    };
  }

  test.each([
    ['nothing at all', []],
    ['H6 a header that never ends', ['GET / HTTP/1.1\r\n', 'X: ', 'yyyyyyyyyyyy']],
    ['half a request', [upgradeRequest().slice(0, -2)]],
  ])('%s: it is let go within handshakeTimeout', async (_what, parts) => {
    const { port, stop } = await start(300);
    const client = await RawClient.connect(port);
    for (const part of parts) {
      client.socket.write(part);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await client.until(() => client.ended || client.closed);
    expect(client.received.toString('latin1')).not.toContain(' 101 ');
    await stop();
  });

  test('H7 one byte at a time, forever: the same', async () => {
    const { port, stop } = await start(300);
    const client = await RawClient.connect(port);
    const drip = setInterval(() => client.socket.writable && client.socket.write('G'), 20);
    await client.until(() => client.ended || client.closed);
    clearInterval(drip);
    await stop();
  });

  test('H5 a good request, one byte at a time, is fine', async () => {
    const { port, stop } = await start();
    const client = await RawClient.connect(port);
    client.socket.setNoDelay(true);
    for (const byte of Buffer.from(upgradeRequest())) client.socket.write(Buffer.of(byte));
    await client.until(() => client.head !== '');
    expect(client.status).toBe(101);
    await stop();
  });

  test.each([
    ['H10 plain IRC', 'NICK x\r\nUSER x 0 * :x\r\n', 400],
    ['H10 a TLS hello', Buffer.from('16030100f8010000f403', 'hex'), 400],
    ['H6 too large a header', `GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    ['LF alone as line ends', upgradeRequest().replaceAll('\r\n', '\n'), 0],
  ])('%s is answered in the one form, or dropped', async (_what, bytes, status) => {
    const { port, stop } = await start();
    const answer = await answerTo(port, bytes);
    expect(answer.status).not.toBe(101);
    if (status !== 0) {
      expect(answer.status).toBe(status);
      expect(answer.head).toMatch(
        /^HTTP\/1\.1 \d+ [^\r]+\r\nConnection: close\r\nContent-Type: text\/plain\r\nContent-Length: \d+\r\n\r\n$/,
      );
    }
    await stop();
  });
});
