/**
 * A table of options: their names, values, defaults and limits. Everything about an option stands once, in its row.
 *
 * In: rows, and values, as data or as the keys of a tag. Out: checked values, errors that name tag, key, value and line, and the
 * table as documentation. It does not know any option.
 */
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';
import type { ErrorList } from './error-list.ts';
import { suggestion } from './suggestion.ts';
import type { ConfigTag } from './tags.ts';
import { formatDuration, parseBoolean, parseDuration, parseSize } from './units.ts';

/** The values of an option, and how an operator writes them. */
export type OptionKind =
  | { readonly kind: 'boolean' }
  /** Milliseconds; in tags `30`, `30s` or `1m30s`. Both ends are included. */
  | { readonly kind: 'duration'; readonly least: number; readonly most: number }
  /** Bytes; in tags `8701`, `64K` or `1M`. */
  | { readonly kind: 'size'; readonly least: number; readonly most: number }
  /** Without `most` there is no upper limit. */
  | { readonly kind: 'integer'; readonly least: number; readonly most?: number }
  /** A number that may have a fraction. */
  | { readonly kind: 'number'; readonly above: number }
  /** One of several words; in tags in any case. */
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** Any text, or one that `check` finds no problem with. In tags, `anyCase` texts are made lower case. */
  | {
      readonly kind: 'text';
      readonly check?: (text: string) => string | null;
      readonly anyCase?: boolean;
      /** How the documentation describes such a text. @defaultValue `text` */
      readonly describedAs?: string;
    }
  /** Texts; in tags separated by blanks. */
  | { readonly kind: 'list' };

/** One option. */
export type OptionRow = OptionKind & {
  /** The name in an object: `pingInterval`. */
  readonly name: string;
  /** The key in a tag. @defaultValue the name in lower case */
  readonly key?: string;
  /** The value of an option that is not set; `undefined`: it has none. */
  readonly byDefault: unknown;
  /** The default as the documentation writes it. @defaultValue derived from `byDefault` */
  readonly defaultText?: string;
  /** What the option does, in Markdown. */
  readonly sentence: string;
  /** What an error says of a value that is out of range. @defaultValue derived from the kind */
  readonly problem?: string;
  /** Whether the value may not stand in an error message. */
  readonly isSecret?: boolean;
  /** The type in TypeScript. @defaultValue derived from the kind */
  readonly type?: string;
  /** The version since which the option is deprecated, and what replaces it. */
  readonly deprecated?: string;
};

/** The options of one tag. */
export class OptionTable {
  readonly tag: string;
  readonly rows: readonly OptionRow[];
  readonly #byName: ReadonlyMap<string, OptionRow>;
  readonly #byKey: ReadonlyMap<string, OptionRow>;
  readonly #hasSecrets: boolean;

  constructor(tag: string, rows: readonly OptionRow[]) {
    this.tag = tag;
    this.rows = rows;
    this.#byName = new Map(rows.map((row) => [row.name, row]));
    this.#byKey = new Map(rows.map((row) => [keyOf(row), row]));
    this.#hasSecrets = rows.some(({ isSecret }) => isSecret === true);
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  get keys(): readonly string[] {
    return [...this.#byKey.keys()];
  }

  /** Returns the row of a key. @throws RangeError for a key that is not in this table */
  row(key: string): OptionRow {
    const row = this.#byKey.get(key);
    if (row === undefined) throw new RangeError(`<${this.tag}> has no key ${key}`);
    return row;
  }

  /** Returns what an error says of a key that is not in this table. `others` are the caller's own keys. */
  unknownKey(key: string, others: readonly string[] = []): string {
    const known = [...this.keys, ...others];
    return `is not known${suggestion(key, known) || `: use one of ${known.join(', ')}`}`;
  }

  /** Reads the value of a key as an operator writes it. @throws ConfigError at `place` */
  readKey(key: string, text: string, place: ConfigErrorPlace): unknown {
    const row = this.row(key);
    const value = parse(row, text, place);
    const problem = problemOf(row, value, text);
    if (problem !== null) throw new ConfigError(place, problem);
    return value;
  }

  /** Returns the place of an option, for an error about it. */
  place(name: string, value?: unknown): ConfigErrorPlace {
    const row = this.#byName.get(name);
    return { tag: this.tag, key: row === undefined ? name : keyOf(row), ...(value === undefined ? {} : { value }) };
  }

  /** Returns the defaults of all options that have one. */
  defaults(): Record<string, unknown> {
    return Object.fromEntries(this.rows.flatMap(({ name, byDefault }) => (byDefault === undefined ? [] : [[name, byDefault]])));
  }

  /**
   * Checks the value of one option that is given as data.
   *
   * @param others the names of options that are not in this table, for suggestions
   * @returns whether it is right
   */
  check(name: string, value: unknown, errors: ErrorList, others: readonly string[] = []): boolean {
    const row = this.#byName.get(name);
    const problem = row === undefined ? `is not an option${suggestion(name, [...this.names, ...others])}` : problemOf(row, value);
    if (problem !== null) errors.add(this.place(name, row === undefined || row.isSecret ? undefined : value), problem);
    return problem === null;
  }

  /** Reads the keys of a tag. Those that are wrong are left out; `skipped` keys are the caller's. */
  read(tag: ConfigTag, errors: ErrorList, skipped: readonly string[] = []): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const [key, text] of tag.entries) {
      if (skipped.includes(key)) continue;
      const row = this.#byKey.get(key);
      // A key with a typing error may hold a password.
      const isShown = row === undefined ? !this.#hasSecrets : row.isSecret !== true;
      const place = { tag: this.tag, key, line: tag.line, file: tag.file, ...(isShown ? { value: text } : {}) };
      if (row === undefined) {
        errors.add(place, this.unknownKey(key, skipped));
        continue;
      }
      const value = errors.attempt(() => this.readKey(key, text, place));
      if (value !== undefined) values[row.name] = value;
    }
    return values;
  }

