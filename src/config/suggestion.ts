/**
 * What a misspelt name was meant to be.
 *
 * In: a name, and those that there are. Out: half a sentence for an error message. It does not know what the names are of.
 */

/**
 * Returns `: did you mean …?` for the name that the fewest typing errors lead to, a third of its letters at most; or the empty
 * string.
 */
export function suggestion(name: string, known: readonly string[]): string {
  let meant: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const option of known) {
    const errors = typingErrors(name.slice(0, 40).toLowerCase(), option.toLowerCase());
    if (errors < fewest && errors <= option.length / 3) [meant, fewest] = [option, errors];
  }
  return meant === undefined ? '' : `: did you mean ${meant}?`;
}

/** Counts letters to insert, to drop, to replace and to swap with the next one (the optimal string alignment distance). */
function typingErrors(typed: string, meant: string): number {
  let before: number[] = [];
  let row = Array.from({ length: meant.length + 1 }, (_, i) => i);
  for (let i = 0; i < typed.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < meant.length; j++) {
      const replaced = (row[j] as number) + (typed[i] === meant[j] ? 0 : 1);
      const isSwapped = i > 0 && j > 0 && typed[i] === meant[j - 1] && typed[i - 1] === meant[j];
      const swapped = isSwapped ? (before[j - 1] as number) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(replaced, swapped, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    [before, row] = [row, next];
  }
  return row[meant.length] as number;
}
