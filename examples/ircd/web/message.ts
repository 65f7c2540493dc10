/** IRC lines, as far as a client needs them: in to parts, out from parts. */

export interface Message {
  readonly tags: ReadonlyMap<string, string>;
  /** The nickname, or the server's name; empty where the line has none. */
  readonly nick: string;
  readonly source: string;
  readonly command: string;
  readonly params: readonly string[];
}

const UNESCAPED: Readonly<Record<string, string>> = { ':': ';', s: ' ', '\\': '\\', r: '\r', n: '\n' };

export function parseMessage(line: string): Message {
  let rest = line;
  const tags = new Map<string, string>();
  if (rest.startsWith('@')) {
    const end = rest.indexOf(' ');
    for (const tag of rest.slice(1, end).split(';')) {
      const [name = '', ...value] = tag.split('=');
      tags.set(
        name,
        value.join('=').replace(/\\(.?)/g, (_all, c: string) => UNESCAPED[c] ?? c),
      );
    }
    rest = rest.slice(end + 1);
  }
  let source = '';
  if (rest.startsWith(':')) {
    const end = rest.indexOf(' ');
    source = rest.slice(1, end);
    rest = rest.slice(end + 1);
  }
  const trailingAt = rest.search(/ +:/);
  const [command = '', ...params] = (trailingAt < 0 ? rest : rest.slice(0, trailingAt)).split(/ +/).filter((word) => word !== '');
  if (trailingAt >= 0) params.push(rest.slice(rest.indexOf(':', trailingAt) + 1));
  return { tags, source, nick: source.split('!')[0] ?? '', command: command.toUpperCase(), params };
}

const encoder = new TextEncoder();

/** Splits what somebody typed into texts that fit a line of 512 bytes behind `overhead` bytes of command and source; never within a character. */
export function splitText(text: string, overhead: number): string[] {
  const room = 510 - overhead;
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const parts: string[] = [];
      let part = '';
      let size = 0;
      for (const word of line.split(/(?<= )/)) {
        for (const piece of encoder.encode(word).length > room ? [...word] : [word]) {
          const bytes = encoder.encode(piece).length;
          if (size + bytes > room) {
            parts.push(part);
            part = '';
            size = 0;
          }
          part += piece;
          size += bytes;
        }
      }
      parts.push(part);
      return parts;
    });
}
