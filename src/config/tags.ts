/**
 * Configuration text as InspIRCd writes it: `<tag key="value" …>`.
 *
 * In: text. Out: tags, in order, each with the line that it stands on; or one error that tells all that is wrong. It does not
 * know what any tag means, nor files: `<include>` is a tag like any other.
 *
 * Laws of this file:
 * 1. Reading goes on behind a fault, at the next line that begins with a tag.
 * 2. An error never shows text out of a value: it may be a part of a password.
 *
 * One file, although long: it is one grammar.
 */
import { ErrorList } from './error-list.ts';

/** One tag of a configuration. */
export interface ConfigTag {
  /** The tag's name, lower case. */
  readonly name: string;
  /** The line that it begins on, from 1. */
  readonly line: number;
  /** The file that it stands in, where there are several. */
  readonly file?: string | undefined;
  /** Its keys, lower case, with their values; a key without a value is `yes`. */
  readonly entries: ReadonlyMap<string, string>;
}

/** The entities that InspIRCd knows without a `<define>`: XML's, line ends, and the formatting codes of IRC clients. */
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
 * What stands at the end of a value whose own closing quote is missing: the next key. The quote that was found opens the next
 * value.
 */
const NEXT_KEY = /\s[\w.:-]+\s*=\s*$/;

