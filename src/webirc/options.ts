/**
 * The fifth parameter of WEBIRC: `secure remote-port=40000`.
 *
 * In: the parameter as text. Out: names and values, and back. IRCv3's WebIRC extension, "Options". It does not know what any
 * option means (`webirc-claims.ts`), nor which are believed.
 */
import { WebSocketError } from '../errors.ts';

/** IRCv3 message-tags, "Escaping values". */
const UNESCAPED: ReadonlyMap<string, string> = new Map([
  [':', ';'],
  ['s', ' '],
  ['\\', '\\'],
  ['r', '\r'],
  ['n', '\n'],
]);
const ESCAPED: ReadonlyMap<string, string> = new Map([...UNESCAPED].map(([letter, character]) => [character, `\\${letter}`]));

/**
 * Reads options; a flag without a value has the value `''`, and of two with one name the last counts, as with message tags.
 *
 * Names keep their case: `SECURE` is an unknown option, which is the safe way to misread it.
 */
export function parseOptions(text: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const option of text.split(' ')) {
    const equals = option.indexOf('=');
    const name = equals === -1 ? option : option.slice(0, equals);
    if (name !== '') options.set(name, equals === -1 ? '' : unescapeValue(option.slice(equals + 1)));
  }
  return options;
}

/**
 * Writes options, without the colon that begins a last parameter.
 *
 * @throws WebSocketError `ERR_WEBIRC` for a name with a space, `=` or a line end in it, and for a value with NUL
 */
export function formatOptions(options: ReadonlyMap<string, string>): string {
  return [...options]
    .map(([name, value]) => {
      if (!/^[^\0\r\n =]+$/.test(name))
        throw new WebSocketError('ERR_WEBIRC', `not the name of an option: ${JSON.stringify(name)}`);
      if (value.includes('\0')) throw new WebSocketError('ERR_WEBIRC', `the option ${name} has a NUL in its value`);
      return value === '' ? name : `${name}=${escapeValue(value)}`;
    })
    .join(' ');
}

function escapeValue(value: string): string {
  return value.replace(/[; \\\r\n]/g, (character) => ESCAPED.get(character) as string);
}

/**
 * "If a lone \ exists at the end of an escaped value …, then there SHOULD be no output character"; of `\b` "the invalid backslash
 * SHOULD be dropped".
 */
function unescapeValue(value: string): string {
  return value.replace(/\\(.?)/gs, (_escape, letter: string) => UNESCAPED.get(letter) ?? letter);
}
