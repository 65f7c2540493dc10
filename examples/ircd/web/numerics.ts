/**
 * What the server's numerics say, for people.
 *
 * In: a numeric and its parameters without our own nick. Out: a sentence, or `null` for what only programs want to know.
 */

/** Counts and limits for programs, and the ends of lists that are shown when they end. */
const SILENT = new Set([
  ...['002', '003', '004', '005', '221', '252', '253', '254', '255', '265', '266', '315', '318', '321', '323', '329', '331'],
  ...['333', '366', '368', '375', '376'],
]);

export function describeNumeric(numeric: string, params: readonly string[]): string | null {
  if (SILENT.has(numeric)) return null;
  const [first = '', second = '', third = ''] = params;
  const last = params.at(-1) ?? '';
  switch (numeric) {
    case '301':
      return `${first} is away: ${last}`;
    case '324':
      return `The modes of ${first} are ${params.slice(1).join(' ')}`;
    case '341':
      return `You invited ${first} to ${second}`;
    case '352':
      return `${params[4] ?? ''} is ${second}@${third} (${last.replace(/^\d+ /, '')})`;
    case '367':
      return `${second} is banned from ${first}, by ${third.split('!')[0] ?? ''}`;
    case '372':
      return last.replace(/^- ?/, '');
    default:
      // An error: what it is about, then what is wrong with it.
      if (params.length > 1 && isError(numeric)) return `${params.slice(0, -1).join(' ')}: ${last}`;
      return params.join(' ');
  }
}

export function isError(numeric: string): boolean {
  return numeric >= '400' && numeric < '600';
}

/** Whether it is about the server as a whole: welcome, counts, message of the day. */
export function isAboutServer(numeric: string): boolean {
  return numeric < '300' || numeric === '372' || numeric === '422';
}
