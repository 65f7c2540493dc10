/** What Tab makes of the beginning of a word: a name, a channel, a command. */
import { foldName } from './casemap.ts';

export interface Completable {
  readonly nicks: readonly string[];
  readonly channels: readonly string[];
  readonly commands: readonly string[];
}

/**
 * Returns the completions of a word, in alphabetical order.
 *
 * @param isFirst whether it begins the line: a name is then an address, `grace: `, and a slash begins a command
 */
export function completions(word: string, isFirst: boolean, { nicks, channels, commands }: Completable): string[] {
  if (word === '') return [];
  if (isFirst && word.startsWith('/'))
    return matching(
      commands.map((name) => `/${name}`),
      word,
    ).map((found) => `${found} `);
  if (word.startsWith('#')) return matching(channels, word).map((found) => `${found} `);
  return matching(nicks, word).map((found) => `${found}${isFirst ? ': ' : ' '}`);
}

function matching(all: readonly string[], beginning: string): string[] {
  return all.filter((name) => foldName(name).startsWith(foldName(beginning))).sort((a, b) => a.localeCompare(b));
}
