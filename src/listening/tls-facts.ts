/**
 * What is known of TLS that ends here.
 *
 * In: a TLS socket whose handshake is done. Out: {@link TlsFacts}. It does not know what a proxy says of another connection's
 * TLS.
 */
import type { TLSSocket } from 'node:tls';
import type { TlsFacts } from '../admission/facts.ts';
import { certificateName } from '../admission/proxy-values.ts';

/** Returns what was negotiated. A certificate is there only where the program's own server asks for one. */
export function tlsOf(socket: TLSSocket): TlsFacts {
  const { fingerprint256, subject } = socket.getPeerCertificate();
  const { servername } = socket;
  // One certificate may have several common names.
  const commonName = [subject?.CN].flat()[0];
  return Object.freeze({
    version: socket.getProtocol(),
    cipher: socket.getCipher()?.standardName ?? null,
    authority: typeof servername === 'string' && servername !== '' ? servername : null,
    commonName: commonName === undefined ? null : certificateName(commonName),
    fingerprint: fingerprint256?.replaceAll(':', '').toLowerCase() ?? null,
    isVerified: fingerprint256 !== undefined && socket.authorized,
  });
}
