/**
 * What people said, as nodes: links that can be followed, mIRC's bold and italic, no colours.
 *
 * Everything becomes a text node or an attribute that was checked: nothing that a peer sends is ever read as HTML.
 * The codes: https://modern.ircdocs.horse/formatting
 */

const STYLES: Readonly<Record<string, string>> = {
  '\x02': 'is-bold',
  '\x1d': 'is-italic',
  '\x1f': 'is-underlined',
  '\x1e': 'is-struck',
  '\x11': 'is-monospace',
};
const RESET = '\x0f';

/** One code: colours with their numbers, hexadecimal colours, and every other control character but a line's end. */
const CODE = /(\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[\da-f]{6}(?:,[\da-f]{6})?)?|[\x00-\x08\x0b-\x1f\x7f])/i;

const LINK = /\bhttps?:\/\/[^\s<>"\x00-\x1f]+/gi;

export function formatText(text: string): Node[] {
  const active = new Set<string>();
  return text.split(CODE).flatMap((run, index) => {
    // split() with one group: text, code, text, code, text.
    if (index % 2 === 0) return run === '' ? [] : styled(linked(run), [...active]);
    const style = STYLES[run];
    if (run === RESET) active.clear();
    else if (style !== undefined && !active.delete(style)) active.add(style);
    return [];
  });
}

function styled(nodes: Node[], styles: readonly string[]): Node[] {
  if (styles.length === 0) return nodes;
  const span = document.createElement('span');
  span.className = styles.join(' ');
  span.append(...nodes);
  return [span];
}

function linked(text: string): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const url = withoutPunctuation(found);
    nodes.push(document.createTextNode(text.slice(at, index)), link(url));
    at = index + url.length;
  }
  nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}

/** Leaves a sentence its full stop, and a link its brackets: `(see https://example.org/a_(b))`. */
function withoutPunctuation(url: string): string {
  let end = url.length;
  for (;;) {
    const last = url[end - 1] ?? '';
    const isUnopened = last === ')' && count(url.slice(0, end), ')') > count(url.slice(0, end), '(');
    if (!/[.,:;!?'\]}]/.test(last) && !isUnopened) return url.slice(0, end);
    end--;
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function link(url: string): Node {
  if (!URL.canParse(url)) return document.createTextNode(url);
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.textContent = url;
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer';
  return anchor;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

export function formatTime(at: Date): string {
  return clock.format(at);
}

export function formatDay(at: Date): string {
  return calendar.format(at);
}
