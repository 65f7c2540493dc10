/** Hues at least this far apart, in degrees: closer ones look the same. The style sheet has a class for each. */
const HUE_STEP = 15;

/**
 * Returns the classes that give an element the colour of a nickname, the same for everybody.
 *
 * Only the hue is the nickname's. Lightness is the theme's, in OKLCH, where it is what the eye sees: every hue can be read on the
 * page's backgrounds, in light and in dark (a test measures them).
 */
export function nickClass(nick: string): string {
  return `nick hue-${Math.floor((hash(nick) * 360) / HUE_STEP)}`;
}

/** FNV-1a, its bits mixed once more so that `guest1` and `guest2` are far apart: 0 to 1, without 1. */
function hash(nick: string): number {
  let bits = 2_166_136_261;
  for (const character of nick.toLowerCase()) bits = Math.imul(bits ^ (character.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  return (Math.imul(bits ^ (bits >>> 16), 0x85ebca6b) >>> 0) / 2 ** 32;
}
