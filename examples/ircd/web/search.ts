/**
 * Search in a conversation: a bar, the number of lines found, and a way from one to the next.
 *
 * In: words. Out: the line that was found, marked and in sight. The search looks at texts and nicknames, without regard to case.
 * The browser's own search works as well: every line is in the document.
 */
import type { Conversation, Entry } from './conversation.ts';
import { element, setText } from './dom.ts';
import { plainText } from './mirc.ts';

/** The search begins with the newest line. */
export class Search {
  readonly #bar = element('search');
  readonly #field = element<HTMLInputElement>('search-text');
  readonly #current: () => Conversation;
  readonly #reveal: (conversation: Conversation, number: number) => HTMLElement | undefined;
  /** Numbers of entries, newest first. */
  #found: number[] = [];
  #index = 0;
  #marked: HTMLElement | undefined;

  constructor(current: () => Conversation, reveal: (conversation: Conversation, number: number) => HTMLElement | undefined) {
    this.#current = current;
    this.#reveal = reveal;
    element('show-search').addEventListener('click', () => (this.isOpen ? this.close() : this.open()));
    element('search-close').addEventListener('click', () => this.close());
    element('search-older').addEventListener('click', () => this.#step(1));
    element('search-newer').addEventListener('click', () => this.#step(-1));
    this.#field.addEventListener('input', () => this.#search());
    element('search-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#step(1);
    });
    this.#bar.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !event.shiftKey) return;
      event.preventDefault();
      this.#step(-1);
    });
  }

  get isOpen(): boolean {
    return !this.#bar.hidden;
  }

  open(text?: string): void {
    this.#bar.hidden = false;
    element('show-search').ariaExpanded = 'true';
    if (text !== undefined) this.#field.value = text;
    this.#field.focus();
    this.#field.select();
    this.#search();
  }

  close(): void {
    if (!this.isOpen) return;
    this.#bar.hidden = true;
    element('show-search').ariaExpanded = 'false';
    this.#mark(undefined);
    element('line').focus();
  }

  #search(): void {
    const conversation = this.#current();
    const words = this.#field.value.trim().toLowerCase();
    this.#found = [];
    if (words !== '')
      for (let number = conversation.end - 1; number >= conversation.start; number--)
        if (has(conversation.entry(number), words)) this.#found.push(number);
    this.#index = 0;
    this.#showFound();
  }

  #step(by: 1 | -1): void {
    const { length } = this.#found;
    if (length === 0) return;
    this.#index = (this.#index + by + length) % length;
    this.#showFound();
  }

  #showFound(): void {
    const { length } = this.#found;
    const number = this.#found[this.#index];
    const nothing = this.#field.value.trim() === '' ? '' : 'Nothing found';
    setText(element('search-count'), length === 0 ? nothing : `${this.#index + 1} of ${length}`);
    for (const id of ['search-older', 'search-newer']) element<HTMLButtonElement>(id).disabled = length < 2;
    this.#mark(number === undefined ? undefined : this.#reveal(this.#current(), number));
  }

  #mark(item: HTMLElement | undefined): void {
    this.#marked?.classList.remove('is-found');
    this.#marked = item;
    item?.classList.add('is-found');
  }
}

function has(entry: Entry | undefined, words: string): boolean {
  if (entry === undefined) return false;
  const text = `${entry.from} ${plainText(entry.text)} ${entry.rows.flat().join(' ')}`;
  return text.toLowerCase().includes(words);
}
