/**
 * A list whose items keep their elements.
 *
 * In: items in their order, each with a key. Out: one element an item, made once, changed where the item changed, moved where the
 * order changed. An element that stays is the same element: it keeps the focus, and a button in it can be pressed while the list
 * changes.
 */

export interface KeyedItems<T> {
  key(item: T): string;
  make(item: T): HTMLElement;
  /** Changes an element from an item as it was to the item as it is. */
  update(element: HTMLElement, item: T, before: T): void;
}

export class KeyedList<T> {
  readonly #list: HTMLElement;
  readonly #items: KeyedItems<T>;
  readonly #drawn = new Map<string, { element: HTMLElement; item: T }>();

  constructor(list: HTMLElement, items: KeyedItems<T>) {
    this.#list = list;
    this.#items = items;
  }

  /** @param fallback gets the focus if the focused element was removed */
  draw(items: readonly T[], fallback: HTMLElement): void {
    const focused = this.#list.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
    const keys = new Set(items.map((item) => this.#items.key(item)));
    for (const [key, { element }] of this.#drawn) {
      if (keys.has(key)) continue;
      element.remove();
      this.#drawn.delete(key);
    }
    let next = this.#list.firstElementChild;
    for (const item of items) {
      const element = this.#draw(item);
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
    // A browser takes the focus from an element that moves.
    if (focused !== null && document.activeElement !== focused) (focused.isConnected ? focused : fallback).focus();
  }

  #draw(item: T): HTMLElement {
    const key = this.#items.key(item);
    const known = this.#drawn.get(key);
    if (known === undefined) {
      const element = this.#items.make(item);
      this.#drawn.set(key, { element, item });
      return element;
    }
    this.#items.update(known.element, item, known.item);
    known.item = item;
    return known.element;
  }
}
