/**
 * What is wrong with a configuration, all of it.
 *
 * In: errors, one after the other. Out: one error that tells them all. It does not know what they are about.
 */
import { ConfigError } from '../errors.ts';

/** Thrown for a configuration with several mistakes; each line of the message is one of them. */
export class ConfigErrors extends Error {
  readonly errors: readonly ConfigError[];

  constructor(errors: readonly ConfigError[]) {
    super(errors.map(({ message }) => message).join('\n'));
    this.name = 'ConfigErrors';
    this.errors = errors;
  }
}

/** Gathers mistakes. */
export class Problems {
  readonly #errors: ConfigError[] = [];

  add(error: ConfigError): void {
    // One mistake may be found by two checks.
    if (!this.#errors.some(({ message }) => message === error.message)) this.#errors.push(error);
  }

  /** Returns what `read` returns, or `fallback` where it throws a `ConfigError`, which is then remembered. */
  attempt<T>(read: () => T, fallback: T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigErrors || error instanceof ConfigError)) throw error;
      for (const one of error.errors) this.add(one);
      return fallback;
    }
  }

  get areNone(): boolean {
    return this.#errors.length === 0;
  }

  /** @throws ConfigError for one mistake, ConfigErrors for several, by their lines */
  throwIfAny(): void {
    const [first, ...more] = this.#errors;
    if (first === undefined) return;
    throw more.length === 0 ? first : new ConfigErrors(this.#errors);
  }
}
