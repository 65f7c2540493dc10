/**
 * An IRC line as its parts: `@tags :source COMMAND params :trailing`.
 *
 * In: one line, without a line end. Out: its parts; whatever a server sends has some. See
 * https://modern.ircdocs.horse/#message-format
 */

export interface Message {
  readonly tags: ReadonlyMap<string, string>;
  /** `nick!user@host`, or the name of a server; empty where the line has none. */
  readonly source: string;
  /** The source as far as its `!`: a nickname, or the name of a server. */
  readonly nick: string;
  /** Upper case; three digits for a numeric. */
  readonly command: string;
  readonly params: readonly string[];
}

const UNESCAPED: Readonly<Record<string, string>> = { ':': ';', s: ' ', r: '\r', n: '\n' };

export function parseMessage(line: string): Message {
  let rest = line;
  const takeWord = (): string => {
    const [, word = '', after = ''] = /^([^ ]*) *(.*)$/s.exec(rest) ?? [];
    rest = after;
    return word;
  };
  const tags = parseTags(rest.startsWith('@') ? takeWord().slice(1) : '');
  const source = rest.startsWith(':') ? takeWord().slice(1) : '';
  const command = takeWord().toUpperCase();
  const params: string[] = [];
  while (rest !== '' && !rest.startsWith(':')) params.push(takeWord());
  if (rest !== '') params.push(rest.slice(1));
  return { tags, source, nick: source.split('!')[0] ?? '', command, params };
}

function parseTags(text: string): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of text.split(';').filter((part) => part !== '')) {
    const [name = '', ...value] = tag.split('=');
    tags.set(
      name,
      value.join('=').replace(/\\(.?)/g, (_all, escaped: string) => UNESCAPED[escaped] ?? escaped),
    );
  }
  return tags;
}
