/**
 * IRC messages as text: `@tags :source COMMAND params :trailing`.
 *
 * In: one line without its line end. Out: its parts; and the way back. See https://modern.ircdocs.horse/#message-format
 */

/** One message. */
export interface Message {
  /** Message tags; a tag without a value has the empty one. */
  readonly tags: ReadonlyMap<string, string>;
  /** Upper case. */
  readonly command: string;
  readonly params: readonly string[];
}

const NO_TAGS: ReadonlyMap<string, string> = new Map();

/** Reads a line; `null` where there is no command in it. */
export function parseMessage(line: string): Message | null {
  let rest = line.replaceAll('\0', ' ');
  let tags = NO_TAGS;
  if (rest.startsWith('@')) {
    const end = rest.indexOf(' ');
    if (end < 0) return null;
    tags = parseTagList(rest.slice(1, end));
    rest = rest.slice(end + 1);
  }
  rest = rest.trimStart();
  // Clients may name themselves as the source; nothing is to be learnt from it.
  if (rest.startsWith(':')) rest = rest.includes(' ') ? rest.slice(rest.indexOf(' ')).trimStart() : '';
  const trailingAt = rest.search(/ +:/);
  const middle = trailingAt < 0 ? rest : rest.slice(0, trailingAt);
  const [command = '', ...params] = middle.split(/ +/).filter((word) => word !== '');
  if (command === '') return null;
  if (trailingAt >= 0) params.push(rest.slice(rest.indexOf(':', trailingAt) + 1));
  return { tags, command: command.toUpperCase(), params };
}

/** Writes the parameters of a message, the last one behind a colon where it needs one. */
export function formatParams(params: readonly string[]): string {
  const last = params.at(-1);
  if (last === undefined) return '';
  const trailing = last === '' || last.startsWith(':') || last.includes(' ') ? `:${last}` : last;
  return [...params.slice(0, -1), trailing].join(' ');
}

/** Cuts a line to `size` bytes of UTF-8, never within a character: half a character would break every browser that reads it. */
export function cutLine(line: string, size = 510): string {
  const bytes = Buffer.from(line);
  if (bytes.length <= size) return line;
  let end = size;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** Writes tags as they stand in a line: `@a=b;c `; nothing for none. */
export function formatTagList(tags: ReadonlyMap<string, string>): string {
  if (tags.size === 0) return '';
  return `@${[...tags].map(([name, value]) => (value === '' ? name : `${name}=${escapeTag(value)}`)).join(';')} `;
}

function parseTagList(text: string): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of text.split(';')) {
    const [name = '', ...value] = tag.split('=');
    if (name !== '') tags.set(name, unescapeTag(value.join('=')));
  }
  return tags;
}

const ESCAPES: readonly [plain: string, escaped: string][] = [
  ['\\', '\\\\'],
  [';', '\\:'],
  [' ', '\\s'],
  ['\r', '\\r'],
  ['\n', '\\n'],
];

function escapeTag(value: string): string {
  return value.replace(/[\\; \r\n]/g, (c) => ESCAPES.find(([plain]) => plain === c)?.[1] ?? c);
}

function unescapeTag(value: string): string {
  return value.replace(/\\(.?)/g, (all, c: string) => ESCAPES.find(([, escaped]) => escaped === all)?.[0] ?? c);
}
