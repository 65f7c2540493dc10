/**
 * The entries of one conversation, as elements.
 *
 * In: a conversation. Out: all of its entries in the document, in lists of a hundred that the browser neither lays out nor paints
 * while they are out of sight (`content-visibility`); its own search and screen readers find them all the same. A conversation
 * that is opened shows its newest entries at once; the older ones follow in the time that is left of each frame.
 */
import type { Conversation, Entry } from './conversation.ts';
import { make } from './dom.ts';
import { entryItem, updateFolded } from './entry-item.ts';
import { formatDay } from './format.ts';

const LIST_SIZE = 100;
/** So many entries are drawn at once when a conversation is opened. */
const FIRST_SIZE = 200;
/** With more new entries than this it is quicker to start again with the newest. */
const MAX_GAP = 1_000;

export class LogPane {
  readonly root: HTMLElement = make('div', 'pane');
  readonly #conversation: Conversation;
  readonly #items = new Map<number, HTMLLIElement>();
  /** The numbers of the drawn entries: from the first one, up to but without the end. */
  #first = 0;
  #end = 0;
  #last: Entry | undefined;
  #newMark: HTMLLIElement | undefined;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
    this.#restart();
  }

  /** Whether older entries wait to be drawn. */
  get hasOlder(): boolean {
    return this.#first > this.#conversation.start;
  }

  /**
   * Draws new entries. Returns their number.
   *
   * @param mayRestart whether the pane may start again with the newest entries: the reader is at the end
   */
  drawNew(mayRestart: boolean): number {
    const { end } = this.#conversation;
    if (mayRestart && end - this.#end > MAX_GAP) this.#restart();
    this.#updateLast();
    const added = end - this.#end;
    for (; this.#end < end; this.#end++) {
      let list = this.root.lastElementChild;
      if (!(list instanceof HTMLOListElement) || list.childElementCount >= LIST_SIZE) {
        list = make('ol', 'lines');
        this.root.append(list);
      }
      list.append(...this.#draw(this.#end));
    }
    this.#last = this.#conversation.entry(end - 1);
    this.#forget();
    return added;
  }

  /** Draws older entries until the time is over, newest first. */
  drawOlder(until: number): void {
    while (this.hasOlder && performance.now() < until) {
      const from = Math.max(this.#conversation.start, this.#first - LIST_SIZE);
      const list = make('ol', 'lines');
      for (let number = from; number < this.#first; number++) list.append(...this.#draw(number));
      this.root.firstElementChild?.after(list);
      this.#first = from;
    }
  }

  /** The item of an entry, drawn now where it is not yet. */
  item(number: number): HTMLLIElement | undefined {
    if (number < this.#first) this.drawOlder(Number.POSITIVE_INFINITY);
    return this.#items.get(number);
  }

  #restart(): void {
    this.#items.clear();
    this.root.replaceChildren(intro(this.#conversation));
    this.#first = Math.max(this.#conversation.start, this.#conversation.end - FIRST_SIZE);
    this.#end = this.#first;
    this.#last = undefined;
  }

  #draw(number: number): HTMLLIElement[] {
    const entry = this.#conversation.entry(number);
    if (entry === undefined) return [];
    const before = this.#conversation.entry(number - 1);
    const isNewDay = before !== undefined && before.at.toDateString() !== entry.at.toDateString();
    const isNew = number === this.#conversation.newFrom;
    const item = entryItem(entry, isNewDay || isNew ? undefined : before);
    this.#items.set(number, item);
    const drawn = [item];
    if (isNew) drawn.unshift(this.#markNew());
    if (isNewDay) drawn.unshift(make('li', 'day', formatDay(entry.at)));
    return drawn;
  }

  /** The line above the first unread message; there is one at most. */
  #markNew(): HTMLLIElement {
    this.#newMark?.remove();
    this.#newMark = make('li', 'day is-new', 'New');
    return this.#newMark;
  }

  /** The last entry grows while people come and go. */
  #updateLast(): void {
    const last = this.#conversation.entry(this.#end - 1);
    const item = this.#items.get(this.#end - 1);
    if (last !== undefined && item !== undefined && last !== this.#last) updateFolded(item, last);
  }

  /** Removes the lists whose entries the conversation has dropped. */
  #forget(): void {
    while (this.#first + LIST_SIZE < this.#conversation.start) {
      const list = this.root.querySelector('ol');
      if (list === null) return;
      const size = list.querySelectorAll(':scope > li:not(.day)').length;
      for (let number = this.#first; number < this.#first + size; number++) this.#items.delete(number);
      this.#first += size;
      list.remove();
    }
  }
}

/** Stands at the beginning, so that an empty conversation is not an empty page. */
function intro({ isChannel, isServer, name }: Conversation): HTMLElement {
  if (isServer) return make('div', 'intro', make('strong', '', 'The server'), 'What it has to say to you, and to you alone.');
  const text = isChannel
    ? 'You read what is said from now on. Say hello, or type /help to see what else you can do.'
    : 'A conversation between the two of you.';
  return make('div', 'intro', make('strong', '', name), text);
}
