/**
 * `<upstream>` and `<webirc>`: the IRC servers, and how the gateway proves itself to them.
 *
 * In: tags. Out: upstreams, and warnings of what works and may not be what was meant. It does not know connections.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Upstream } from '../gateway/index.ts';
import { nameOfUpstream } from '../gateway/upstream.ts';
import { checkPem, readCertificate } from './bind-tags.ts';
import { WEBIRC_OPTIONS } from './gateway-options.ts';
import type { TagFields } from './tag-fields.ts';

/** What the gateway calls itself. */
const DEFAULT_GATEWAY_NAME = String(WEBIRC_OPTIONS.row('gateway').byDefault);

type Webirc = NonNullable<Upstream['webirc']>;

/** Reads all IRC servers, each with its WEBIRC. */
export function readUpstreams(upstreams: readonly TagFields[], webircs: readonly TagFields[], warnings: string[]): Upstream[] {
  const named = new Map<string, Upstream>();
  for (const fields of upstreams) {
    const upstream = readUpstream(fields);
    const name = nameOfUpstream(upstream);
    if (named.has(name)) fields.fault('name', 'appears twice: give one of them another name', name);
    if (typeof upstream.tls === 'object' && upstream.tls.rejectUnauthorized === false) {
      warnings.push(`<upstream:verify> of ${name} is "no": anybody in between can read and write everything`);
    }
    named.set(name, upstream);
  }
  const found = readWebircs(webircs, [...named.keys()]);
  for (const [name, upstream] of named) {
    const webirc = found.get(name);
    if (webirc === undefined) {
      warnings.push(`${name} has no <webirc>: it sees the gateway's own address for everybody`);
      continue;
    }
    named.set(name, { ...upstream, webirc });
    if (upstream.tls === false && !isWithinThisMachine(upstream)) {
      warnings.push(`the WEBIRC password for ${name} travels without TLS`);
    }
  }
  return [...named.values()];
}

function readUpstream(fields: TagFields): Upstream {
  const path = fields.text('path');
  for (const key of ['host', 'port', 'family', 'localaddress']) {
    if (path !== undefined && fields.has(key)) fields.fault(key, 'cannot be combined with path: a server has one or the other');
  }
  const name = fields.text('name');
  const family = fields.text('family');
  const localAddress = fields.text('localaddress');
  const pass = readSecret(fields, 'pass', 'passfile');
  const weight = fields.number('weight');
  const encoding = fields.text('encoding');
  return {
    ...(path === undefined
      ? { host: fields.required('host') ?? 'unreadable.invalid', port: fields.port('port') ?? 1 }
      : { path: resolve(fields.folder, path) }),
    ...(name === undefined ? {} : { name }),
    tls: readUpstreamTls(fields),
    ...(family === undefined ? {} : { family: Number(family) as 4 | 6 }),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(pass === undefined ? {} : { pass }),
    ...(weight === undefined ? {} : { weight }),
    ...(encoding === undefined ? {} : { encoding }),
  };
}

type UpstreamTls = { ca?: string; cert?: string; key?: string; servername?: string; rejectUnauthorized?: boolean };

function readUpstreamTls(fields: TagFields): false | UpstreamTls {
  if (!fields.yesNo('tls')) {
    for (const key of ['cafile', 'servername', 'verify', 'certificate', 'key']) {
      if (fields.has(key)) fields.fault(key, 'needs tls="yes"');
    }
    return false;
  }
  const ca = fields.file('cafile');
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    fields.fault('cafile', 'has no certificate in PEM', fields.text('cafile'));
  } else if (ca !== undefined) {
    checkPem({ ca }, 'cafile', fields);
  }
  const servername = fields.text('servername');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...readCertificate(fields),
    ...(servername === undefined ? {} : { servername }),
    ...(fields.yesNo('verify') ? {} : { rejectUnauthorized: false }),
  };
}

/** Reads each server's WEBIRC: its own, or the one that is for all. */
function readWebircs(webircs: readonly TagFields[], upstreams: readonly string[]): Map<string, Webirc> {
  const own = new Map<string, { where: string; webirc: Webirc }>();
  let forAll: { where: string; webirc: Webirc } | undefined;
  for (const fields of webircs) {
    const password = readSecret(fields, 'password', 'passwordfile');
    if (password === undefined && !fields.has('password') && !fields.has('passwordfile')) fields.fault('password', 'is missing');
    const webirc = { password: password ?? 'unreadable', gateway: fields.text('gateway') ?? DEFAULT_GATEWAY_NAME };
    const upstream = fields.text('upstream');
    const before = upstream === undefined ? forAll : own.get(upstream);
    if (before !== undefined) {
      fields.fault('upstream', `appears twice: the one on ${before.where} is for ${upstream ?? 'all servers'} too`);
    } else if (upstream === undefined) {
      forAll = { where: fields.where, webirc };
    } else if (upstreams.includes(upstream)) {
      own.set(upstream, { where: fields.where, webirc });
    } else {
      fields.fault(
        'upstream',
        `is not the name of an <upstream>${upstreams.length === 0 ? '' : `: use one of ${upstreams.join(', ')}`}`,
        upstream,
      );
    }
  }
  const result = new Map<string, Webirc>();
  for (const name of upstreams) {
    const found = own.get(name) ?? forAll;
    if (found !== undefined) result.set(name, found.webirc);
  }
  return result;
}

/** Reads a secret that is given as it is, or in a file. Its value is never shown. */
function readSecret(fields: TagFields, key: string, fileKey: string): string | undefined {
  if (fields.has(key) && fields.has(fileKey)) {
    fields.fault(fileKey, `cannot be combined with ${key}: set one of them`);
    return undefined;
  }
  return fields.has(fileKey) ? fields.fileFor(key, fileKey) : fields.text(key);
}

function isWithinThisMachine({ host, path }: Upstream): boolean {
  return (
    path !== undefined || host === 'localhost' || host === '::1' || (isIP(host ?? '') === 4 && host?.startsWith('127.') === true)
  );
}
