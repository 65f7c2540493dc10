/**
 * What an IRC server is told of a web client: user name, real name and host name, by an operator's templates.
 *
 * In: templates, and who the client is. Out: texts that can stand in an IRC line. It does not know connections.
 */
import { ircAddress, UNIX, UNKNOWN } from '../address/ranges.ts';
import { ConfigError } from '../errors.ts';
import { hexOfAddress } from './network.ts';

/**
 * What users are called, so that bans can find them; what is absent is the client's own.
 *
 * Templates may hold `%a` (the address), `%i` (the address as hexadecimal digits: eight for IPv4, 32 for IPv6), `%h` (the
 * confirmed host name, or the address), `%n` (the nick), `%o` (the host of the page's origin), and `%%`.
 */
export interface GatewayUsers {
  /** The user name, in place of the one that the client sends. Characters that no user name has become `-`. */
  readonly username?: string;
  /** The real name, in place of the one that the client sends. */
  readonly realname?: string;
  /** The host name that is sent in WEBIRC. `%n` is not known yet, and is empty. @defaultValue `'%h'` */
  readonly hostname?: string;
}

/** What is known of a client. */
export interface Identity {
  readonly address: string;
  /** Confirmed by the DNS; `null` where there is none, or nobody looked. */
  readonly hostname: string | null;
  /** The `Origin` header field. */
  readonly origin: string | null;
}

const NAMES: readonly (keyof GatewayUsers)[] = ['username', 'realname', 'hostname'];

/** @throws ConfigError for a template that cannot work */
export function checkUsers(users: GatewayUsers): GatewayUsers {
  for (const [name, template] of Object.entries(users)) {
    if (!(NAMES as readonly string[]).includes(name)) {
      throw new ConfigError({ tag: 'users', key: name }, `is not known: use one of ${NAMES.join(', ')}`);
    }
    if (template === undefined) continue;
    const problem = templateProblem(template);
    if (problem !== null) throw new ConfigError({ tag: 'users', key: name, value: template }, problem);
  }
  return users;
}

/** Returns what is wrong with a template; `null`: nothing. */
export function templateProblem(template: unknown): string | null {
  if (typeof template !== 'string' || template.trim() === '') return 'must be a text that is not empty';
  if (/[\x00-\x1f\x7f]/.test(template)) return 'has a line end or another control character';
  const unknown = /%[^aihno%]|%$/.exec(template.replaceAll('%%', ''));
  return unknown === null ? null : `has an unknown "${unknown[0]}": use %a, %i, %h, %n, %o or %%`;
}

/** Returns a template filled in; the nick is what the client calls itself. */
export function fillTemplate(template: string, { address, hostname, origin }: Identity, nick: string): string {
  // A Unix domain socket's peer is on this machine.
  const canonical = address === UNIX || address === UNKNOWN ? '127.0.0.1' : address;
  const values: Readonly<Record<string, () => string>> = {
    a: () => ircAddress(canonical),
    i: () => hexOfAddress(canonical),
    h: () => hostname ?? ircAddress(canonical),
    n: () => nick,
    o: () => hostOf(origin),
    '%': () => '%',
  };
  return template.replace(/%(.)/g, (_, letter: string) => values[letter]?.() ?? '');
}

/** Returns a user name that every server accepts: letters, digits, `.`, `_` and `-`. */
export function asUsername(text: string): string {
  const name = text.replace(/[^\w.-]/g, '-').replace(/^[.-]+/, '');
  return name === '' ? 'web' : name;
}

/** A real name is the last parameter of its line. */
const MAX_REALNAME_SIZE = 200;

/** Returns a real name without control characters, cut. */
export function asRealname(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, ' ').slice(0, MAX_REALNAME_SIZE);
}

/** Returns the host of a serialised origin, without scheme and port. */
function hostOf(origin: string | null): string {
  return /^[a-z][a-z\d+.-]*:\/\/(\[[^\]]*\]|[^:/]*)/i.exec(origin ?? '')?.[1] ?? '';
}