  /** Returns the table as Markdown. */
  markdown(): string {
    const lines = this.cells().map(
      ({ key, name, kind, byDefault, sentence }) => `| \`${key}\` | \`${name}\` | ${kind} | ${byDefault} | ${sentence} |`,
    );
    return ['| tag key | option | type | default | meaning |', '| --- | --- | --- | --- | --- |', ...lines].join('\n');
  }

  /** Returns what the documentation says of each option, in Markdown. */
  cells(): { key: string; name: string; kind: string; byDefault: string; sentence: string }[] {
    return this.rows.map((row) => ({
      key: keyOf(row),
      name: row.name,
      kind: describeKind(row),
      byDefault: describeDefault(row),
      sentence: row.sentence,
    }));
  }
}

function keyOf({ key, name }: OptionRow): string {
  return key ?? name.toLowerCase();
}

/** Reads a value as an operator writes it. @throws ConfigError */
function parse(row: OptionRow, text: string, place: ConfigErrorPlace): unknown {
  switch (row.kind) {
    case 'boolean':
      return parseBoolean(text, place);
    case 'duration':
      return parseDuration(text, place);
    case 'size':
      return parseSize(text, place);
    case 'integer':
      return /^\d+$/.test(text) ? Number(text) : Number.NaN;
    case 'number':
      return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    case 'choice':
      return text.toLowerCase();
    case 'text':
      return row.anyCase === true ? text.toLowerCase() : text;
    case 'list':
      return text.split(/\s+/).filter((item) => item !== '');
  }
}

/** Returns what is wrong with a value; `null`: nothing. `text` is the value as an operator has written it. */
function problemOf(row: OptionRow, value: unknown, text?: string): string | null {
  switch (row.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? null : 'must be true or false';
    case 'duration':
      if (isWithin(row, value)) return null;
      if (text === undefined) return `must be a whole number from ${row.least} to ${row.most}`;
      return row.problem ?? `must be from ${formatDuration(row.least)} to ${formatDuration(row.most)}`;
    case 'size':
    case 'integer':
      if (isWithin(row, value)) return null;
      return (
        row.problem ??
        `must be a whole number${row.most === undefined ? `, ${row.least} or more` : ` from ${row.least} to ${row.most}`}`
      );
    case 'number':
      if (typeof value === 'number' && Number.isFinite(value) && value > row.above) return null;
      return row.problem ?? `must be a number above ${row.above}`;
    case 'choice':
      return row.choices.includes(value as string) ? null : `must be one of ${row.choices.join(', ')}`;
    case 'text':
      return typeof value === 'string' ? (row.check?.(value) ?? null) : 'must be a text';
    case 'list':
      return Array.isArray(value) ? null : 'must be a list of patterns';
  }
}

function isWithin({ least, most = Infinity }: { readonly least: number; readonly most?: number }, value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function describeKind(row: OptionRow): string {
  switch (row.kind) {
    case 'duration':
      return 'milliseconds; tag: duration';
    case 'size':
      return 'bytes';
    case 'integer':
    case 'number':
      return 'number';
    case 'choice':
      return row.choices.map((choice) => `\`${choice}\``).join(' ');
    case 'text':
      return row.describedAs ?? 'text';
    default:
      return row.kind;
  }
}

function describeDefault({ kind, byDefault, defaultText }: OptionRow): string {
  if (defaultText !== undefined) return defaultText;
  if (byDefault === undefined || (Array.isArray(byDefault) && byDefault.length === 0)) return 'none';
  if (typeof byDefault === 'boolean') return byDefault ? 'yes' : 'no';
  if (typeof byDefault === 'number') return kind === 'duration' ? formatDuration(byDefault) : byDefault.toLocaleString('en');
  return `\`${String(byDefault)}\``;
}
