/**
 * Gateways as InspIRCd's configuration writes them: `<gateway type="webirc" mask="…" password="…" hash="…">`, and `<cgihost>` of
 * InspIRCd 3.
 *
 * In: tags. Out: gateways, checked. It does not know passwords or peers.
 *
 * InspIRCd 4 renamed the module "cgiirc" to "gateway", `<cgihost>` to `<gateway>`, its type `ident` to `username` and its key
 * `newident` to `newusername`.
 */

import type { ConfigTag } from '../config/tags.ts';
import { ConfigError } from '../errors.ts';
import { compileGateway, type WebircGateway } from './gateway-block.ts';
import type { PasswordVerifier } from './password.ts';

/** By key; lists are separated by blanks. */
const KEYS: ReadonlyMap<string, keyof WebircGateway> = new Map([
  ['name', 'name'],
  ['type', 'type'],
  ['mask', 'mask'],
  ['password', 'password'],
  ['hash', 'hash'],
  ['fingerprint', 'fingerprint'],
  ['trustedflags', 'trustedFlags'],
  ['newusername', 'newUsername'],
  ['hostname', 'hostname'],
]);
const LISTS: ReadonlySet<keyof WebircGateway> = new Set(['mask', 'trustedFlags']);
const CHOICES: ReadonlySet<keyof WebircGateway> = new Set(['type', 'hostname']);

/** The tags, with what each calls the rest otherwise than `<gateway>`. */
const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  ['gateway', { keys: KEYS, userType: 'username' }],
  ['cgihost', { keys: withoutNewKeys(), userType: 'ident' }],
]);

/** How one version of InspIRCd words a gateway. */
interface Dialect {
  readonly keys: ReadonlyMap<string, keyof WebircGateway>;
  /** What it calls the type of gateways that put the address into the user name. */
  readonly userType: string;
}

function withoutNewKeys(): ReadonlyMap<string, keyof WebircGateway> {
  const keys = [...KEYS].filter(([key]) => key !== 'name' && key !== 'hostname');
  return new Map(keys.map(([key, option]) => [key === 'newusername' ? 'newident' : key, option]));
}

/**
 * Makes gateways of `<gateway>` and `<cgihost>` tags; other tags are passed over.
 *
 * A `<cgihost>` is a deprecation warning, `IRCD_WEBSOCKET_CGIHOST`.
 *
 * @param verifiers the algorithms for `hash` that `createWebirc` is going to get
 * @throws ConfigError naming tag, key, value and line; never the value of a password
 * @example
 * ```ts
 * const webirc = createWebirc(gatewaysFromTags(parseTags(readFileSync('ircd.conf', 'utf8'))));
 * ```
 */
export function gatewaysFromTags(
  tags: Iterable<ConfigTag>,
  verifiers: Readonly<Record<string, PasswordVerifier>> = {},
): WebircGateway[] {
  let isDeprecated = false;
  const gateways: WebircGateway[] = [];
  for (const tag of tags) {
    const dialect = DIALECTS.get(tag.name);
    if (dialect === undefined) continue;
    isDeprecated ||= tag.name === 'cgihost';
    const gateway = readTag(tag, dialect);
    try {
      compileGateway(gateway, verifiers, tag.line);
    } catch (error) {
      throw error instanceof ConfigError ? inDialect(error, tag, dialect) : error;
    }
    gateways.push(gateway);
  }
  if (isDeprecated) {
    process.emitWarning(
      '<cgihost> is deprecated since InspIRCd 4: write <gateway>, type "username" for "ident", and newusername',
      {
        type: 'DeprecationWarning',
        code: 'IRCD_WEBSOCKET_CGIHOST',
      },
    );
  }
  return gateways;
}

function readTag({ name: tag, entries, line }: ConfigTag, { keys, userType }: Dialect): WebircGateway {
  const type = entries.get('type');
  if (type === undefined) throw new ConfigError({ tag, key: 'type', line }, `is missing: "webirc" or "${userType}"`);
  const gateway: { -readonly [K in keyof WebircGateway]?: unknown } = { mask: [] };
  for (const [key, text] of entries) {
    const option = keys.get(key);
    if (option === undefined)
      throw new ConfigError({ tag, key, line }, `is not known: use one of ${[...keys.keys()].join(', ')}`);
    gateway[option] = readValue(option, text);
  }
  if (gateway.type === 'username' && userType !== 'username') {
    throw new ConfigError({ tag, key: 'type', value: type, line }, `must be one of webirc, ${userType}`);
  }
  if (gateway.type === userType) gateway.type = 'username';
  return gateway as WebircGateway;
}

/** Returns the same error in the words of the tag that it is about. */
function inDialect(
  { key, value, problem }: ConfigError,
  { name: tag, line }: ConfigTag,
  { keys, userType }: Dialect,
): ConfigError {
  const own = [...keys].find(([, option]) => option.toLowerCase() === key)?.[0] ?? key;
  const said = own === 'type' ? problem.replace('username', userType) : problem;
  return new ConfigError({ tag, key: own, value, line }, said);
}

function readValue(option: keyof WebircGateway, text: string): string | string[] {
  if (LISTS.has(option)) return text.split(/\s+/).filter((item) => item !== '');
  return CHOICES.has(option) ? text.toLowerCase() : text;
}
