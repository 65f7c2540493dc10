/**
 * The links in a text: web pages, IRC addresses, channels.
 *
 * In: plain text. Out: the same text in parts, some of which lead somewhere. It makes no elements.
 */

export type LinkKind = 'web' | 'irc' | 'channel';

export interface Part {
  readonly text: string;
  readonly link: { readonly kind: LinkKind; readonly href: string } | null;
}

/** A link does not begin within a word. */
const LINK =
  /(?<![\p{L}\p{N}_])(?:https?:\/\/|ircs?:\/\/|www\.(?=[^\s.]+\.))[^\s<>"]+|(?<![\p{L}\p{N}_/&#:.=])#[\p{L}\p{N}_#][^\s,:"'<>()[\]{}!?;]*/giu;

/** A fast first check: most lines have no link. */
const MAY_HAVE_LINK = /:\/\/|www\.|#/i;

export function findLinks(text: string): Part[] {
  if (!MAY_HAVE_LINK.test(text)) return [{ text, link: null }];
  const parts: Part[] = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const target = withoutPunctuation(found);
    const link = readLink(target);
    if (link === null) continue;
    if (index > at) parts.push({ text: text.slice(at, index), link: null });
    parts.push({ text: target, link });
    at = index + target.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), link: null });
  return parts;
}

function readLink(text: string): Part['link'] {
  if (text.startsWith('#')) {
    // `#17` is an issue or a place in a list.
    return /^#\d*$/.test(text) ? null : { kind: 'channel', href: `#${encodeURIComponent(text.slice(1))}` };
  }
  const href = /^www\./i.test(text) ? `https://${text}` : text;
  if (!URL.canParse(href)) return null;
  return { kind: /^irc/i.test(text) ? 'irc' : 'web', href };
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
