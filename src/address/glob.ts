/**
 * InspIRCd's globs: `*` is any run of characters, `?` any one, everything else itself; ASCII letters in any case.
 *
 * In: a pattern. Out: a matcher of whole texts. It does not know what the texts are.
 *
 * picomatch compiles what stands between the `*`s. Its own `*` becomes a lazy quantifier, and a pattern of many is exponential in time; here each piece is
 * looked for once, from the left, behind the one before: the first place where a piece fits is as good as any other, since `*` takes whatever is in
 * between. That makes it at most text times pattern.
 */
import picomatch from 'picomatch/posix.js';

/** Matches a whole text. */
export type Glob = (text: string) => boolean;

/** No name of a host or an origin is longer; with the longest text that is matched (1,024) the worst pattern stays well under a millisecond. */
export const MAX_GLOB_SIZE = 300;

/** picomatch's further syntax, switched off, and what the dot and the slash mean to a shell. */
const LITERAL: picomatch.PicomatchOptions = {
  bash: true,
  dot: true,
  nocase: true,
  nobrace: true,
  nobracket: true,
  noext: true,
  noextglob: true,
  noglobstar: true,
  nonegate: true,
  strictSlashes: true,
  literalBrackets: true,
  fastpaths: false,
};

/** Compiles a glob of at most {@link MAX_GLOB_SIZE} characters. */
export function compileGlob(pattern: string): Glob {
  const pieces = pattern.split(/\*+/);
  const first = pieces[0] as string;
  if (pieces.length === 1) {
    const whole = compilePiece(first, 'y');
    return (text) => text.length === first.length && matchesAt(whole, text, 0);
  }
  const last = pieces.at(-1) as string;
  const head = compilePiece(first, 'y');
  const tail = compilePiece(last, 'y');
  const middle = pieces.slice(1, -1).map((piece) => ({ size: piece.length, regex: compilePiece(piece, 'g') }));
  return (text) => {
    const tailStart = text.length - last.length;
    if (tailStart < first.length || !matchesAt(head, text, 0) || !matchesAt(tail, text, tailStart)) return false;
    let at = first.length;
    for (const { size, regex } of middle) {
      regex.lastIndex = at;
      const found = regex.exec(text);
      if (found === null) return false;
      at = found.index + size;
      if (at > tailStart) return false;
    }
    return true;
  };
}

/** Compiles a piece without `*`; what it matches is as long as it is. */
function compilePiece(piece: string, flag: 'y' | 'g'): RegExp {
  // picomatch 4.0 never comes back from a run of backslashes at the end: it does not get to see any.
  return new RegExp(piece.split('\\').map(compileWithoutBackslash).join('\\\\'), `i${flag}`);
}

function compileWithoutBackslash(piece: string): string {
  if (piece === '') return '';
  const { output } = picomatch.parse(piece.replace(/[^\w?]/g, '\\$&'), LITERAL) as unknown as { output: string };
  // A shell's `?` stops at a slash, InspIRCd's does not.
  return output.replaceAll('[^/]', '[^]');
}

function matchesAt(regex: RegExp, text: string, at: number): boolean {
  regex.lastIndex = at;
  return regex.test(text);
}
