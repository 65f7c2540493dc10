/**
 * `gateway.conf`: what an operator writes for a gateway, in InspIRCd's kind of tags.
 *
 * In: a file. Out: {@link GatewaySettings}, checked whole, with every file that it names read: plain data, which goes to a worker
 * as it is. It does not know processes or listeners.
 *
 * One file, although long: it is one list of tags.
 */
import { Resolver } from 'node:dns';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configFromTags, type OptionRow, type OptionTable, suggestion, type WebSocketConfig } from '../config/config.ts';
import type { ConfigTag } from '../config/tags.ts';
import { ConfigError } from '../errors.ts';
import {
  createIrcGateway,
  type GatewayLimits,
  type GatewayUsers,
  type IrcGatewayOptions,
  type Upstream,
} from '../gateway/index.ts';
import { LIMIT_OPTIONS } from '../gateway/limits.ts';
import { type BindSettings, type HealthSettings, readBind, readHealth, refuseDoubledBinds } from './bind-tags.ts';
import { ALL_TAGS, DNSBL_OPTIONS, GATEWAY_TAGS, type OwnTag, USERS_OPTIONS } from './gateway-options.ts';
import { readTags } from './include.ts';
import { Problems } from './problems.ts';
import { type PlacedTag, TagFields } from './tag-fields.ts';
import { readUpstreams } from './upstream-tags.ts';

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

/** May be there once. */
const SINGLE: readonly string[] = Object.entries(GATEWAY_TAGS).flatMap(([name, { count }]) =>
  count === 'one at most' ? [name] : [],
);

/** `<define>` and `<include>` are done with when tags are read. */
const TAGS: readonly string[] = ALL_TAGS.map(({ name }) => name);

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
  throw new ConfigError({ tag: 'bind' }, 'is missing: web clients have nowhere to connect to');
}

function readSettings(tags: readonly PlacedTag[], problems: Problems): GatewaySettings {
  refuseUnknown(tags, problems);
  const all = (name: OwnTag): TagFields[] =>
    tags.filter((tag) => tag.name === name).map((tag) => new TagFields(tag, GATEWAY_TAGS[name].options, problems));
  const bindTags = all('bind');
  const binds = bindTags.map(readBind);
  if (binds.length === 0) problems.add(new ConfigError({ tag: 'bind' }, 'is missing: web clients have nowhere to connect to'));
  refuseDoubledBinds(binds, bindTags);
  const { hooks, names } = readHooks(tags, problems);
  for (const [i, { websocket, proxyProtocol }] of binds.entries()) {
    const hook = hooks[websocket];
    const fields = bindTags[i] as TagFields;
    if (!names.has(websocket)) {
      const problem = websocket === '' ? 'is missing' : 'is not the name of a <websocket>';
      const known = [...names].filter((name) => name !== '').join(', ');
      fields.fault('websocket', `${problem}: ${known === '' ? 'no <websocket> has a name' : `use one of ${known}`}`);
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
    hostnames: all('hostnames')[0]?.yesNo('lookup') === true ? dns : false,
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
      const hint = suggestion(name, TAGS) || `: use one of ${TAGS.join(', ')}`;
      problems.add(new ConfigError({ tag: name, line, file }, `is not known${hint}`));
    }
    const before = first.get(name);
    if (before !== undefined && SINGLE.includes(name)) {
      problems.add(new ConfigError({ tag: name, line, file }, `appears twice, first on line ${before.line}`));
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
    problems.add(new ConfigError(place, 'is not the name of a <websocket>'));
  }
  return { hooks, names: new Set(named.keys()) };
}

/** The library knows neither key: which bind a tag is for is the gateway's. */
function withoutName({ name, line, file, entries }: PlacedTag): ConfigTag {
  const key = name === 'websocket' ? 'name' : 'websocket';
  return { name, line, file: file ?? undefined, entries: new Map([...entries].filter(([entry]) => entry !== key)) };
}

function readUsers(fields: TagFields | undefined): GatewayUsers {
  return valuesOf(USERS_OPTIONS, (key) => fields?.text(key));
}

function readLimits(fields: TagFields | undefined): GatewayLimits {
  return valuesOf(LIMIT_OPTIONS, (key, { kind }) => (kind === 'duration' ? fields?.duration(key) : fields?.number(key)));
}

/** Returns what is given, by the names of the options. */
function valuesOf(options: OptionTable, read: (key: string, row: OptionRow) => unknown): object {
  const values = options.keys.map((key) => [options.row(key).name, read(key, options.row(key))] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
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
  const action = fields.text('action') ?? DNSBL_OPTIONS.row('action').byDefault;
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
      fields.fault('codes', 'must be numbers from 0 to 255, or ranges such as "5-9"', word);
      return [];
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
