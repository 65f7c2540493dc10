/** Folds a name of a channel or a person for comparison: the server says `CASEMAPPING=ascii`. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
