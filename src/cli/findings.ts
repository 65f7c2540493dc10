/**
 * What was found when something was tried out.
 *
 * In: findings. Out: text for people. It does not know what was tried.
 */

/** What came of one trial. */
export interface Finding {
  readonly isGood: boolean;
  /** What was tried. */
  readonly tried: string;
  /** What came. */
  readonly came: string;
  /** What to do about it; `null` where there is nothing to do. */
  readonly toDo: string | null;
}

/** What others said is cut to this. */
const MAX_SIZE = 400;

/** Writes findings, the good ones in one line each. */
export function formatFindings(findings: readonly Finding[]): string {
  const text = findings.map(({ isGood, tried, came, toDo }) => {
    const lines = [`${isGood ? 'ok  ' : 'FAIL'}  ${tried}: ${printable(came)}`];
    if (toDo !== null) lines.push(`      → ${toDo}`);
    return `${lines.join('\n')}\n`;
  });
  const bad = findings.filter(({ isGood }) => !isGood).length;
  return `${text.join('')}${bad === 0 ? 'no problem found' : `${bad} of ${findings.length} checks failed`}\n`;
}

function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?').slice(0, MAX_SIZE);
}
