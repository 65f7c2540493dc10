/**
 * Configuration text as InspIRCd writes it: `<tag key="value" …>`.
 *
 * In: text. Out: tags, in order, each with the line it stands on. It does not know what any tag means, nor files: `<include>` is a tag like any other.
 */
import { ConfigError } from '../errors.ts';

/** Is one tag of a configuration. */
export interface ConfigTag {
  /** The tag's name, lower case. */
  readonly name: string;
  /** The line that it begins on, from 1. */
  readonly line: number;
  /** Its keys, lower case, with their values; a key without a value is `yes`. */
  readonly entries: ReadonlyMap<string, string>;
}

/** What InspIRCd knows without a `<define>`: XML's, line ends, and the formatting codes of IRC clients. */
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['apos', "'"],
  ['quot', '"'],
  ['lt', '<'],
  ['gt', '>'],
  ['nl', '\n'],
  ['newline', '\n'],
  ['irc.bold', '\x02'],
  ['irc.color', '\x03'],
  ['irc.colour', '\x03'],
  ['irc.hexcolor', '\x04'],
  ['irc.hexcolour', '\x04'],
  ['irc.reset', '\x0f'],
  ['irc.monospace', '\x11'],
  ['irc.reverse', '\x16'],
  ['irc.italic', '\x1d'],
  ['irc.strikethrough', '\x1e'],
  ['irc.underline', '\x1f'],
]);

const WORD = /[\w.:-]/;

/**
 * Reads tags: comments (`#` to the end of the line), values in double quotes over several lines, entities (`&amp; &quot; &lt; &gt; &nl; &#233;`), and variables that
 * `<define name="x" value="…">` sets (`&x;`, in any case).
 *
 * @param variables further ones: InspIRCd's directories and environment are not known here, `{ 'dir.config': '/etc/inspircd', 'env.HOME': … }`
 * @throws ConfigError with the line of the fault
 */
export function parseTags(text: string, variables: Readonly<Record<string, string>> = {}): ConfigTag[] {
  return new TagReader(text.replace(/^\ufeff/, ''), Object.entries(variables)).read();
}

class TagReader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #tag = 'config';
  readonly #variables = new Map<string, string>();

  constructor(text: string, variables: readonly (readonly [string, string])[]) {
    this.#text = text;
    for (const [name, value] of variables) this.#variables.set(name.toLowerCase(), value);
  }

  read(): ConfigTag[] {
    const tags: ConfigTag[] = [];
    for (this.#skipSpace(); this.#at < this.#text.length; this.#skipSpace()) {
      const tag = this.#readTag();
      if (tag.name === 'define') this.#define(tag);
      tags.push(tag);
    }
    return tags;
  }

  #readTag(): ConfigTag {
    this.#tag = 'config';
    this.#expect('<', 'stands outside of a tag');
    const line = this.#line;
    const name = this.#readWord('a tag has no name').toLowerCase();
    this.#tag = name;
    const entries = new Map<string, string>();
    for (this.#skipSpace(); this.#peek() !== '>'; this.#skipSpace()) {
      if (this.#peek() === '') this.#fail('is not closed by ">"');
      const keyLine = this.#line;
      const key = this.#readWord('has a character that is no key').toLowerCase();
      if (entries.has(key)) throw new ConfigError({ tag: name, key, line: keyLine }, 'is there twice');
      this.#skipSpace();
      let value = 'yes';
      if (this.#peek() === '=') {
        this.#next();
        this.#skipSpace();
        value = this.#readValue(key);
      }
      entries.set(key, value);
    }
    this.#next();
    return { name, line, entries };
  }

  #readValue(key: string): string {
    this.#expect('"', `has no quotes around the value of ${key}`);
    const line = this.#line;
    let value = '';
    for (;;) {
      const c = this.#next();
      if (c === '') throw new ConfigError({ tag: this.#tag, key, line }, 'has a value that is not closed by a quote');
      if (c === '"') return value;
      value += c === '&' ? this.#readEntity(key) : c;
    }
  }

  #readEntity(key: string): string {
    const end = this.#text.indexOf(';', this.#at);
    const name = end < 0 ? '' : this.#text.slice(this.#at, end);
    const [, radix, digits] = /^#(x?)([\da-f]{1,6})$/i.exec(name) ?? [];
    const known =
      digits === undefined
        ? (ENTITIES.get(name.toLowerCase()) ?? this.#variables.get(name.toLowerCase()))
        : codePoint(digits, radix !== '');
    if (known === undefined)
      throw new ConfigError({ tag: this.#tag, key, line: this.#line }, `has an unknown entity &${name.slice(0, 40)};`);
    this.#at = end + 1;
    return known;
  }

  #define({ entries, line }: ConfigTag): void {
    const name = entries.get('name');
    if (name === undefined || name === '') throw new ConfigError({ tag: 'define', key: 'name', line }, 'is missing');
    this.#variables.set(name.toLowerCase(), entries.get('value') ?? '');
  }

  #readWord(problem: string): string {
    let word = '';
    while (WORD.test(this.#peek())) word += this.#next();
    if (word === '') this.#fail(problem);
    return word;
  }

  #skipSpace(): void {
    for (;;) {
      const c = this.#peek();
      if (c === '#') {
        while (this.#peek() !== '\n' && this.#peek() !== '') this.#next();
      } else if (c !== '' && /\s/.test(c)) {
        this.#next();
      } else {
        return;
      }
    }
  }

  #expect(c: string, problem: string): void {
    if (this.#peek() !== c) this.#fail(problem);
    this.#next();
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    const c = this.#text[this.#at++] ?? '';
    if (c === '\n') this.#line++;
    return c;
  }

  #fail(problem: string): never {
    throw new ConfigError({ tag: this.#tag, line: this.#line }, problem);
  }
}

function codePoint(digits: string, isHex: boolean): string | undefined {
  const code = Number.parseInt(digits, isHex ? 16 : 10);
  return Number.isNaN(code) || code === 0 || code > 0x10ffff || (!isHex && /\D/.test(digits))
    ? undefined
    : String.fromCodePoint(code);
}
