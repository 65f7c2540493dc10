import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import type { IrcSocket } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { startHook } from '../helpers/hook.ts';
import { requirePeer } from '../helpers/peers.ts';
import { WAIT_LIMIT } from '../helpers/wait.ts';

const ORIGIN = 'https://chat.example.com';
const echo = (socket: IrcSocket): void => void socket.onLine((line: string) => void socket.writeLine(line));

function open(url: string, protocols: string[] = [], options: WebSocket.ClientOptions = {}): Promise<WebSocket> {
  const client = new WebSocket(url, protocols, { origin: ORIGIN, ...options });
  return new Promise((resolve, reject) => {
    client.once('open', () => resolve(client));
    client.once('error', reject);
  });
}

async function next(client: WebSocket): Promise<{ text: string; isBinary: boolean }> {
  const [data, isBinary] = (await once(client, 'message')) as [Buffer, boolean];
  return { text: data.toString(), isBinary };
}

describe('ws as the client', () => {
  test.each([
    [[], '', false],
    [['text.ircv3.net'], 'text.ircv3.net', false],
    [['binary.ircv3.net', 'text.ircv3.net'], 'binary.ircv3.net', true],
    [['chat', 'text.ircv3.net'], 'text.ircv3.net', false],
  ])('subprotocols %j: %j, lines both ways', async (protocols, chosen, isBinary) => {
    const { port } = await startHook({ onConnection: echo });
    const client = await open(`ws://127.0.0.1:${port}/`, protocols);
    expect(client.protocol).toBe(chosen);
    for (const line of ['PING 1', 'héllo 😀', 'x'.repeat(8_000)]) {
      client.send(`${line}\r\n`);
      expect(await next(client)).toEqual({ text: line, isBinary });
    }
    client.close(1000);
    await once(client, 'close');
  });

  test('"auto" follows the first message', async () => {
    const { port, sockets } = await startHook({ defaultMode: 'auto', onConnection: echo });
    const client = await open(`ws://127.0.0.1:${port}/`);
    expect(sockets[0]?.websocket.mode).toBe('text');
    client.send(Buffer.from('as bytes'));
    expect(await next(client)).toEqual({ text: 'as bytes', isBinary: true });
    client.send('as text');
    expect(await next(client)).toEqual({ text: 'as text', isBinary: true });
    expect(sockets[0]?.websocket.mode).toBe('binary');
    client.terminate();
  });

  test('fragments, pings, and a close with code and reason', async () => {
    const { port, nextSocket } = await startHook({ onConnection: echo, serverName: 'irc.example.com' });
    const [socket, client] = await Promise.all([nextSocket(), open(`ws://127.0.0.1:${port}/`)]);
    client.send('PRIVMSG #a ', { fin: false });
    client.send(':in ', { fin: false });
    client.send('parts', { fin: true });
    expect((await next(client)).text).toBe('PRIVMSG #a :in parts');
    client.ping('are you there');
    expect(String((await once(client, 'pong'))[0])).toBe('are you there');
    const roundTrip = new Promise<number>((resolve) => void socket.ping(resolve));
    expect(String((await once(client, 'ping'))[0])).toBe('irc.example.com');
    expect(await roundTrip).toBeGreaterThan(0);
    socket.closeWebSocket(4001, 'K-lined: spam');
    const [code, reason] = (await once(client, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4001, 'K-lined: spam']);
  });

  test.each([
    ['https://evil.test', 403],
    [undefined, 400],
  ])('origin %s is answered by %i', async (origin, status) => {
    const { port } = await startHook();
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, origin === undefined ? {} : { origin });
    client.on('error', () => {});
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(status);
  });

  test('a message over maxMessageSize is 1009', async () => {
    const { port } = await startHook({ onConnection: echo });
    const client = await open(`ws://127.0.0.1:${port}/`);
    client.send('x'.repeat(8_702));
    expect((await once(client, 'close'))[0]).toBe(1009);
  });
});

const OPENSSL = requirePeer('openssl');

describe.skipIf(OPENSSL === null)('TLS', () => {
  test('H11 a client is secure, and no client certificate is asked for', async () => {
    const { cert, key } = makeCertificate();
    const { port, nextSocket } = await startHook({ onConnection: echo }, { tls: { cert, key } });
    const [socket, client] = await Promise.all([
      nextSocket(),
      open(`wss://localhost:${port}/`, ['text.ircv3.net'], { ca: cert }),
    ]);
    expect(socket.websocket.secure).toBe(true);
    expect((socket as IrcSocket & { encrypted: boolean }).encrypted).toBe(true);
    client.send('over TLS');
    expect((await next(client)).text).toBe('over TLS');
    client.terminate();

    // TLS 1.2 shows the server’s CertificateRequest in the clear.
    const trace = await new Promise<string>((resolve) => {
      const args = ['s_client', '-connect', `localhost:${port}`, '-tls1_2', '-msg'];
      execFile(OPENSSL as string, args, { timeout: WAIT_LIMIT }, (_error, stdout) => resolve(stdout)).stdin?.end();
    });
    expect(trace).toContain('ServerHello');
    expect(trace).not.toContain('CertificateRequest');
  });
});
