/**
 * Texts of a request that are kept for as long as the client is there.
 *
 * In: header fields. Out: the same text, shared with other clients where many send it, and never longer than a limit. It does not
 * know what the texts mean.
 *
 * A header field may have up to 16 KiB. Ten thousand clients that send as much as they may would hold 140 MB, so what is kept is
 * bounded.
 */

/** How many texts are shared, and how long one may be: 256 KiB at most, whatever is sent. */
const MAX_TEXTS = 1_024;
const MAX_TEXT_SIZE = 256;

const texts = new Map<string, string>();

/**
 * Returns the one string that stands for `text`: an origin, a host, a browser's name. It saves 200 bytes for most web clients.
 */
export function intern(text: string): string {
  const known = texts.get(text);
  if (known !== undefined || text.length > MAX_TEXT_SIZE) return known ?? text;
  // A client that always sends new texts must not fill the memory.
  if (texts.size >= MAX_TEXTS) texts.clear();
  texts.set(text, text);
  return text;
}

/** Returns the beginning of a text, and of short ones the one string that stands for them. */
export function cut(text: string, size: number): string {
  return text.length <= size ? intern(text) : copy(text.slice(0, size));
}

/**
 * Returns the pairs of a `Cookie` header field that fit into `size` characters. A pair that does not fit is left out as a whole;
 * smaller ones behind it count.
 */
export function cutCookie(cookie: string, size: number): string {
  if (cookie.length <= size) return cookie;
  let kept = '';
  for (const pair of cookie.split(';')) {
    const separator = kept === '' ? '' : ';';
    if (kept.length + separator.length + pair.length <= size) kept += separator + pair;
  }
  return copy(kept);
}

/** V8 keeps the whole text in memory behind a slice of it. */
function copy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
