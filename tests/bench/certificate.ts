/** A certificate for runs with `--tls`, made by `openssl` once for a run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Returns a folder with `cert.pem` and `key.pem`; it goes when the process does. ECDSA, as certificates of today are. */
export function certificateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ircd-websocket-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(folder, 'key.pem')];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', join(folder, 'cert.pem'), '-days', '1', '-subj', '/CN=localhost'], {
    stdio: 'ignore',
  });
  return folder;
}
