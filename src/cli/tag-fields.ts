/**
 * The values of one tag, read one by one.
 *
 * In: a tag, and the keys that it may have. Out: values of a kind, or a `ConfigError` that names tag, key, value and line. It does not know what they mean.
 *
 * Law of this file: the value of a key that is not known is not shown. It may be a password behind a typing error.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseBoolean, parseDuration, suggestion } from '../config/config.ts';
import type { ConfigTag } from '../config/tags.ts';
import { ConfigError } from '../errors.ts';

/** Reads the values of a tag. */
export class TagFields {
  readonly #tag: ConfigTag;

  /** @throws ConfigError for a key that is not among `keys` */
  constructor(tag: ConfigTag, keys: readonly string[]) {
    this.#tag = tag;
    for (const key of tag.entries.keys()) {
      if (!keys.includes(key)) throw this.error(key, `is not known${suggestion(key, keys) || `: have ${keys.join(', ')}`}`);
    }
  }

  get line(): number {
    return this.#tag.line;
  }

  has(key: string): boolean {
    return this.#tag.entries.has(key);
  }

  /** Makes an error about a key; `value` is shown where it is given. */
  error(key: string | undefined, problem: string, value?: string): ConfigError {
    return new ConfigError({ tag: this.#tag.name, key, value, line: this.#tag.line }, problem);
  }

  /** Gives a text; `undefined` where the key is absent. */
  text(key: string): string | undefined {
    const value = this.#tag.entries.get(key);
    if (value === '') throw this.error(key, 'is empty');
    return value;
  }

  required(key: string): string {
    const value = this.text(key);
    if (value === undefined) throw this.error(key, 'is missing');
    return value;
  }

  /** Gives the words of a text that is separated by blanks. */
  words(key: string): string[] {
    return (
      this.text(key)
        ?.split(/\s+/)
        .filter((word) => word !== '') ?? []
    );
  }

  /** @param least `0` where any port will do */
  port(key: string, least: 0 | 1): number {
    const text = this.required(key);
    const port = Number(text);
    if (!/^\d{1,5}$/.test(text) || port < least || port > 65_535) {
      throw this.error(key, `must be a port, ${least} to 65535`, text);
    }
    return port;
  }

  /** Gives a number that `isRight`; `undefined` where the key is absent. */
  number(key: string, isRight: (value: number) => boolean, problem: string): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!isRight(value)) throw this.error(key, problem, text);
    return value;
  }

  yesNo(key: string, byDefault: boolean): boolean {
    const value = this.#tag.entries.get(key);
    return value === undefined ? byDefault : parseBoolean(value, this.#place(key, value));
  }

  /** Gives milliseconds from 1 on; `undefined` where the key is absent. */
  duration(key: string): number | undefined {
    const value = this.#tag.entries.get(key);
    if (value === undefined) return undefined;
    const milliseconds = parseDuration(value, this.#place(key, value));
    // Timers end at 2^31 - 1 milliseconds.
    if (milliseconds < 1 || milliseconds > 2 ** 31 - 1) throw this.error(key, 'must be from 0.001 seconds to 24 days', value);
    return milliseconds;
  }

  /** Reads the file whose path is given, relative to `folder`; `undefined` where the key is absent. */
  file(key: string, folder: string): string | undefined {
    const path = this.text(key);
    if (path === undefined) return undefined;
    try {
      return readFileSync(resolve(folder, path), 'utf8');
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      throw new ConfigError(this.#place(key, path), `cannot be read: ${code}`, { cause: error });
    }
  }

  #place(key: string, value: string): { tag: string; key: string; value: string; line: number } {
    return { tag: this.#tag.name, key, value, line: this.#tag.line };
  }
}
