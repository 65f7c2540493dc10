/**
 * mIRC's formatting, read: bold, italic, colours and the like.
 *
 * In: text with control characters. Out: runs of plain text, each with its style. https://modern.ircdocs.horse/formatting
 */

export interface Run {
  readonly text: string;
  /** Class names, in the order in which they were switched on. */
  readonly styles: readonly string[];
  /** `#rrggbb`, or `null` for the page's own. */
  readonly colour: string | null;
  readonly background: string | null;
}

const STYLES: Readonly<Record<string, string>> = {
  '\x02': 'is-bold',
  '\x1d': 'is-italic',
  '\x1f': 'is-underlined',
  '\x1e': 'is-struck',
  '\x11': 'is-monospace',
  '\x16': 'is-reversed',
};
const RESET = '\x0f';

/** One code: colours with their numbers, hexadecimal colours, and every other control character but a line's end. */
const CODE = /(\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[\da-f]{6}(?:,[\da-f]{6})?)?|[\x00-\x08\x0b-\x1f\x7f])/i;

/** Colours 0 to 98; 99 is the page's own. */
const PALETTE = (
  'ffffff 000000 00007f 009300 ff0000 7f0000 9c009c fc7f00 ffff00 00fc00 009393 00ffff 0000fc ff00ff 7f7f7f d2d2d2 ' +
  '470000 472100 474700 324700 004700 00472c 004747 002747 000047 2e0047 470047 47002a ' +
  '740000 743a00 747400 517400 007400 007449 007474 004074 000074 4b0074 740074 740045 ' +
  'b50000 b56300 b5b500 7db500 00b500 00b571 00b5b5 0063b5 0000b5 7500b5 b500b5 b5006b ' +
  'ff0000 ff8c00 ffff00 b2ff00 00ff00 00ffa0 00ffff 008cff 0000ff a500ff ff00ff ff0098 ' +
  'ff5959 ffb459 ffff71 cfff60 6fff6f 65ffc9 6dffff 59b4ff 5959ff c459ff ff66ff ff59bc ' +
  'ff9c9c ffd39c ffff9c e2ff9c 9cff9c 9cffdb 9cffff 9cd3ff 9c9cff dc9cff ff9cff ff94d3 ' +
  '000000 131313 282828 363636 4d4d4d 656565 818181 9f9f9f bcbcbc e2e2e2 ffffff'
)
  .split(' ')
  .map((digits) => `#${digits}`);

export function readMirc(text: string): Run[] {
  const styles = new Set<string>();
  let colour: string | null = null;
  let background: string | null = null;
  const runs: Run[] = [];
  // split() with one group: text, code, text, code, text.
  for (const [index, part] of text.split(CODE).entries()) {
    if (index % 2 === 0) {
      if (part !== '') runs.push({ text: part, styles: [...styles], colour, background });
      continue;
    }
    const style = STYLES[part];
    if (style !== undefined && !styles.delete(style)) styles.add(style);
    if (part === RESET) styles.clear();
    const isColour = part[0] === '\x03' || part[0] === '\x04';
    if (!isColour && part !== RESET) continue;
    const [first = '', second] = part.slice(1).split(',');
    const read = (value: string): string | null => (part[0] === '\x04' ? `#${value}` : (PALETTE[Number(value)] ?? null));
    // A code without a number ends both colours; one with a single number leaves the background as it is.
    if (first === '') [colour, background] = [null, null];
    else colour = read(first);
    if (second !== undefined) background = read(second);
  }
  return runs;
}

/** Returns the text without any formatting. */
export function plainText(text: string): string {
  return text.split(CODE).reduce((plain, part, index) => (index % 2 === 0 ? plain + part : plain), '');
}

/** Returns `colour` where it can be read on `background`, else black or white (WCAG 2.2, 1.4.3: 4.5 to 1). */
export function readableOn(background: string, colour: string | null): string {
  const candidates = [...(colour === null ? [] : [colour]), '#000000', '#ffffff'];
  return candidates.find((candidate) => contrast(candidate, background) >= 4.5) ?? '#000000';
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** WCAG's relative luminance of `#rrggbb`. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
