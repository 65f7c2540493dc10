/** `facts.tls` and `facts.local`, over real sockets: TLS that ends here, and TLS that a proxy tells of. */
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { createWebSocketHook, type IrcSocket } from '../../src/index.ts';
import { makeCertificate } from '../helpers/certificate.ts';
import { startHook } from '../helpers/hook.ts';
import { requirePeer } from '../helpers/peers.ts';
import { RawClient, upgradeRequest } from '../helpers/raw-client.ts';

const OPENSSL = requirePeer('openssl');

async function dial(options: ConnectionOptions): Promise<TLSSocket> {
  const client = connectTls({ rejectUnauthorized: false, host: '127.0.0.1', ...options });
  client.on('error', () => {});
  await once(client, 'secureConnect');
  client.write(upgradeRequest());
  return client;
}

describe.skipIf(OPENSSL === null)('TLS that ends here', () => {
  test('version, cipher, server name; no certificate is ever asked for', async () => {
    const certificate = makeCertificate();
    const { port, nextSocket } = await startHook({}, { tls: certificate });
    const next = nextSocket();
    const client = await dial({ port, servername: 'localhost', ...certificate });
    const socket = await next;
    expect(socket.websocket).toMatchObject({ secure: true, local: { address: '127.0.0.1', port } });
    expect(socket.websocket.tls).toEqual({
      version: 'TLSv1.3',
      cipher: client.getCipher().standardName,
      authority: 'localhost',
      commonName: null,
      fingerprint: null,
      isVerified: false,
    });
    expect(Object.isFrozen(socket.websocket.tls)).toBe(true);
    client.destroy();
  });

  test('a certificate, where the program’s own server asks for one', async () => {
    const certificate = makeCertificate();
    for (const isTrusted of [true, false]) {
      const sockets: IrcSocket[] = [];
      const hook = createWebSocketHook({
        origins: ['https://*.example.com'],
        onConnection: (socket) => void sockets.push(socket),
      });
      const ca = isTrusted ? { ca: certificate.cert } : {};
      const server = https.createServer({ ...certificate, ...ca, requestCert: true, rejectUnauthorized: false });
      server.on('upgrade', hook.handleUpgrade).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const client = await dial({ port: (server.address() as AddressInfo).port, ...certificate });
      await once(client, 'data');
      const fingerprint = createHash('sha256').update(new X509Certificate(certificate.cert).raw).digest('hex');
      expect(sockets[0]?.websocket.tls).toMatchObject({
        commonName: 'localhost',
        fingerprint,
        isVerified: isTrusted,
        authority: null,
      });
      client.destroy();
      sockets[0]?.destroy();
      server.close();
      await hook.close();
    }
  });
});

test('the PROXY protocol tells of the client’s TLS, and of the address that the client is connected to', async () => {
  const { port, nextSocket } = await startHook({ proxyRanges: ['loopback'] }, { proxyProtocol: true });
  const value = (type: number, text: string): string =>
    Buffer.concat([Buffer.of(type, 0, text.length), Buffer.from(text)]).toString('hex');
  const ssl = `0700000000${value(0x21, 'TLSv1.2')}${value(0x22, 'ada')}${value(0x23, 'ECDHE-RSA-AES128-GCM-SHA256')}`;
  const values = `${value(0x02, 'irc.example.com')}${value(0x20, '').slice(0, 2)}${(ssl.length / 2).toString(16).padStart(4, '0')}${ssl}${value(0xe0, 'AB'.repeat(32))}`;
  const body = `cb007109c6336401d4311a29${values}`;
  const client = await RawClient.connect(port);
  const next = nextSocket();
  const header = Buffer.from(`0d0a0d0a000d0a515549540a2111${(body.length / 2).toString(16).padStart(4, '0')}${body}`, 'hex');
  client.socket.write(Buffer.concat([header, Buffer.from(upgradeRequest())]));
  const socket = await next;
  expect([socket.remoteAddress, socket.remotePort, socket.localAddress, socket.localPort]).toEqual([
    '203.0.113.9',
    54_321,
    '198.51.100.1',
    6_697,
  ]);
  expect(socket.websocket).toMatchObject({ secure: true, peer: { address: '127.0.0.1' } });
  expect(socket.websocket.tls).toEqual({
    version: 'TLSv1.2',
    cipher: 'ECDHE-RSA-AES128-GCM-SHA256',
    authority: 'irc.example.com',
    commonName: 'ada',
    fingerprint: 'ab'.repeat(32),
    isVerified: true,
  });
});

test('a direct client without TLS', async () => {
  const { port, nextSocket } = await startHook();
  const next = nextSocket();
  const client = net.connect(port, '127.0.0.1');
  client.write(upgradeRequest());
  const { websocket } = await next;
  expect([websocket.tls, websocket.secure, websocket.local, websocket.resumes]).toEqual([
    null,
    false,
    { address: '127.0.0.1', port },
    null,
  ]);
  client.destroy();
});