/** What begins a comment elsewhere. */
const FOREIGN_COMMENT = /^(?:\/[/*]|;|--|<!--)/;

/**
 * Reads tags: comments (`#` to the end of the line), values in double quotes over several lines, entities (`&amp; &quot; &lt;
 * &gt; &nl; &#233;`), and variables that `<define name="x" value="…">` sets (`&x;`, in any case).
 *
 * @param variables further ones. InspIRCd's directories and environment are not known here: `{ 'dir.config': '/etc/inspircd',
 *   'env.HOME': … }`
 * @param options `file`: the name of the file for errors, and for {@link ConfigTag.file}
 * @throws ConfigError with the line of the fault; with several faults, all of them
 * @example
 * ```ts
 * const tags = parseTags('<wsorigin allow="https://chat.example.com">');
 * tags[0]?.name;   // 'wsorigin'
 * ```
 */
export function parseTags(
  text: string,
  variables: Readonly<Record<string, string>> = {},
  { file }: { readonly file?: string } = {},
): ConfigTag[] {
  return new TagReader(text.replace(/^\ufeff/, ''), Object.entries(variables), file).read();
}

class TagReader {
  readonly #text: string;
  readonly #file: string | undefined;
  readonly #errors = new ErrorList();
  readonly #variables = new Map<string, string>();
  #at = 0;
  #line = 1;

  constructor(text: string, variables: readonly (readonly [string, string])[], file: string | undefined) {
    this.#text = text;
    this.#file = file;
    for (const [name, value] of variables) this.#variables.set(name.toLowerCase(), value);
  }

  read(): ConfigTag[] {
    const tags: ConfigTag[] = [];
    for (this.#skipSpace(); this.#at < this.#text.length; this.#skipSpace()) {
      const tag = this.#peek() === '<' ? this.#readTag() : this.#skipStrayText();
      if (tag === null) continue;
      if (tag.name === 'define') this.#define(tag);
      tags.push(tag);
    }
    this.#errors.throwIfAny();
    return tags;
  }

  #skipStrayText(): null {
    const isComment = FOREIGN_COMMENT.test(this.#text.slice(this.#at, this.#at + 4));
    this.#fault('', `text stands outside of a tag${isComment ? ': a comment begins with "#"' : ''}`);
    const end = this.#text.startsWith('/*', this.#at) ? this.#text.indexOf('*/', this.#at) : -1;
    while (this.#at < end) this.#next();
    this.#skipToTag();
    return null;
  }

  /** Reads a tag; `null` where it cannot be read. */
  #readTag(): ConfigTag | null {
    const line = this.#line;
    const isComment = this.#text.startsWith('<!--', this.#at);
    this.#next();
    const name = this.#readWord().toLowerCase();
    if (name === '') {
      const reason = isComment ? ': a comment begins with "#"' : this.#peek() === '/' ? ': there are no closing tags' : '';
      return this.#giveUp('', `a tag has no name${reason}`);
    }
    const entries = new Map<string, string>();
    for (this.#skipSpace(); this.#peek() !== '>'; this.#skipSpace()) {
      if (this.#peek() === '' || this.#peek() === '<') return this.#giveUp(name, 'is not closed by ">"', line);
      if (!this.#readEntry(name, entries)) return null;
    }
    this.#next();
    return this.#file === undefined ? { name, line, entries } : { name, line, file: this.#file, entries };
  }

  /** Reads a key and its value. @returns whether the rest of the tag can be read */
  #readEntry(tag: string, entries: Map<string, string>): boolean {
    const line = this.#line;
    const key = this.#readWord().toLowerCase();
    if (key === '') {
      this.#giveUp(tag, `has a character that cannot be in a key${this.#whyNoKey()}`);
      return false;
    }
    if (entries.has(key)) this.#errors.add({ tag, key, line, file: this.#file }, 'appears twice');
    this.#skipSpace();
    if (this.#peek() !== '=') {
      entries.set(key, 'yes');
      return true;
    }
    this.#next();
    this.#skipSpace();
    const value = this.#readValue(tag, key);
    if (value !== null) entries.set(key, value);
    return value !== null;
  }

  /** Reads a value in quotes; `null` where its end cannot be found. */
  #readValue(tag: string, key: string): string | null {
    if (this.#peek() !== '"') {
      const isSingle = this.#peek() === "'";
      this.#fault(tag, `has no quotes around the value of ${key}${isSingle ? ': they must be double' : ''}`);
      // The value ends at the other quote, or at a blank.
      const end = isSingle ? "'" : ' ';
      if (isSingle) this.#next();
      while (!['', '>', '\n', end].includes(this.#peek())) this.#next();
      if (isSingle && this.#peek() === end) this.#next();
      return '';
    }
    const [start, line] = [this.#at, this.#line];
    this.#next();
    let value = '';
    for (let c = this.#next(); c !== '"'; c = this.#next()) {
      if (c === '') return this.#unclosedQuote(tag, key, start, line);
      value += c === '&' ? this.#readEntity(tag, key) : c;
    }
    // The quote that ends this value begins the next one, if what stands before it is a key, and what stands behind it is a
    // value.
    const isNextQuote = NEXT_KEY.test(value) && !/^(?:[\s>#]|$)/.test(this.#peek());
    return isNextQuote ? this.#unclosedQuote(tag, key, start, line) : value;
  }

  /** Goes back to the line that has the fault: what was read behind it belongs to other tags. */
  #unclosedQuote(tag: string, key: string, start: number, line: number): null {
    this.#errors.add({ tag, key, line, file: this.#file }, 'has a value that is not closed by a quote');
    this.#at = start;
    this.#line = line;
    this.#skipToTag();
    return null;
  }

  #readEntity(tag: string, key: string): string {
    const end = this.#text.indexOf(';', this.#at);
    const name = end < 0 || end > this.#at + 100 ? '' : this.#text.slice(this.#at, end);
    const [, radix, digits] = /^#(x?)([\da-f]{1,6})$/i.exec(name) ?? [];
    const known =
      digits === undefined
        ? (ENTITIES.get(name.toLowerCase()) ?? this.#variables.get(name.toLowerCase()))
        : codePoint(digits, radix !== '');
    if (known !== undefined) {
      this.#at = end + 1;
      return known;
    }
    const isName = /^#?[\w.:-]{1,40}$/.test(name);
    const problem = isName ? `has an unknown entity &${name};` : 'has an unknown entity: write "&amp;" for "&"';
    const safe = mayBeSecret(tag, key) ? 'has an "&" that begins no entity: write "&amp;"' : problem;
    this.#errors.add({ tag, key, line: this.#line, file: this.#file }, safe);
    return '';
  }

  #define({ entries, line }: ConfigTag): void {
    const name = entries.get('name') ?? '';
    if (name === '') this.#errors.add({ tag: 'define', key: 'name', line, file: this.#file }, 'is missing');
    else this.#variables.set(name.toLowerCase(), entries.get('value') ?? '');
  }

  #readWord(): string {
    let word = '';
    while (WORD.test(this.#peek())) word += this.#next();
    return word;
  }

  #whyNoKey(): string {
    if (FOREIGN_COMMENT.test(this.#text.slice(this.#at, this.#at + 4))) return ': a comment begins with "#"';
    const c = this.#peek();
    if (c === '"' || c === '\\') return ': write "&quot;" for a quote within a value';
    return `: ${JSON.stringify(c)}`;
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

  /** Skips the rest of the line, and the lines that do not begin with a tag. */
  #skipToTag(): void {
    for (;;) {
      while (this.#peek() !== '\n' && this.#peek() !== '') this.#next();
      this.#skipSpace();
      if (this.#peek() === '<' || this.#peek() === '') return;
    }
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    const c = this.#text[this.#at++] ?? '';
    if (c === '\n') this.#line++;
    return c;
  }

  #fault(tag: string, problem: string, line = this.#line): void {
    this.#errors.add({ tag, line, file: this.#file }, problem);
  }

  /** Collects a fault behind which the rest of a tag cannot be read. */
  #giveUp(tag: string, problem: string, line = this.#line): null {
    this.#fault(tag, problem, line);
    if (this.#peek() !== '<') this.#skipToTag();
    return null;
  }
}

/** Whether a value may be a secret. Variables may stand for one. */
function mayBeSecret(tag: string, key: string): boolean {
  return /pass|secret|hash|key/.test(key) || (tag === 'define' && key === 'value');
}

function codePoint(digits: string, isHex: boolean): string | undefined {
  const code = Number.parseInt(digits, isHex ? 16 : 10);
  return Number.isNaN(code) || code === 0 || code > 0x10ffff || (!isHex && /\D/.test(digits))
    ? undefined
    : String.fromCodePoint(code);
}
