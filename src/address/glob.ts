/**
 * InspIRCd's globs: `*` matches any run of characters, `?` any one character, and everything else itself. ASCII letters match in
 * any case.
 *
 * In: a pattern. Out: a matcher of whole texts. It does not know what the texts are.
 *
 * picomatch compiles the pieces between the `*`s. It would turn `*` into a lazy quantifier, and a pattern with many of them takes
 * exponential time. Here each piece is searched once, from the left, behind the piece before it. The first place where a piece
 * fits is as good as any other, because `*` takes everything in between. So the time is at most the size of the text times that
 * of the pattern.
 */
import picomatch from 'picomatch/posix.js';

/** Matches a whole text. */
export type Glob = (text: string) => boolean;

/**
 * Host names and origins are shorter. With the longest text that is matched (1,024) the worst pattern takes well under a
 * millisecond.
 */
export const MAX_GLOB_SIZE = 300;

/** Switches off picomatch's further syntax, and the meaning that the dot and the slash have in a shell. */
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

/** Compiles a piece without `*`. A text that it matches is as long as the piece. */
function compilePiece(piece: string, flag: 'y' | 'g'): RegExp {
  // picomatch 4.0 never returns for a run of backslashes at the end, so it does not get any backslash.
  return new RegExp(piece.split('\\').map(compileWithoutBackslash).join('\\\\'), `i${flag}`);
}

function compileWithoutBackslash(piece: string): string {
  if (piece === '') return '';
  const { output } = picomatch.parse(piece.replace(/[^\w?]/g, '\\$&'), LITERAL) as unknown as { output: string };
  // In a shell `?` does not match a slash. In InspIRCd it does.
  return output.replaceAll('[^/]', '[^]');
}

function matchesAt(regex: RegExp, text: string, at: number): boolean {
  regex.lastIndex = at;
  return regex.test(text);
}
