/**
 * The configuration from InspIRCd's tags: `<websocket>` and `<wsorigin>`.
 *
 * In: tags. Out: plain data for `createWebSocketHook`, or one error that tells all that is wrong, each with its line. It does not
 * know what the options mean.
 */

import { ConfigError } from '../errors.ts';
import { compileInto, requireOrigins } from './compile.ts';
import { ErrorList } from './error-list.ts';
import { WEBSOCKET_OPTIONS } from './options.ts';
import { suggestion } from './suggestion.ts';
import type { ConfigTag } from './tags.ts';
import type { WebSocketConfig } from './web-socket-config.ts';

/** The keys of `<wsorigin>`. */
const ORIGIN_KEYS: readonly string[] = ['allow', 'websocket'];

/**
 * Makes a configuration of InspIRCd's tags: one `<websocket>`, any number of `<wsorigin>`. Other tags are passed over.
 *
 * Where a server has several `<websocket name="…">`, `name` says which one counts; without it the one that has no name does. A
 * `<wsorigin>` is for all of them, or for the one that its key `websocket` names.
 *
 * @throws ConfigError naming tag, key, value and line; with several errors, all of them
 * @example
 * ```ts
 * const hook = createWebSocketHook({
 *   ...configFromTags(parseTags(readFileSync('ircd.conf', 'utf8'))),
 *   onConnection: (socket) => ircServer.accept(socket),
 * });
 * ```
 */
export function configFromTags(tags: Iterable<ConfigTag>, name = ''): WebSocketConfig {
  const all = [...tags];
  const errors = new ErrorList();
  const named = readNames(all, errors);
  const websocket = named.get(name);
  if (websocket === undefined && name !== '')
    errors.add({ tag: 'websocket', key: 'name', value: name }, unknownName(name, named));
  const options = websocket === undefined ? {} : WEBSOCKET_OPTIONS.read(websocket, errors, ['name']);
  const origins = all
    .filter((tag) => tag.name === 'wsorigin')
    .map((tag) => readOrigin(tag, named, errors))
    .filter((origin) => origin.websocket === undefined || origin.websocket === name);
  const config = { ...options, origins: origins.flatMap(({ allow }) => allow ?? []) } as WebSocketConfig;
  compileInto(errors, config);
  refuseMisspeltTags(all, errors);
  if (origins.length === 0) requireOrigins(errors, []);
  errors.throwIfAny((error) => withLine(error, all, websocket));
  return config;
}

/**
 * Returns the names of all `<websocket>`, in order; the one without a name is `''`.
 *
 * @example
 * ```ts
 * const tags = parseTags('<websocket name="private" proxyranges="unix"><wsorigin allow="https://chat.example.com">');
 * webSocketNames(tags);   // ['private']
 * ```
 */
export function webSocketNames(tags: Iterable<ConfigTag>): string[] {
  return [...readNames([...tags], new ErrorList()).keys()];
}

/** Returns each `<websocket>` by its name. */
function readNames(tags: readonly ConfigTag[], errors: ErrorList): Map<string, ConfigTag> {
  const named = new Map<string, ConfigTag>();
  for (const tag of tags) {
    if (tag.name !== 'websocket') continue;
    const { line, file } = tag;
    const name = tag.entries.get('name');
    if (name === '') errors.add({ tag: tag.name, key: 'name', line, file }, 'is empty');
    const first = named.get(name ?? '');
    if (first === undefined) named.set(name ?? '', tag);
    else errors.add({ tag: tag.name, ...(name === undefined ? {} : { key: 'name', value: name }), line, file }, twice(first));
  }
  return named;
}

function twice({ line, file }: ConfigTag): string {
  return `appears twice, first on line ${line}${file === undefined ? '' : ` of ${file}`}`;
}

function readOrigin(
  { name, entries, line, file }: ConfigTag,
  named: ReadonlyMap<string, ConfigTag>,
  errors: ErrorList,
): { readonly allow: string | undefined; readonly websocket: string | undefined } {
  const place = { tag: name, line, file };
  for (const [key, value] of entries) {
    if (!ORIGIN_KEYS.includes(key))
      errors.add({ ...place, key, value }, `is not known${suggestion(key, ORIGIN_KEYS) || ': a <wsorigin> has "allow"'}`);
  }
  const allow = entries.get('allow');
  if (allow === undefined || allow === '') errors.add({ ...place, key: 'allow' }, 'is missing');
  const websocket = entries.get('websocket');
  if (websocket !== undefined && !named.has(websocket))
    errors.add({ ...place, key: 'websocket', value: websocket }, unknownName(websocket, named));
  return { allow: allow === '' ? undefined : allow, websocket };
}

function unknownName(name: string, named: ReadonlyMap<string, ConfigTag>): string {
  const names = [...named.keys()].filter((known) => known !== '');
  return `is not the name of a <websocket>${suggestion(name, names) || `: ${names.length === 0 ? 'no <websocket> has a name' : `use one of ${names.join(', ')}`}`}`;
}

/** A misspelt tag would be passed over like any other that is not ours. */
function refuseMisspeltTags(tags: readonly ConfigTag[], errors: ErrorList): void {
  const ours = ['websocket', 'wsorigin'];
  for (const { name, line, file } of tags) {
    const meant = ours.includes(name) ? '' : suggestion(name, ours);
    if (meant !== '') errors.add({ tag: name, line, file }, `is not known${meant}`);
  }
}

/** Returns the same error with the line of the tag that it is about. */
function withLine(error: ConfigError, tags: readonly ConfigTag[], websocket: ConfigTag | undefined): ConfigError {
  const { tag, key, value, line, problem, cause } = error;
  if (line !== undefined) return error;
  const culprit =
    tag === 'websocket' ? websocket : tags.find(({ name, entries }) => name === tag && entries.get(key ?? '') === value);
  if (culprit === undefined) return error;
  return new ConfigError({ tag, key, value, line: culprit.line, file: culprit.file }, problem, { cause });
}
