/**
 * `gateway.conf`: what an operator writes for a gateway, in InspIRCd's kind of tags.
 *
 * In: a file. Out: {@link GatewaySettings}, checked whole, with every file that it names read: plain data, which goes to a worker as it is. It does not know
 * processes or listeners.
 *
 * One file, although long: it is one list of tags.
 */
import { Resolver } from 'node:dns';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configFromTags, suggestion, type WebSocketConfig } from '../config/config.ts';
import type { ConfigTag } from '../config/tags.ts';
import { ConfigError } from '../errors.ts';
import {
  createIrcGateway,
  type GatewayLimits,
  type GatewayUsers,
  type IrcGatewayOptions,
  type Upstream,
} from '../gateway/index.ts';
import {
  BIND_KEYS,
  type BindSettings,
  HEALTH_KEYS,
  type HealthSettings,
  readBind,
  readHealth,
  refuseDoubledBinds,
} from './bind-tags.ts';
import { readTags } from './include.ts';
import { Problems } from './problems.ts';
import { type PlacedTag, TagFields } from './tag-fields.ts';
import { readUpstreams, UPSTREAM_KEYS, WEBIRC_KEYS } from './upstream-tags.ts';

/** What a `gateway.conf` comes to. */
export interface GatewaySettings {
  readonly binds: readonly BindSettings[];
  /** The `<websocket>` of each name; that without a name is `''`. */
  readonly hooks: Readonly<Record<string, WebSocketConfig>>;
  readonly upstreams: readonly Upstream[];
  readonly users: GatewayUsers;
  readonly hostnames: NonNullable<IrcGatewayOptions['hostnames']>;
  readonly dnsbl: NonNullable<IrcGatewayOptions['dnsbl']> | null;
  readonly limits: GatewayLimits;
  readonly health: HealthSettings | null;
  /** What works, and may not be what was meant. */
  readonly warnings: readonly string[];
}

type OwnTag = 'bind' | 'upstream' | 'webirc' | 'users' | 'limits' | 'hostnames' | 'dnsbl' | 'dns' | 'health';

/** The keys of each tag. Those of `<websocket>` and `<wsorigin>` are the library's. */
export const KEYS: Readonly<Record<OwnTag, readonly string[]>> = {
  bind: BIND_KEYS,
  upstream: UPSTREAM_KEYS,
  webirc: WEBIRC_KEYS,
  users: ['username', 'realname', 'hostname'],
  limits: [
    'connectionsperaddress',
    'connectionsperminute',
    'ipv6prefix',
    'linespersecond',
    'floodtimeout',
    'connecttimeout',
    'stalltimeout',
  ],
  hostnames: ['lookup'],
  dnsbl: ['zone', 'codes', 'action'],
  dns: ['servers', 'timeout'],
  health: HEALTH_KEYS,
};

/** May be there once. */
const SINGLE: readonly string[] = ['users', 'limits', 'hostnames', 'dns', 'health'];

/** Named in the order of the documentation. `<define>` and `<include>` are done with when tags are read. */
const TAGS: readonly string[] = [
  'bind',
  'websocket',
  'wsorigin',
  'upstream',
  'webirc',
  'users',
  'limits',
  'hostnames',
  'dnsbl',
  'dns',
  'health',
  'define',
  'include',
];

/**
 * Reads a configuration, and all files that it names; paths are relative to the file that they stand in.
 *
 * @throws ConfigError naming tag, key, value and line, never a password; the system's error where the file itself cannot be read
 */
export function readGatewayConfig(path: string): GatewaySettings {
  const absolute = resolve(path);
  return settingsOf(readFileSync(absolute, 'utf8'), absolute);
}

/** @throws ConfigError */
export function gatewaySettings(text: string, folder: string): GatewaySettings {
  return settingsOf(text, join(folder, 'gateway.conf'));
}

