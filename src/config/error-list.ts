/**
 * The errors of a configuration, collected, so that an operator sees all of them at once.
 *
 * In: errors, one after the other. Out: one `ConfigError` that lists them all. It does not know what they are about.
 */
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';

/** Collects errors. */
export class ErrorList {
  readonly #errors: ConfigError[] = [];

  add(place: ConfigErrorPlace, problem: string, options?: ErrorOptions): void {
    this.#errors.push(new ConfigError(place, problem, options));
  }

  /** Returns what `run` returns; `undefined` where it throws a `ConfigError`, which is then collected. */
  attempt<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#errors.push(...error.errors);
      return undefined;
    }
  }

  get isEmpty(): boolean {
    return this.#errors.length === 0;
  }

  /**
   * Throws what was collected, if anything was.
   *
   * @param locate completes an error, e.g. by the line of its tag
   * @throws ConfigError the one that there is, or one that tells all of them
   */
  throwIfAny(locate: (error: ConfigError) => ConfigError = (error) => error): void {
    const [first, ...others] = this.#errors.map(locate);
    if (first === undefined) return;
    if (others.length === 0) throw first;
    throw new ConfigError(first, first.problem, { cause: first.cause, errors: [first, ...others] });
  }
}
