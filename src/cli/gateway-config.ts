/**
 * `gateway.conf`: what an operator writes for a gateway, in InspIRCd's kind of tags.
 *
 * In: a file. Out: {@link GatewaySettings}, checked whole, with every file that it names read: plain data, which goes to a worker as it is. It does not know
 * processes or listeners.
 */
import { Resolver } from 'node:dns';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { configFromTags, type WebSocketConfig } from '../config/config.ts';
import { type ConfigTag, parseTags } from '../config/tags.ts';
import { ConfigError } from '../errors.ts';
import { createIrcGateway, type GatewayLimits, type IrcGatewayOptions, type Upstream } from '../gateway/index.ts';
import { TagFields } from './tag-fields.ts';

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
}

/** What a `gateway.conf` comes to. */
export interface GatewaySettings {
  readonly binds: readonly BindSettings[];
  readonly hook: WebSocketConfig;
  readonly upstreams: readonly Upstream[];
  readonly hostnames: NonNullable<IrcGatewayOptions['hostnames']>;
  readonly dnsbl: NonNullable<IrcGatewayOptions['dnsbl']> | null;
  readonly limits: GatewayLimits;
  readonly health: { readonly address: string; readonly port: number } | null;
  /** What works, and may not be what was meant. */
  readonly warnings: readonly string[];
}

const LOOPBACK = '127.0.0.1';

type OwnTag = 'bind' | 'upstream' | 'webirc' | 'limits' | 'hostnames' | 'dnsbl' | 'dns' | 'health';

/** The keys of each tag. Those of `<websocket>` and `<wsorigin>` are the library's. */
export const KEYS: Readonly<Record<OwnTag, readonly string[]>> = {
  bind: ['address', 'port', 'path', 'permissions', 'certificate', 'key', 'proxyprotocol'],
  upstream: ['name', 'host', 'port', 'tls', 'cafile', 'servername', 'verify', 'certificate', 'key'],
  webirc: ['upstream', 'password', 'passwordfile', 'gateway'],
  limits: ['connectionsperaddress', 'linespersecond', 'connecttimeout'],
  hostnames: ['lookup'],
  dnsbl: ['zone'],
  dns: ['servers', 'timeout'],
  health: ['address', 'port'],
};

/** May be there once. */
const SINGLE: readonly string[] = ['limits', 'hostnames', 'dns', 'health'];

/** Named in the order of the documentation. `<define>` is done with when tags are parsed. */
const TAGS: readonly string[] = [
  'bind',
  'websocket',
  'wsorigin',
  'upstream',
  'webirc',
  'limits',
  'hostnames',
  'dnsbl',
  'dns',
  'health',
  'define',
];

/**
 * Reads a configuration, and all files that it names; paths are relative to it.
 *
 * @throws ConfigError naming tag, key, value and line, never a password; the system's error where the file itself cannot be read
 */
export function readGatewayConfig(path: string): GatewaySettings {
  const absolute = resolve(path);
  return gatewaySettings(readFileSync(absolute, 'utf8'), dirname(absolute));
}

/** @throws ConfigError */
export function gatewaySettings(text: string, folder: string): GatewaySettings {
  const tags = parseWithoutSecrets(text);
  refuseUnknown(tags);
  const all = (name: OwnTag): TagFields[] => tags.filter((tag) => tag.name === name).map((tag) => new TagFields(tag, KEYS[name]));
  const binds = all('bind').map((fields) => readBind(fields, folder));
  if (binds.length === 0) throw new ConfigError({ tag: 'bind' }, 'is missing: web clients could come in nowhere');
  const warnings: string[] = [];
  const dns = readDns(all('dns')[0]);
  const zones = all('dnsbl').flatMap((fields) => readZones(fields));
  const settings: GatewaySettings = {
    binds,
    hook: configFromTags(tags),
    upstreams: readUpstreams(all('upstream'), all('webirc'), folder, warnings),
    hostnames: all('hostnames')[0]?.yesNo('lookup', true) === true ? dns : false,
    dnsbl: zones.length === 0 ? null : { ...dns, zones },
    limits: readLimits(all('limits')[0]),
    health: readHealth(all('health')[0]),
    warnings,
  };
  if (binds.some(({ proxyProtocol }) => proxyProtocol) && (settings.hook.proxyRanges ?? []).length === 0) {
    const culprit = all('bind').find((fields) => fields.yesNo('proxyprotocol', false));
    throw (culprit as TagFields).error('proxyprotocol', 'needs <websocket:proxyranges>: no header would be believed');
  }
  // The library's own checks, of what is left.
  createIrcGateway({ ...settings, dnsbl: settings.dnsbl ?? { zones: [] }, log: () => {} });
  return settings;
}

