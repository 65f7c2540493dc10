/**
 * The values of one tag, read one by one.
 *
 * In: a tag, and the table of its keys. Out: values of a kind. A value that cannot be read is remembered as a mistake, with tag,
 * key, value and line, and then counts as absent: all mistakes of a configuration are told at once. It does not know what the
 * values mean; what is right is in the table.
 *
 * Law of this file: the value of a key that is not known is not shown. It may be a password behind a typing error.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { OptionTable } from '../config/config.ts';
import type { ConfigTag } from '../config/tags.ts';
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';
import type { Problems } from './problems.ts';

/** A tag, and the folder that its paths are relative to. */
export interface PlacedTag extends Omit<ConfigTag, 'file'> {
  readonly folder: string;
  /** The file, where it is not the configuration itself. */
  readonly file: string | null;
}

/** Reads the values of a tag. */
export class TagFields {
  readonly #tag: PlacedTag;
  readonly #options: OptionTable;
  readonly #problems: Problems;

  constructor(tag: PlacedTag, options: OptionTable, problems: Problems) {
    this.#tag = tag;
    this.#options = options;
    this.#problems = problems;
    for (const key of tag.entries.keys()) if (!options.keys.includes(key)) this.fault(key, options.unknownKey(key));
  }

  get line(): number {
    return this.#tag.line;
  }

  /** Where the tag stands, for a sentence: `line 7`, `line 7 of limits.conf`. */
  get where(): string {
    return `line ${this.#tag.line}${this.#tag.file === null ? '' : ` of ${this.#tag.file}`}`;
  }

  get folder(): string {
    return this.#tag.folder;
  }

  has(key: string): boolean {
    return this.#tag.entries.has(key);
  }

  /** Remembers a mistake; `value` is shown where it is given. */
  fault(key: string | undefined, problem: string, value?: string): void {
    this.#problems.add(new ConfigError({ ...this.#place(key), value }, problem));
  }

  /** Returns a text; `undefined` where the key is absent. */
  text(key: string): string | undefined {
    return this.#filled(key) as string | undefined;
  }

  /** Returns a text that must be there. */
  required(key: string): string | undefined {
    if (!this.has(key)) this.fault(key, 'is missing');
    return this.text(key);
  }

  /** Returns the words of a text that is separated by blanks. */
  words(key: string): readonly string[] {
    return (this.#filled(key) as readonly string[] | undefined) ?? [];
  }

  /** Returns a number; `undefined` where the key is absent. */
  number(key: string): number | undefined {
    return this.#filled(key) as number | undefined;
  }

  /** Returns a port that must be there. */
  port(key: string): number | undefined {
    if (!this.has(key)) this.fault(key, 'is missing');
    return this.number(key);
  }

  yesNo(key: string): boolean {
    return (this.#value(key) ?? this.#options.row(key).byDefault) as boolean;
  }

  /** Returns milliseconds; `undefined` where the key is absent. */
  duration(key: string): number | undefined {
    return this.#value(key) as number | undefined;
  }

  /** Reads the file whose path is given, relative to the configuration; `undefined` where the key is absent. */
  file(key: string): string | undefined {
    const path = this.text(key);
    if (path === undefined) return undefined;
    try {
      return readFileSync(resolve(this.#tag.folder, path), 'utf8');
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      this.fault(key, `cannot be read: ${code}`, path);
      return undefined;
    }
  }

  /** Returns what a file says that is given for `key`; it has to be right for `key`. */
  fileFor(key: string, fileKey: string): string | undefined {
    const content = this.file(fileKey)?.trim();
    if (content === undefined) return undefined;
    return this.#problems.attempt(() => this.#options.readKey(key, content, this.#place(fileKey)) as string, undefined);
  }

  /** Reads a value by its row; an empty one is a mistake. */
  #filled(key: string): unknown {
    if (this.#tag.entries.get(key) !== '') return this.#value(key);
    this.fault(key, 'is empty');
    return undefined;
  }

  #value(key: string): unknown {
    const value = this.#tag.entries.get(key);
    if (value === undefined) return undefined;
    const isShown = this.#options.row(key).isSecret !== true;
    const place = { ...this.#place(key), ...(isShown ? { value } : {}) };
    return this.#problems.attempt(() => this.#options.readKey(key, value, place), undefined);
  }

  #place(key: string | undefined): ConfigErrorPlace {
    return { tag: this.#tag.name, key, line: this.#tag.line, file: this.#tag.file ?? undefined };
  }
}
