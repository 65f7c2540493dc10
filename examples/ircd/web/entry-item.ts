/** One entry of the log as a list item: when, who, what. */

import type { Entry } from './conversation.ts';
import { clone, make } from './dom.ts';
import { formatText, formatTime } from './format.ts';
import { nickClass } from './nick-colour.ts';

/** Lines of one person within this time stand together, under one name. Milliseconds. */
const TOGETHER = 5 * 60_000;

/** Copied for each entry: faster than three elements made one by one. */
const template = make('li', '', make('span', 'from'), ' ', make('time', ''), ' ', make('span', 'text'));

/** @param before the entry above: two messages of one person stand together */
export function entryItem(entry: Entry, before: Entry | undefined): HTMLLIElement {
  const item = clone(template);
  const [from, time, text] = item.children as unknown as [HTMLElement, HTMLTimeElement, HTMLElement];
  item.className = classOf(entry, before);
  time.dateTime = entry.at.toISOString();
  time.textContent = formatTime(entry.at);
  if (entry.from !== '') {
    from.textContent = entry.from;
    from.className = `from ${nickClass(entry.from)}`;
  }
  if (entry.kind === 'block') text.replaceWith(block(entry));
  else if (entry.kind === 'presence' && entry.changes.length > 1) text.append(folded(entry));
  else text.append(...formatText(entry.text));
  return item;
}

function classOf({ kind, from, at, isMention }: Entry, before: Entry | undefined): string {
  const isTogether =
    kind === 'message' && before?.kind === 'message' && before.from === from && at.getTime() - before.at.getTime() < TOGETHER;
  return `is-${kind}${isMention ? ' is-mention' : ''}${isTogether ? ' is-together' : ''}`;
}

function block({ text, rows }: Entry): HTMLElement {
  const list = make('dl', '');
  for (const [label, value] of rows) list.append(make('div', '', make('dt', '', label), make('dd', '', ...formatText(value))));
  return make('div', 'text block', make('strong', '', text), list);
}

/** The entry of each folded element; each join or part makes a new entry. */
const foldedEntries = new WeakMap<HTMLElement, Entry>();

/** Changes the item of an entry that has grown. */
export function updateFolded(item: HTMLElement, entry: Entry): void {
  const details = item.querySelector('details');
  if (details === null) {
    item.querySelector('.text')?.replaceChildren(folded(entry));
    return;
  }
  foldedEntries.set(details, entry);
  details.querySelector('summary')?.replaceChildren(entry.text);
  if (details.open) unfold(details);
}

/** Joins and parts: one line, which opens to the whole list. */
function folded(entry: Entry): HTMLElement {
  const details = make('details', '', make('summary', '', entry.text));
  foldedEntries.set(details, entry);
  details.addEventListener('toggle', () => unfold(details));
  return details;
}

function unfold(details: HTMLDetailsElement): void {
  const list = details.querySelector('ul') ?? details.appendChild(make('ul', ''));
  const changes = foldedEntries.get(details)?.changes.slice(list.childElementCount) ?? [];
  list.append(...changes.map(({ at, text }) => make('li', '', `${formatTime(at)} ${text}`)));
}