function settingsOf(text: string, path: string): GatewaySettings {
  const problems = new Problems();
  const tags = readTags(text, path, problems);
  // What could not be parsed is not missing: nothing more can be said of it.
  if (problems.areNone || tags.length > 0) {
    const settings = readSettings(tags, problems);
    if (problems.areNone) problems.attempt(() => checkWhole(settings), undefined);
    problems.throwIfAny();
    return settings;
  }
  problems.throwIfAny();
  throw new ConfigError({ tag: 'bind' }, 'is missing: web clients could come in nowhere');
}

function readSettings(tags: readonly PlacedTag[], problems: Problems): GatewaySettings {
  refuseUnknown(tags, problems);
  const all = (name: OwnTag): TagFields[] =>
    tags.filter((tag) => tag.name === name).map((tag) => new TagFields(tag, KEYS[name], problems));
  const bindTags = all('bind');
  const binds = bindTags.map(readBind);
  if (binds.length === 0) problems.add(new ConfigError({ tag: 'bind' }, 'is missing: web clients could come in nowhere'));
  refuseDoubledBinds(binds, bindTags);
  const { hooks, names } = readHooks(tags, problems);
  for (const [i, { websocket, proxyProtocol }] of binds.entries()) {
    const hook = hooks[websocket];
    const fields = bindTags[i] as TagFields;
    if (!names.has(websocket)) {
      const problem = websocket === '' ? 'is missing' : 'is the name of no <websocket>';
      fields.fault('websocket', `${problem}: have ${[...names].filter((name) => name !== '').join(', ') || 'none with a name'}`);
    } else if (hook !== undefined && proxyProtocol && (hook.proxyRanges ?? []).length === 0) {
      fields.fault('proxyprotocol', 'needs <websocket:proxyranges>: no header would be believed');
    }
  }
  const warnings: string[] = [];
  const upstreamTags = all('upstream');
  if (upstreamTags.length === 0) {
    problems.add(new ConfigError({ tag: 'upstream' }, 'is missing: there is no IRC server to connect to'));
  }
  const dns = readDns(all('dns')[0]);
  const zones = all('dnsbl').flatMap(readZones);
  return {
    binds,
    hooks,
    upstreams: readUpstreams(upstreamTags, all('webirc'), warnings),
    users: readUsers(all('users')[0]),
    hostnames: all('hostnames')[0]?.yesNo('lookup', true) === true ? dns : false,
    dnsbl: zones.length === 0 ? null : { ...dns, zones },
    limits: readLimits(all('limits')[0]),
    health: all('health').map(readHealth)[0] ?? null,
    warnings,
  };
}

/** The library's own checks, of what is left. */
function checkWhole(settings: GatewaySettings): void {
  const { upstreams, users, hostnames, limits } = settings;
  for (const hook of Object.values(settings.hooks)) {
    createIrcGateway({ hook, upstreams, users, hostnames, limits, dnsbl: settings.dnsbl ?? { zones: [] } });
  }
}

function refuseUnknown(tags: readonly PlacedTag[], problems: Problems): void {
  const first = new Map<string, PlacedTag>();
  for (const tag of tags) {
    const { name, line } = tag;
    const file = tag.file ?? undefined;
    if (!TAGS.includes(name)) {
      const hint = suggestion(name, TAGS) || `: have ${TAGS.join(', ')}`;
      problems.add(new ConfigError({ tag: name, line, file }, `is not known${hint}`));
    }
    const before = first.get(name);
    if (before !== undefined && SINGLE.includes(name)) {
      problems.add(new ConfigError({ tag: name, line, file }, `is there twice, first on line ${before.line}`));
    }
    first.set(name, before ?? tag);
  }
}

