/** Masks as operators write them in bans: `*!*@203.0.113.*`. */
import { fold } from './casemap.ts';

/**
 * Returns whether a text matches a mask of `*` and `?`, without regard to case. It takes linear time: each `*` goes back only to
 * itself.
 */
export function matchesMask(mask: string, text: string): boolean {
  const [m, t] = [fold(mask), fold(text)];
  let [i, j, star, mark] = [0, 0, -1, 0];
  while (j < t.length) {
    if (i < m.length && m[i] === '*') {
      star = i++;
      mark = j;
    } else if (i < m.length && (m[i] === '?' || m[i] === t[j])) {
      i++;
      j++;
    } else if (star >= 0) {
      i = star + 1;
      j = ++mark;
    } else {
      return false;
    }
  }
  while (m[i] === '*') i++;
  return i === m.length;
}

/** Completes what people type to a whole mask: `spammer` is `spammer!*@*`, `*@host` is `*!*@host`. */
export function completeMask(text: string): string {
  if (text.includes('!')) return text.includes('@') ? text : `${text}@*`;
  return text.includes('@') ? `*!${text}` : `${text}!*@*`;
}
