/**
 * Whether a client tries to say WEBIRC itself.
 *
 * In: a line of a client, one character a byte. Out: whether an IRC server could read it as WEBIRC. It does not know what follows
 * from that.
 *
 * WEBIRC is the gateway's to say: the IRC server trusts the gateway's address, so that a client's own WEBIRC would be believed.
 */

const BLANK = 0x20;
const AT = 0x40;
const COLON = 0x3a;
const WORD = 'webirc';

/**
 * Returns whether a line is WEBIRC behind whatever a server skips: blanks, tags and prefixes, any number of them, of any length.
 *
 * InspIRCd reads NUL as a blank; here every control character is one, which finds more lines than any server does.
 */
export function isWebirc(line: string): boolean {
  let at = 0;
  for (;;) {
    while (at < line.length && line.charCodeAt(at) <= BLANK) at++;
    const first = line.charCodeAt(at);
    if (first !== AT && first !== COLON) break;
    while (at < line.length && line.charCodeAt(at) > BLANK) at++;
  }
  if (line.length - at < WORD.length || line.slice(at, at + WORD.length).toLowerCase() !== WORD) return false;
  const next = line.charCodeAt(at + WORD.length);
  return Number.isNaN(next) || next <= BLANK;
}
