/**
 * What the operator configures, read from InspIRCd's kind of tags.
 *
 * In: tags. Out: {@link Settings}, checked whole: nothing is in force before everything is right.
 */
import { ConfigError, type ConfigTag } from 'ircd-websocket';

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
  readonly binds: readonly Bind[];
}

/** @throws ConfigError naming tag, key, value and line */
export function readSettings(tags: readonly ConfigTag[]): Settings {
  const one = (name: string): ConfigTag | undefined => tags.find((tag) => tag.name === name);
  const all = (name: string): ConfigTag[] => tags.filter((tag) => tag.name === name);
  const connect = one('connect');
  const binds = all('bind').map(readBind);
  if (binds.length === 0) throw new ConfigError({ tag: 'bind' }, 'is missing: the server would listen nowhere');
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
    binds,
  };
}

function readBind(tag: ConfigTag): Bind {
  const portText = required(tag, 'bind', 'port');
  const port = Number(portText);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError({ tag: 'bind', key: 'port', value: portText, line: tag.line }, 'must be a port, 0 to 65535');
  }
  const certificate = tag.entries.get('tlscert');
  const key = tag.entries.get('tlskey');
  if ((certificate === undefined) !== (key === undefined)) {
    throw new ConfigError({ tag: 'bind', key: 'tlscert', line: tag.line }, 'and tlskey belong together');
  }
  return {
    address: tag.entries.get('address') ?? '127.0.0.1',
    port,
    hook: tag.entries.get('hook') ?? null,
    tls: certificate === undefined || key === undefined ? null : { certificate, key },
  };
}

function required(tag: ConfigTag | undefined, name: string, key: string): string {
  const value = tag?.entries.get(key);
  if (value === undefined || value === '') throw new ConfigError({ tag: name, key, line: tag?.line }, 'is missing');
  return value;
}

function seconds(tag: ConfigTag | undefined, key: string, byDefault: number): number {
  const text = tag?.entries.get(key) ?? String(byDefault);
  const value = Number(text);
  if (!(value > 0)) throw new ConfigError({ tag: 'connect', key, value: text, line: tag?.line }, 'must be a number of seconds');
  return value * 1_000;
}
