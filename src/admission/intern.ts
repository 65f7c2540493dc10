/**
 * One string for equal texts of many clients.
 *
 * In: header fields that thousands of clients share: a page's origin, the host, a browser's name. Out: an equal string, the same one again and again. It does not
 * know what they mean.
 */

/** Texts that are remembered, and how long one may be: 256 KiB at most, whatever is sent. */
const MAX_TEXTS = 1_024;
const MAX_TEXT_SIZE = 256;

const texts = new Map<string, string>();

/** Gives the string that stands for `text`; 200 bytes less for most web clients. */
export function intern(text: string): string {
  const known = texts.get(text);
  if (known !== undefined || text.length > MAX_TEXT_SIZE) return known ?? text;
  // Nobody's texts are kept for long, where somebody sends ever new ones.
  if (texts.size >= MAX_TEXTS) texts.clear();
  texts.set(text, text);
  return text;
}
