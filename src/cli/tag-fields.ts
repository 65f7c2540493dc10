/**
 * The values of one tag, read one by one.
 *
 * In: a tag, and the keys that it may have. Out: values of a kind. A value that cannot be read is remembered as a mistake, with tag, key, value and line, and then
 * counts as absent: all mistakes of a configuration are told at once. It does not know what the values mean.
 *
 * Law of this file: the value of a key that is not known is not shown. It may be a password behind a typing error.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseBoolean, parseDuration, suggestion } from '../config/config.ts';
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
  readonly #problems: Problems;

  constructor(tag: PlacedTag, keys: readonly string[], problems: Problems) {
    this.#tag = tag;
    this.#problems = problems;
    for (const key of tag.entries.keys()) {
      if (!keys.includes(key)) this.fault(key, `is not known${suggestion(key, keys) || `: have ${keys.join(', ')}`}`);
    }
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
    const value = this.#tag.entries.get(key);
    if (value !== '') return value;
    this.fault(key, 'is empty');
    return undefined;
  }

  /** Returns a text that must be there. */
  required(key: string): string | undefined {
    if (!this.has(key)) this.fault(key, 'is missing');
    return this.text(key);
  }

  /** Returns the words of a text that is separated by blanks. */
  words(key: string): string[] {
    return (
      this.text(key)
        ?.split(/\s+/)
        .filter((word) => word !== '') ?? []
    );
  }

  /** @param least `0` where any port will do */
  port(key: string, least: 0 | 1): number | undefined {
    const text = this.required(key);
    if (text === undefined) return undefined;
    const port = Number(text);
    if (/^\d{1,5}$/.test(text) && port >= least && port <= 65_535) return port;
    this.fault(key, `must be a port, ${least} to 65535`, text);
    return undefined;
  }

  /** Returns a number that `isRight`; `undefined` where the key is absent. */
  number(key: string, isRight: (value: number) => boolean, problem: string): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (isRight(value)) return value;
    this.fault(key, problem, text);
    return undefined;
  }

  /** Returns one of several words, in lower case; `undefined` where the key is absent. */
  choice<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text.toLowerCase());
    if (found === undefined) this.fault(key, `must be one of ${choices.join(', ')}`, text);
    return found;
  }

  yesNo(key: string, byDefault: boolean): boolean {
    const value = this.#tag.entries.get(key);
    if (value === undefined) return byDefault;
    return this.#attempt(() => parseBoolean(value, this.#valuePlace(key, value)), byDefault);
  }

  /** Returns milliseconds from 1 on; `undefined` where the key is absent. */
  duration(key: string): number | undefined {
    const value = this.#tag.entries.get(key);
    if (value === undefined) return undefined;
    const milliseconds = this.#attempt(() => parseDuration(value, this.#valuePlace(key, value)), undefined);
    // Timers end at 2^31 - 1 milliseconds.
    if (milliseconds === undefined || (milliseconds >= 1 && milliseconds <= 2 ** 31 - 1)) return milliseconds;
    this.fault(key, 'must be from 0.001 seconds to 24 days', value);
    return undefined;
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

  #attempt<T>(read: () => T, fallback: T): T {
    return this.#problems.attempt(read, fallback);
  }

  #place(key: string | undefined): ConfigErrorPlace {
    return { tag: this.#tag.name, key, line: this.#tag.line, file: this.#tag.file ?? undefined };
  }

  #valuePlace(key: string, value: string): ConfigErrorPlace & { key: string; value: string } {
    return { ...this.#place(key), key, value };
  }
}