/** Reads each `<websocket>`, with the origins that are for all of them or for it. */
function readHooks(
  tags: readonly PlacedTag[],
  problems: Problems,
): { hooks: Record<string, WebSocketConfig>; names: ReadonlySet<string> } {
  const named = new Map<string, PlacedTag[]>();
  for (const tag of tags) {
    if (tag.name !== 'websocket') continue;
    const name = tag.entries.get('name') ?? '';
    named.set(name, [...(named.get(name) ?? []), tag]);
  }
  if (named.size === 0) named.set('', []);
  const hooks: Record<string, WebSocketConfig> = {};
  for (const [name, own] of named) {
    const origins = tags.filter((tag) => tag.name === 'wsorigin' && (tag.entries.get('websocket') ?? name) === name);
    const hook = problems.attempt(() => configFromTags([...own, ...origins].map(withoutName)), undefined);
    if (hook !== undefined) hooks[name] = hook;
  }
  for (const tag of tags) {
    const name = tag.name === 'wsorigin' ? tag.entries.get('websocket') : undefined;
    if (name === undefined || named.has(name)) continue;
    const place = { tag: tag.name, key: 'websocket', value: name, line: tag.line, file: tag.file ?? undefined };
    problems.add(new ConfigError(place, 'is the name of no <websocket>'));
  }
  return { hooks, names: new Set(named.keys()) };
}

/** The library knows neither key: which bind a tag is for is the gateway's. */
function withoutName({ name, line, file, entries }: PlacedTag): ConfigTag {
  const key = name === 'websocket' ? 'name' : 'websocket';
  return { name, line, file: file ?? undefined, entries: new Map([...entries].filter(([entry]) => entry !== key)) };
}

function readUsers(fields: TagFields | undefined): GatewayUsers {
  const users: { -readonly [K in keyof GatewayUsers]: GatewayUsers[K] } = {};
  for (const key of ['username', 'realname', 'hostname'] as const) {
    const template = fields?.text(key);
    if (template !== undefined) users[key] = template;
  }
  return users;
}

const WHOLE = { isRight: (value: number) => Number.isInteger(value) && value >= 1, problem: 'must be a whole number from 1' };

function readLimits(fields: TagFields | undefined): GatewayLimits {
  const prefix = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 128;
  const limits: { [K in keyof GatewayLimits]: number | undefined } = {
    connectionsPerAddress: fields?.number('connectionsperaddress', WHOLE.isRight, WHOLE.problem),
    connectionsPerMinute: fields?.number('connectionsperminute', WHOLE.isRight, WHOLE.problem),
    ipv6Prefix: fields?.number('ipv6prefix', prefix, 'must be a whole number from 1 to 128'),
    linesPerSecond: fields?.number('linespersecond', (value) => value > 0, 'must be a number above 0'),
    floodTimeout: fields?.duration('floodtimeout'),
    connectTimeout: fields?.duration('connecttimeout'),
    stallTimeout: fields?.duration('stalltimeout'),
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

function readDns(fields: TagFields | undefined): { timeout?: number; servers?: string[] } {
  const timeout = fields?.duration('timeout');
  const servers = (fields?.words('servers') ?? []).filter((server) => {
    try {
      new Resolver().setServers([server]);
      return true;
    } catch {
      fields?.fault('servers', 'must be addresses, with ":port" where it is not 53', server);
      return false;
    }
  });
  return { ...(timeout === undefined ? {} : { timeout }), ...(servers.length === 0 ? {} : { servers }) };
}

type Zone = { zone: string; codes?: number[]; action?: 'mark' };

function readZones(fields: TagFields): (string | Zone)[] {
  fields.required('zone');
  const codes = readCodes(fields);
  const action = fields.choice('action', ['deny', 'mark']) ?? 'deny';
  return fields.words('zone').flatMap((zone): (string | Zone)[] => {
    if (zone.length > 180 || !/^(?:[a-z\d_-]{1,63}\.)+[a-z\d_-]{1,63}\.?$/i.test(zone)) {
      fields.fault('zone', 'is not a domain', zone);
      return [];
    }
    if (codes === undefined && action === 'deny') return [zone];
    return [{ zone, ...(codes === undefined ? {} : { codes }), ...(action === 'mark' ? { action } : {}) }];
  });
}

/** Reads `3 5-9`: numbers, and runs of them. */
function readCodes(fields: TagFields): number[] | undefined {
  if (!fields.has('codes')) return undefined;
  return fields.words('codes').flatMap((word) => {
    const [, from = '', to = from] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(word) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (from === '' || first > last || last > 255) {
      fields.fault('codes', 'must be numbers from 0 to 255, or runs such as "5-9"', word);
      return [];
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
