/** Shorthands for the page's elements. */

/** Finds an element that `index.html` has. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Makes an element with a class and, as text or nodes, what is in it. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className: string,
  ...content: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.append(...content);
  return made;
}

/** Copies an element and everything in it. */
export function clone<T extends HTMLElement>(original: T): T {
  return original.cloneNode(true) as T;
}

/** Sets a text where it differs: an unchanged text node is left alone, and so is who reads it. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
