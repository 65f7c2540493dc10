/**
 * Splits a typed or pasted text into messages.
 *
 * A line of IRC has 512 bytes with its CR LF, and the server cuts what is longer. So text is cut here: between words where it can
 * be, else between characters as people see them (a flag or a family is many code points), never within a code point.
 */

const encoder = new TextEncoder();
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

export function utf8Size(text: string): number {
  return encoder.encode(text).length;
}

/** Splits `text` at its line ends, and each line into parts of at most `room` bytes; blank lines are dropped, nothing else is. */
export function splitText(text: string, room: number): string[] {
  return text
    .split(/\r\n|\r|\n/)
    .filter((line) => line.trim() !== '')
    .flatMap((line) => splitLine(line, room));
}

function splitLine(line: string, room: number): string[] {
  const parts: string[] = [];
  let part = '';
  let partSize = 0;
  for (const piece of pieces(line, room)) {
    const size = utf8Size(piece);
    if (partSize + size > room && part !== '') {
      parts.push(part);
      part = '';
      partSize = 0;
    }
    part += piece;
    partSize += size;
  }
  parts.push(part);
  return parts;
}

/** Yields words with the blanks behind them. A word that does not fit is yielded in smaller pieces. */
function* pieces(line: string, room: number): Generator<string> {
  for (const word of line.split(/(?<= )/)) {
    if (utf8Size(word) <= room) {
      yield word;
      continue;
    }
    for (const { segment } of graphemes.segment(word)) {
      if (utf8Size(segment) <= room) yield segment;
      else yield* segment;
    }
  }
}
