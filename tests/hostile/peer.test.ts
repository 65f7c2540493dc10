/**
 * The other end of a transport that has no address: a Unix domain socket, a TCP peer that is gone, or a stream that is
 * neither.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import { createWebSocketHook, type IrcSocket, type WebSocketHook, type WebSocketHookOptions } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { requirePeer } from '../helpers/peers.ts';
import { upgradeRequest } from '../helpers/raw-client.ts';

const OPENSSL = requirePeer('openssl');
let made: { cert: string; key: string } | undefined;
/** One certificate for all tests. */
function certificate(): { cert: string; key: string } {
  made ??= makeCertificate();
  return made;
}

const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-peer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function makeHook(options: Partial<WebSocketHookOptions> = {}): { hook: WebSocketHook; sockets: IrcSocket[] } {
  const sockets: IrcSocket[] = [];
  const hook = createWebSocketHook({
    origins: ['https://*.example.com'],
    proxyRanges: ['unix'],
    directClients: 'accept',
    onConnection: (socket) => void sockets.push(socket),
    ...options,
  });
  return { hook, sockets };
}

/** Two ends in memory, without addresses. */
function pair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const other of [1, 0]) {
    ends.push(
      new Duplex({
        read() {},
        write(chunk, _encoding, callback) {
          process.nextTick(() => (ends[other] as Duplex).push(chunk));
          callback();
        },
        final(callback) {
          process.nextTick(() => (ends[other] as Duplex).push(null));
          callback();
        },
      }),
    );
  }
  return ends as [Duplex, Duplex];
}

const SPOOFED = upgradeRequest({ 'X-Real-IP': '6.6.6.6' });

describe('H2 a TCP peer that is gone is not taken for a Unix domain socket', () => {
  test('its PROXY header is not believed, and its lines reach nobody', async () => {
    const { hook, sockets } = makeHook({ proxyRanges: ['unix'] });
    const plain: unknown[] = [];
    const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    for (const rest of ['NICK forged\r\n', SPOOFED]) {
      const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
      const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [[net.Socket], unknown];
      client.write(`PROXY TCP4 6.6.6.6 10.0.0.1 4711 443\r\n${rest}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      client.resetAndDestroy();
      await once(client, 'close');
      const closed = once(socket, 'close');
      const onPlain = (plainSocket: net.Socket, told: unknown): void => {
        plain.push(told);
        plainSocket.destroy();
      };
      hook.accept(socket, { proxyProtocol: true, plain: onPlain });
      await closed;
    }
    expect([plain, sockets]).toEqual([[], []]);
    server.close();
    await hook.close();
  });
});

describe('a stream without addresses is not trusted by the name unix', () => {
  async function outcome(hook: WebSocketHook, near: Duplex, sockets: readonly IrcSocket[]): Promise<string[]> {
    near.on('error', () => {});
    near.write(SPOOFED);
    const [chunk] = (await once(near, 'data')) as [Buffer];
    const { websocket, remoteAddress } = sockets.at(-1) as IrcSocket;
    near.destroy();
    sockets.at(-1)?.destroy();
    await hook.close();
    return [chunk.toString('latin1').slice(9, 12), websocket.peer.address, websocket.client.address, String(remoteAddress)];
  }

  test('N14 a Duplex', async () => {
    const { hook, sockets } = makeHook();
    const [near, far] = pair();
    hook.createListener().emit('connection', far);
    expect(await outcome(hook, near, sockets)).toEqual(['101', 'unknown', 'unknown', 'undefined']);
  });

  test('N14 a Duplex is in no range, however wide', async () => {
    const { hook, sockets } = makeHook({ proxyRanges: ['*', 'unix', 'loopback', '0.0.0.0/0', '::/0'] });
    const [near, far] = pair();
    hook.createListener().emit('connection', far);
    expect(await outcome(hook, near, sockets)).toEqual(['101', 'unknown', 'unknown', 'undefined']);
  });

  test('N14 a Duplex that says it stands for a Unix domain socket', async () => {
    const { hook, sockets } = makeHook();
    const [near, far] = pair();
    hook.createListener().emit('connection', Object.assign(far, { remoteAddress: 'unix' }));
    expect(await outcome(hook, near, sockets)).toEqual(['101', 'unix', '6.6.6.6', '6.6.6.6']);
  });

  test.skipIf(OPENSSL === null)('TLS over a Duplex', async () => {
    const { hook, sockets } = makeHook();
    const [near, far] = pair();
    const server = hook.createListener({ tls: certificate() });
    server.emit('connection', far);
    const secure = tls.connect({ socket: near, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    expect(await outcome(hook, secure, sockets)).toEqual(['101', 'unknown', 'unknown', 'undefined']);
  });
});

describe('a Unix domain socket is trusted by the name unix', () => {
  const { hook, sockets } = makeHook();
  const servers: [what: string, make: () => net.Server, isTls: boolean][] = [
    ['createListener', () => hook.createListener(), false],
    ['createListener with TLS', () => hook.createListener({ tls: certificate() }), true],
    ['createListener with TLS and plain', () => hook.createListener({ tls: certificate(), plain: () => {} }), true],
    ['accept', () => net.createServer(hook.accept), false],
    [
      'accept with TLS',
      () => {
        const tls = certificate();
        return net.createServer((socket) => hook.accept(socket, { tls }));
      },
      true,
    ],
    ['handleUpgrade of an https.Server', () => https.createServer(certificate()).on('upgrade', hook.handleUpgrade), true],
  ];

  test.each(servers.filter(([, , isTls]) => !isTls || OPENSSL !== null))('N16 %s', async (what, make, isTls) => {
    const path = join(folder, `${what.replaceAll(' ', '-')}.sock`);
    const server = make();
    server.listen(path);
    await once(server, 'listening');
    const raw = net.connect(path);
    const client = isTls ? tls.connect({ socket: raw, rejectUnauthorized: false }) : raw;
    client.on('error', () => {});
    client.write(upgradeRequest({ 'X-Real-IP': '203.0.113.9' }));
    const [chunk] = (await once(client, 'data')) as [Buffer];
    expect(chunk.toString('latin1')).toContain(' 101 ');
    const { websocket } = sockets.at(-1) as IrcSocket;
    expect([websocket.peer.address, websocket.client.address]).toEqual(['unix', '203.0.113.9']);
    client.destroy();
    server.close();
  });
});
