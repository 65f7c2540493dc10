/**
 * The members of a channel, with their prefixes.
 *
 * Each change raises the version: a drawing compares one number instead of two hundred names.
 */

/** The prefixes that a member may have, strongest first, in words. */
export const RANKS: readonly { readonly prefix: string; readonly name: string }[] = [
  { prefix: '~', name: 'founder' },
  { prefix: '&', name: 'administrator' },
  { prefix: '@', name: 'channel operator' },
  { prefix: '%', name: 'half operator' },
  { prefix: '+', name: 'voiced' },
];

export interface Member {
  readonly nick: string;
  readonly prefixes: string;
}

export class Members {
  readonly #prefixes = new Map<string, string>();
  #listed: Map<string, string> | null = null;
  #version = 0;

  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#prefixes.size;
  }

  has(nick: string): boolean {
    return this.#prefixes.has(nick);
  }

  set(nick: string, prefixes: string): void {
    this.#prefixes.set(nick, prefixes);
    this.#version++;
  }

  delete(nick: string): void {
    if (this.#prefixes.delete(nick)) this.#version++;
  }

  clear(): void {
    this.#prefixes.clear();
    this.#listed = null;
    this.#version++;
  }

  rename(from: string, to: string): void {
    const prefixes = this.#prefixes.get(from);
    if (prefixes === undefined) return;
    this.#prefixes.delete(from);
    this.set(to, prefixes);
  }

  /** Takes a word of NAMES, such as `@grace`; all of them count when the list ends. */
  list(word: string): void {
    const [, prefixes = '', nick = ''] = /^([~&@%+]*)(.*)$/.exec(word) ?? [];
    this.#listed ??= new Map();
    if (nick !== '') this.#listed.set(nick, prefixes);
  }

  /** NAMES has ended: what it listed replaces what was known. */
  endList(): void {
    if (this.#listed === null) return;
    this.#prefixes.clear();
    for (const [nick, prefixes] of this.#listed) this.set(nick, prefixes);
    this.#listed = null;
  }

  nicks(): string[] {
    return [...this.#prefixes.keys()];
  }

  /** Returns the members by rank, then by name. */
  sorted(): Member[] {
    return [...this.#prefixes]
      .map(([nick, prefixes]) => ({ nick, prefixes, rank: rankOf(prefixes), folded: nick.toLowerCase() }))
      .sort((a, b) => a.rank - b.rank || (a.folded < b.folded ? -1 : 1));
  }
}

/** Returns the index of the strongest prefix in {@link RANKS}, or its length for a member without one. */
export function rankOf(prefixes: string): number {
  const rank = RANKS.findIndex(({ prefix }) => prefixes.includes(prefix));
  return rank < 0 ? RANKS.length : rank;
}
