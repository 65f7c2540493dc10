/**
 * What people said, as nodes: links that can be followed, no colours or control codes.
 *
 * Everything becomes a text node or an attribute that was checked: nothing that a peer sends is ever read as HTML.
 */

/** mIRC's codes: colours with their numbers, hexadecimal colours, bold, italic, and so on. */
const CODES = /\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[\da-f]{6}(?:,[\da-f]{6})?)?|[\x00-\x08\x0b-\x1f\x7f]/gi;

const LINK = /\bhttps?:\/\/[^\s<>"]+[^\s<>".,:;!?'\])}]/gi;

export function formatText(text: string): Node[] {
  const plain = text.replace(CODES, '');
  const nodes: Node[] = [];
  let at = 0;
  for (const { 0: url, index } of plain.matchAll(LINK)) {
    nodes.push(document.createTextNode(plain.slice(at, index)), link(url));
    at = index + url.length;
  }
  nodes.push(document.createTextNode(plain.slice(at)));
  return nodes;
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

/** A hue for a nickname, the same for everybody; lightness is the theme's, so that it can be read on either. */
export function nickHue(nick: string): number {
  let hash = 0;
  for (const c of nick.toLowerCase()) hash = (hash * 31 + (c.codePointAt(0) ?? 0)) % 360;
  return hash;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export function formatTime(at: Date): string {
  return clock.format(at);
}
