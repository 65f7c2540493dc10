/**
 * Comparison of names: IRC compares nicknames and channel names without case.
 *
 * CASEMAPPING=ascii: only A to Z fold. The older rfc1459 mapping, where `{` is a small `[`, surprises people who never saw a
 * Finnish terminal.
 */

/** Returns the form of a name that is compared. */
export function fold(name: string): string {
  return name.replace(/[A-Z]/g, (c) => c.toLowerCase());
}

/** Returns whether two names are the same. */
export function isSameName(a: string, b: string): boolean {
  return fold(a) === fold(b);
}

/** A map from names to things that ignores case. */
export class NameMap<T> {
  readonly #map = new Map<string, T>();

  get size(): number {
    return this.#map.size;
  }

  get(name: string): T | undefined {
    return this.#map.get(fold(name));
  }

  set(name: string, value: T): void {
    this.#map.set(fold(name), value);
  }

  delete(name: string): void {
    this.#map.delete(fold(name));
  }

  values(): IterableIterator<T> {
    return this.#map.values();
  }
}