/** What the parser says of a password may hold a part of it. */
function parseWithoutSecrets(text: string): ConfigTag[] {
  try {
    return parseTags(text);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.key !== 'password') throw error;
    const { tag, key, line, problem } = error;
    throw new ConfigError(
      { tag, key, line },
      problem.includes('entity') ? 'has an "&" that begins no entity: write "&amp;"' : problem,
    );
  }
}

function refuseUnknown(tags: readonly ConfigTag[]): void {
  const first = new Map<string, number>();
  for (const { name, line } of tags) {
    if (!TAGS.includes(name)) throw new ConfigError({ tag: name, line }, `is not known: have ${TAGS.join(', ')}`);
    const before = first.get(name);
    if (before !== undefined && SINGLE.includes(name)) {
      throw new ConfigError({ tag: name, line }, `is there twice, first on line ${before}`);
    }
    first.set(name, before ?? line);
  }
}

function readBind(fields: TagFields, folder: string): BindSettings {
  const path = fields.text('path');
  for (const key of ['address', 'port']) {
    if (path !== undefined && fields.has(key)) throw fields.error(key, 'cannot be beside path: a bind is one or the other');
  }
  const permissions = fields.text('permissions');
  if (permissions !== undefined && path === undefined) throw fields.error('permissions', 'is of a path, and there is none');
  if (permissions !== undefined && !/^0?[0-7]{3}$/.test(permissions)) {
    throw fields.error('permissions', 'must be a mode such as "0660"', permissions);
  }
  return {
    address: path === undefined ? readAddress(fields) : '',
    port: path === undefined ? fields.port('port', 0) : 0,
    path: path === undefined ? null : resolve(folder, path),
    permissions: permissions === undefined ? null : Number.parseInt(permissions, 8),
    tls: readCertificate(fields, folder),
    proxyProtocol: fields.yesNo('proxyprotocol', false),
  };
}

function readAddress(fields: TagFields): string {
  const address = fields.text('address') ?? LOOPBACK;
  if (isIP(address) === 0) throw fields.error('address', 'must be an IP address, such as "0.0.0.0" or "::" for all', address);
  return address;
}

/** Reads a certificate and its key, which belong together. */
function readCertificate(fields: TagFields, folder: string): BindSettings['tls'] {
  const cert = fields.file('certificate', folder);
  const key = fields.file('key', folder);
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined) throw fields.error('certificate', 'is missing: a key alone is no TLS');
  if (key === undefined) throw fields.error('key', 'is missing: a certificate alone is no TLS');
  checkPem({ cert }, 'certificate', fields);
  checkPem({ cert, key }, 'key', fields);
  return { cert, key };
}

/** OpenSSL says what is wrong, and never what is in a key. */
function checkPem(pem: { cert?: string; key?: string; ca?: string }, key: string, fields: TagFields): void {
  try {
    createSecureContext(pem);
  } catch (error) {
    const { message } = error as Error;
    throw fields.error(key, `cannot be used: ${message}`, fields.text(key));
  }
}

function readUpstreams(
  upstreams: readonly TagFields[],
  webircs: readonly TagFields[],
  folder: string,
  warnings: string[],
): Upstream[] {
  const named = new Map<string, Upstream>();
  for (const fields of upstreams) {
    const [host, port] = [fields.required('host'), fields.port('port', 1)];
    const name = fields.text('name') ?? `${host}:${port}`;
    if (named.has(name)) throw fields.error('name', 'is there twice: name one of them otherwise', name);
    const tls = readUpstreamTls(fields, folder);
    if (tls !== false && tls.rejectUnauthorized === false) {
      warnings.push(`<upstream:verify> of ${name} is "no": anybody in between can read and write everything`);
    }
    named.set(name, { host, port, tls });
  }
  for (const [name, webirc] of readWebircs(webircs, [...named.keys()], folder)) {
    const upstream = named.get(name) as Upstream;
    named.set(name, { ...upstream, webirc });
    if (upstream.tls === false && !isLoopback(upstream.host)) {
      warnings.push(`the WEBIRC password for ${name} travels without TLS`);
    }
  }
  for (const [name, { webirc }] of named) {
    if (webirc === undefined) warnings.push(`${name} has no <webirc>: it sees the gateway's own address for everybody`);
  }
  if (named.size === 0) throw new ConfigError({ tag: 'upstream' }, 'is missing: there is no IRC server to connect to');
  return [...named.values()];
}

type UpstreamTls = { ca?: string; cert?: string; key?: string; servername?: string; rejectUnauthorized?: boolean };

