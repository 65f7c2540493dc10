/**
 * `<bind>` and `<health>`: where connections come in.
 *
 * In: tags. Out: settings. It does not know listeners.
 */
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { TagFields } from './tag-fields.ts';

/** Where web clients come in. */
export interface BindSettings {
  readonly address: string;
  /** `0`: any that is free. */
  readonly port: number;
  /** A Unix domain socket, in place of address and port. */
  readonly path: string | null;
  /** The mode of that socket's file. */
  readonly permissions: number | null;
  /** In PEM. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly proxyProtocol: boolean;
  /** The name of the `<websocket>` that holds for it; `''` for the one without a name. */
  readonly websocket: string;
}

/** Where health and counters are. */
export interface HealthSettings {
  readonly address: string;
  readonly port: number;
  /** Host names that a request may name. */
  readonly hosts: readonly string[];
}

const LOOPBACK = '127.0.0.1';

export function readBind(fields: TagFields): BindSettings {
  const path = fields.text('path');
  for (const key of ['address', 'port']) {
    if (path !== undefined && fields.has(key)) fields.fault(key, 'cannot be combined with path: a bind has one or the other');
  }
  return {
    address: path === undefined ? readAddress(fields) : '',
    port: path === undefined ? (fields.port('port') ?? 0) : 0,
    path: path === undefined ? null : resolve(fields.folder, path),
    permissions: readPermissions(fields, path !== undefined),
    tls: readCertificate(fields),
    proxyProtocol: fields.yesNo('proxyprotocol'),
    websocket: fields.text('websocket') ?? '',
  };
}

function readPermissions(fields: TagFields, hasPath: boolean): number | null {
  if (fields.has('permissions') && !hasPath) {
    fields.fault('permissions', 'needs a path');
    return null;
  }
  const permissions = fields.text('permissions');
  return permissions === undefined ? null : Number.parseInt(permissions, 8);
}

export function readHealth(fields: TagFields): HealthSettings {
  return { address: readAddress(fields), port: fields.port('port') ?? 0, hosts: fields.words('hosts') };
}

function readAddress(fields: TagFields): string {
  // One that is wrong is not the default: it would be doubled beside another bind.
  return fields.text('address') ?? (fields.has('address') ? 'unreadable' : LOOPBACK);
}

/** Two binds of one address cannot both be listened on. */
export function refuseDoubledBinds(binds: readonly BindSettings[], tags: readonly TagFields[]): void {
  const first = new Map<string, TagFields>();
  for (const [i, { address, port, path }] of binds.entries()) {
    if (path === null && port === 0) continue;
    const fields = tags[i] as TagFields;
    const name = path ?? `${address} ${port}`;
    const before = first.get(name);
    if (before === undefined) first.set(name, fields);
    else fields.fault(path === null ? 'port' : 'path', `appears twice, first on ${before.where}`, path ?? String(port));
  }
}

/** Reads a certificate and its key, which belong together. */
export function readCertificate(fields: TagFields): BindSettings['tls'] {
  const cert = fields.file('certificate');
  const key = fields.file('key');
  if (fields.has('key') && !fields.has('certificate'))
    fields.fault('certificate', 'is missing: TLS needs a certificate and a key');
  if (fields.has('certificate') && !fields.has('key')) fields.fault('key', 'is missing: TLS needs a certificate and a key');
  if (cert === undefined || key === undefined) return null;
  return checkPem({ cert }, 'certificate', fields) && checkPem({ cert, key }, 'key', fields) ? { cert, key } : null;
}

/** OpenSSL says what is wrong, and never what is in a key. */
export function checkPem(pem: { cert?: string; key?: string; ca?: string }, key: string, fields: TagFields): boolean {
  try {
    createSecureContext(pem);
    return true;
  } catch (error) {
    const { message } = error as Error;
    fields.fault(key, `cannot be used: ${message}`, fields.text(key));
    return false;
  }
}
