/**
 * Gateways as InspIRCd's configuration writes them: `<gateway type="webirc" mask="…" password="…" hash="…">`.
 *
 * In: tags. Out: gateways, checked. It does not know passwords or peers.
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

/**
 * Makes gateways of `<gateway>` tags; other tags are passed over.
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
  return [...tags]
    .filter(({ name }) => name === 'gateway')
    .map((tag) => {
      const gateway = readTag(tag);
      compileGateway(gateway, verifiers, tag.line);
      return gateway;
    });
}

function readTag({ name: tag, entries, line }: ConfigTag): WebircGateway {
  if (!entries.has('type')) throw new ConfigError({ tag, key: 'type', line }, 'is missing: "webirc" or "username"');
  const gateway: { -readonly [K in keyof WebircGateway]?: unknown } = { mask: [] };
  for (const [key, text] of entries) {
    const option = KEYS.get(key);
    if (option === undefined) throw new ConfigError({ tag, key, line }, `is not known: have ${[...KEYS.keys()].join(', ')}`);
    gateway[option] = readValue(option, text);
  }
  return gateway as WebircGateway;
}

function readValue(option: keyof WebircGateway, text: string): string | string[] {
  if (LISTS.has(option)) return text.split(/\s+/).filter((item) => item !== '');
  return CHOICES.has(option) ? text.toLowerCase() : text;
}
