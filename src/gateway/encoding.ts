/**
 * The encoding of an IRC server that is not UTF-8, both ways.
 *
 * In: bytes of the server, or UTF-8 of a client, as strings of one character a byte. Out: the other. It does not know lines.
 *
 * What a server sends and is UTF-8 already stays as it is: on a network that changes over both are there.
 */
import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';

/** A legacy encoding: `windows-1252`, `iso-8859-2`, `koi8-r`, `shift_jis`, … */
export interface LegacyEncoding {
  /** Returns UTF-8 for lines of the server; each line is looked at by itself. */
  decode(lines: Buffer): Buffer;
  /** Returns what the server understands, one character a byte; `?` stands for what it cannot say. */
  encode(utf8: string): string;
}

/** Has escape sequences, or units of two bytes: no IRC server speaks these. */
const UNFIT: readonly string[] = ['utf-16le', 'utf-16be', 'iso-2022-jp', 'replacement', 'x-user-defined'];

const known = new Map<string, LegacyEncoding | null>();

/**
 * Returns an encoding by its label; `null` for UTF-8, where nothing is to be done.
 *
 * @throws ConfigError for a label that `TextDecoder` does not know, and for encodings that no IRC line can have
 */
export function legacyEncoding(label: string, place: ConfigErrorPlace): LegacyEncoding | null {
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(label, { ignoreBOM: true });
  } catch (error) {
    throw new ConfigError({ ...place, value: label }, 'is not an encoding that TextDecoder knows', { cause: error });
  }
  const name = decoder.encoding;
  if (UNFIT.includes(name)) throw new ConfigError({ ...place, value: label }, 'cannot be the encoding of an IRC server');
  let encoding = known.get(name);
  if (encoding === undefined) {
    encoding = name === 'utf-8' ? null : makeEncoding(name, decoder);
    known.set(name, encoding);
  }
  return encoding;
}

function makeEncoding(name: string, decoder: TextDecoder): LegacyEncoding {
  const decodeText = name === 'windows-1252' ? decodeWindows1252 : (bytes: Uint8Array): string => decoder.decode(bytes);
  let table: ReadonlyMap<string, string> | undefined;
  return {
    decode: (lines) => {
      if (isUtf8(lines)) return lines;
      const decoded: Buffer[] = [];
      for (let at = 0; at < lines.length; ) {
        const end = lines.indexOf(0x0a, at) + 1 || lines.length;
        const line = lines.subarray(at, end);
        decoded.push(isUtf8(line) ? line : Buffer.from(decodeText(line)));
        at = end;
      }
      return Buffer.concat(decoded);
    },
    encode: (utf8) => {
      if (/^[\x00-\x7f]*$/.test(utf8)) return utf8;
      table ??= reverseTable(decodeText);
      let text = '';
      for (const character of Buffer.from(utf8, 'latin1').toString('utf8')) text += table.get(character) ?? '?';
      return text;
    },
  };
}

/** Finds out how each character is written, by reading every byte and every pair of bytes. */
function reverseTable(decode: (bytes: Uint8Array) => string): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  const leads: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    const text = decode(Uint8Array.of(byte));
    if (text.length === 1 && text !== '\ufffd') table.set(text, String.fromCharCode(byte));
    else if (byte >= 0x80) leads.push(byte);
  }
  for (const lead of leads) {
    for (let trail = 0x40; trail < 0xff; trail++) {
      const [character, ...more] = decode(Uint8Array.of(lead, trail));
      if (character === undefined || more.length > 0 || character === '\ufffd' || table.has(character)) continue;
      table.set(character, String.fromCharCode(lead, trail));
    }
  }
  return table;
}

/**
 * 0x80 to 0x9F of windows-1252, which Node 20's `TextDecoder` reads as Latin-1 (WHATWG Encoding standard, index windows-1252).
 */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function decodeWindows1252(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80] as string);
}