function readUpstreamTls(fields: TagFields, folder: string): false | UpstreamTls {
  if (!fields.yesNo('tls', false)) {
    for (const key of ['cafile', 'servername', 'verify', 'certificate', 'key']) {
      if (fields.has(key)) throw fields.error(key, 'is of TLS, and tls is not "yes"');
    }
    return false;
  }
  const ca = fields.file('cafile', folder);
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    throw fields.error('cafile', 'has no certificate in PEM', fields.text('cafile'));
  }
  if (ca !== undefined) checkPem({ ca }, 'cafile', fields);
  const servername = fields.text('servername');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...readCertificate(fields, folder),
    ...(servername === undefined ? {} : { servername }),
    ...(fields.yesNo('verify', true) ? {} : { rejectUnauthorized: false }),
  };
}

/** Gives each server's WEBIRC: its own, or the one that is for all. */
function readWebircs(
  webircs: readonly TagFields[],
  upstreams: readonly string[],
  folder: string,
): Map<string, NonNullable<Upstream['webirc']>> {
  const own = new Map<string, { line: number; webirc: NonNullable<Upstream['webirc']> }>();
  let forAll: { line: number; webirc: NonNullable<Upstream['webirc']> } | undefined;
  for (const fields of webircs) {
    const webirc = { password: readPassword(fields, folder), gateway: readGatewayName(fields) };
    const upstream = fields.text('upstream');
    const before = upstream === undefined ? forAll : own.get(upstream);
    if (before !== undefined) {
      throw fields.error('upstream', `is there twice: on line ${before.line} is one for ${upstream ?? 'all servers'} already`);
    }
    if (upstream === undefined) {
      forAll = { line: fields.line, webirc };
    } else {
      if (!upstreams.includes(upstream)) {
        throw fields.error('upstream', `is no <upstream>: have ${upstreams.join(', ') || 'none'}`, upstream);
      }
      own.set(upstream, { line: fields.line, webirc });
    }
  }
  const result = new Map<string, NonNullable<Upstream['webirc']>>();
  for (const name of upstreams) {
    const found = own.get(name) ?? forAll;
    if (found !== undefined) result.set(name, found.webirc);
  }
  return result;
}

const WORD = /^[^\s:]\S*$/;

function readPassword(fields: TagFields, folder: string): string {
  if (fields.has('password') && fields.has('passwordfile')) {
    throw fields.error('passwordfile', 'cannot be beside password: which one is it?');
  }
  const password = fields.file('passwordfile', folder)?.trim() ?? fields.required('password');
  // The value is not shown: it is a secret.
  if (!WORD.test(password)) {
    throw fields.error(
      fields.has('password') ? 'password' : 'passwordfile',
      'must be a word that does not begin with a colon: it is a parameter of an IRC line',
    );
  }
  return password;
}

function readGatewayName(fields: TagFields): string {
  const gateway = fields.text('gateway') ?? 'webchat';
  if (!WORD.test(gateway)) throw fields.error('gateway', 'must be a word that does not begin with a colon', gateway);
  return gateway;
}

function readLimits(fields: TagFields | undefined): GatewayLimits {
  const limits: { -readonly [K in keyof GatewayLimits]: GatewayLimits[K] } = {};
  const connections = fields?.number(
    'connectionsperaddress',
    (value) => Number.isInteger(value) && value >= 1,
    'must be a whole number from 1',
  );
  const lines = fields?.number('linespersecond', (value) => value > 0, 'must be a number above 0');
  const timeout = fields?.duration('connecttimeout');
  if (connections !== undefined) limits.connectionsPerAddress = connections;
  if (lines !== undefined) limits.linesPerSecond = lines;
  if (timeout !== undefined) limits.connectTimeout = timeout;
  return limits;
}

function readDns(fields: TagFields | undefined): { timeout?: number; servers?: string[] } {
  const timeout = fields?.duration('timeout');
  const servers = fields?.words('servers') ?? [];
  for (const server of servers) {
    try {
      new Resolver().setServers([server]);
    } catch {
      throw (fields as TagFields).error('servers', 'must be addresses, with ":port" where it is not 53', server);
    }
  }
  return { ...(timeout === undefined ? {} : { timeout }), ...(servers.length === 0 ? {} : { servers }) };
}

function readZones(fields: TagFields): string[] {
  fields.required('zone');
  const zones = fields.words('zone');
  for (const zone of zones) {
    if (zone.length > 180 || !/^(?:[a-z\d_-]{1,63}\.)+[a-z\d_-]{1,63}\.?$/i.test(zone)) {
      throw fields.error('zone', 'is not a domain', zone);
    }
  }
  return zones;
}

function readHealth(fields: TagFields | undefined): GatewaySettings['health'] {
  return fields === undefined ? null : { address: readAddress(fields), port: fields.port('port', 0) };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
