import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeCertificate } from '../helpers/certificate.ts';
import { startExample, WebUser } from '../helpers/example.ts';
import { requirePeer } from '../helpers/peers.ts';
import { run } from '../helpers/run.ts';

const OPENSSL = requirePeer('openssl');

test.skipIf(OPENSSL === null)('tls: wss, no client certificate, and a renewed one on SIGHUP', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-'));
  const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const install = ({ cert, key }: { cert: string; key: string }): string => {
    writeFileSync(certPath, cert);
    writeFileSync(keyPath, key);
    return cert;
  };
  const old = install(makeCertificate());
  const example = await startExample('tls', [certPath, keyPath, 0]);
  const url = `wss://localhost:${example.ports[0]}`;
  const ada = await WebUser.open(url, { ca: old });
  expect(await ada.line(/You are/)).toBe(':irc.example.com NOTICE * :You are secure');

  const handshake = run(OPENSSL as string, ['s_client', '-connect', `127.0.0.1:${example.ports[0]}`, '-msg'], {
    input: '',
  });
  expect(handshake).toMatch(/Handshake .*EncryptedExtensions/);
  expect(handshake).not.toMatch(/CertificateRequest/);

  const renewed = install(makeCertificate());
  example.process.kill('SIGHUP');
  await example.prints(/^certificate read/m);
  await WebUser.open(url, { ca: renewed });
  await expect(WebUser.open(url, { ca: old })).rejects.toThrow(/certificate/);
  ada.send('still here');
  await ada.line(/still here$/);
});
