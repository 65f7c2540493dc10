/**
 * What is wrong with a configuration, all of it.
 *
 * In: errors, one after the other. Out: one `ConfigError` that tells them all. It does not know what they are about.
 */
import { ConfigError } from '../errors.ts';

/** Gathers mistakes, each once: two checks may find the same one. */
export class Problems {
  readonly #errors = new Map<string, ConfigError>();

  add(error: ConfigError): void {
    for (const one of error.errors) if (!this.#errors.has(one.message)) this.#errors.set(one.message, one);
  }

  /** Returns what `read` returns, or `fallback` where it throws a `ConfigError`, which is then remembered. */
  attempt<T>(read: () => T, fallback: T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.add(error);
      return fallback;
    }
  }

  get areNone(): boolean {
    return this.#errors.size === 0;
  }

  /** @throws ConfigError the one mistake, or one error whose `errors` are all of them */
  throwIfAny(): void {
    const [first, ...more] = this.#errors.values();
    if (first === undefined) return;
    if (more.length === 0) throw first;
    throw new ConfigError(first, first.problem, { errors: [first, ...more] });
  }
}
