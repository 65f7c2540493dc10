/**
 * Joins, parts and new names: many of them in a row become one short line.
 *
 * In: the changes, in their order. Out: one sentence.
 */

export interface Presence {
  readonly does: 'joined' | 'left' | 'renamed';
  readonly nick: string;
  /** The whole sentence, with the reason. */
  readonly text: string;
  readonly at: Date;
}

/** How many people of each kind are named; the others are counted. */
const NAMED = 4;

/** What a person did over the whole row: the first and the last change decide. */
const STORIES: Readonly<Record<string, string>> = {
  'joined joined': 'joined',
  'left left': 'left',
  'joined left': 'came and went',
  'left joined': 'left and came back',
};

export function summarise(changes: readonly Presence[]): string {
  if (changes.length === 1) return changes[0]?.text ?? '';
  const parts: string[] = [];
  const byNick = new Map<string, { first: string; last: string }>();
  for (const { does, nick } of changes) {
    if (does === 'renamed') continue;
    const known = byNick.get(nick);
    if (known === undefined) byNick.set(nick, { first: does, last: does });
    else known.last = does;
  }
  for (const [key, words] of Object.entries(STORIES)) {
    const nicks = [...byNick].filter(([, { first, last }]) => `${first} ${last}` === key).map(([nick]) => nick);
    if (nicks.length > 0) parts.push(`${listNames(nicks)} ${words}`);
  }
  const renames = changes.filter(({ does }) => does === 'renamed');
  if (renames.length > NAMED) parts.push(`${renames.length} new names`);
  else parts.push(...renames.map(({ text }) => text));
  return parts.join('; ');
}

function listNames(nicks: readonly string[]): string {
  const others = nicks.length - NAMED;
  const named = others > 1 ? [...nicks.slice(0, NAMED), `${others} others`] : nicks;
  return named.length < 2 ? named.join('') : `${named.slice(0, -1).join(', ')} and ${named.at(-1)}`;
}
