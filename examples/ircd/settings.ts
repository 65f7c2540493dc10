/**
 * What the operator configures, read from InspIRCd's kind of tags.
 *
 * In: tags. Out: {@link Settings}, checked whole: nothing is in force before everything is right.
 */
/** A tag of the configuration, as far as settings are read from it. */
export interface Tag {
  readonly name: string;
  readonly line: number;
  readonly entries: ReadonlyMap<string, string>;
}

/** A configuration that cannot work: says which tag, key and value. */
export class SettingsError extends Error {
  constructor(
    tag: string,
    key: string | null,
    problem: string,
    { value, line }: { value?: string; line?: number | undefined } = {},
  ) {
    const place = `${line === undefined ? '' : `line ${line}: `}<${tag}${key === null ? '' : `:${key}`}>`;
    super(`${place}${value === undefined ? '' : ` ${JSON.stringify(value)}`} ${problem}`);
  }
}

/** One `<bind>`. */
export interface Bind {
  readonly address: string;
  readonly port: number;
  /** The hook that takes its connections; `null` for plain IRC over TCP. */
  readonly hook: string | null;
  /** Paths of a certificate and its key, in PEM. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
}

export interface Settings {
  readonly serverName: string;
  readonly network: string;
  readonly motd: readonly string[];
  readonly password: string | null;
  /** Milliseconds. */
  readonly pingFrequency: number;
  readonly registrationTimeout: number;
  readonly opers: readonly { readonly name: string; readonly password: string; readonly hosts: readonly string[] }[];
  /** Addresses that may not come in at all, as masks of `*` and `?`. */
  readonly bans: readonly { readonly mask: string; readonly reason: string }[];
  readonly binds: readonly Bind[];
}

/** @throws SettingsError naming tag, key, value and line */
export function readSettings(tags: readonly Tag[]): Settings {
  const one = (name: string): Tag | undefined => tags.find((tag) => tag.name === name);
  const all = (name: string): Tag[] => tags.filter((tag) => tag.name === name);
  const connect = one('connect');
  const binds = all('bind').map(readBind);
  if (binds.length === 0) throw new SettingsError('bind', null, 'is missing: the server would listen nowhere');
  return {
    serverName: required(one('server'), 'server', 'name'),
    network: one('server')?.entries.get('network') ?? 'Example',
    motd: (one('motd')?.entries.get('text') ?? '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
    password: connect?.entries.get('password') ?? null,
    pingFrequency: seconds(connect, 'pingfreq', 120),
    registrationTimeout: seconds(connect, 'timeout', 60),
    opers: all('oper').map((tag) => ({
      name: required(tag, 'oper', 'name'),
      password: required(tag, 'oper', 'password'),
      hosts: (tag.entries.get('host') ?? '*@*').split(/\s+/),
    })),
    bans: all('badip').map((tag) => ({
      mask: required(tag, 'badip', 'ipmask'),
      reason: tag.entries.get('reason') ?? 'No reason given',
    })),
    binds,
  };
}

/** Ports that the command line names in place of the configuration's; `null` where it names none. */
export interface PortChoice {
  readonly web: number | null;
  readonly plain: number | null;
}

/** Returns the settings with the ports of the first `<bind>` of each kind replaced. */
export function withPorts(settings: Settings, { web, plain }: PortChoice): Settings {
  const first = (isWeb: boolean): Bind | undefined => settings.binds.find(({ hook }) => (hook !== null) === isWeb);
  const choice = new Map([
    [first(true), web],
    [first(false), plain],
  ]);
  return { ...settings, binds: settings.binds.map((bind) => ({ ...bind, port: choice.get(bind) ?? bind.port })) };
}

/** Reads a port; 0 is any that is free. @throws Error that begins with `place`, where it is not a port */
export function readPort(text: string, place: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new Error(`${place} ${JSON.stringify(text)} must be a port from 0 to 65535`);
  return port;
}

function readBind(tag: Tag): Bind {
  const port = readPort(required(tag, 'bind', 'port'), `line ${tag.line}: <bind:port>`);
  const certificate = tag.entries.get('tlscert');
  const key = tag.entries.get('tlskey');
  if ((certificate === undefined) !== (key === undefined)) {
    throw new SettingsError('bind', 'tlscert', 'and tlskey belong together', { line: tag.line });
  }
  return {
    address: tag.entries.get('address') ?? '127.0.0.1',
    port,
    hook: tag.entries.get('hook') ?? null,
    tls: certificate === undefined || key === undefined ? null : { certificate, key },
  };
}

function required(tag: Tag | undefined, name: string, key: string): string {
  const value = tag?.entries.get(key);
  if (value === undefined || value === '') throw new SettingsError(name, key, 'is missing', { line: tag?.line });
  return value;
}

function seconds(tag: Tag | undefined, key: string, byDefault: number): number {
  const text = tag?.entries.get(key) ?? String(byDefault);
  const value = Number(text);
  if (!(value > 0)) throw new SettingsError('connect', key, 'must be a number of seconds', { value: text, line: tag?.line });
  return value * 1_000;
}
