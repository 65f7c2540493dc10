/**
 * WHOIS as one block: a server describes a person in many numerics, and 318 is the last of them.
 *
 * In: numerics. Out: rows, when it is all there.
 */
import type { Row } from './conversation.ts';
import type { Message } from './message.ts';

const NUMERICS = new Set([
  '276',
  '307',
  '311',
  '312',
  '313',
  '314',
  '317',
  '319',
  '320',
  '330',
  '335',
  '338',
  '350',
  '378',
  '379',
  '671',
]);

export class Whois {
  #rows: Row[] = [];

  /** @returns whether the message belongs to a WHOIS under way, and was kept */
  receive({ command, params }: Message): boolean {
    // 301 is also the answer to a message for somebody who is away.
    if (!NUMERICS.has(command) && (command !== '301' || this.#rows.length === 0)) return false;
    this.#rows.push(...describe(command, params.slice(2)));
    return true;
  }

  /** Returns the rows and starts again. There are none if no person has that name. */
  finish(): Row[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }
}

function describe(numeric: string, params: readonly string[]): Row[] {
  const [first = '', second = ''] = params;
  const last = params.at(-1) ?? '';
  switch (numeric) {
    case '301':
      return [['Away', last]];
    case '311':
    case '314':
      return [
        ['Name', last],
        ['Address', `${first}@${second}`],
      ];
    case '312':
      return [['Server', first === last ? first : `${first}, ${last}`]];
    case '313':
      return [['Role', last]];
    case '317':
      return [
        ['Silent for', formatDuration(Number(first))],
        ['Here since', new Date(Number(second) * 1_000).toLocaleString()],
      ];
    case '319':
      return [['Channels', last.trim()]];
    case '330':
      return [['Account', first]];
    // <gateway host> <gateway address> :<words>; `*` where there is none to show.
    case '350':
      return [['Gateway', first === '*' ? last : `${last}, through ${first}`]];
    case '378':
      return [['Connection', last]];
    default:
      return [['Also', params.join(' ')]];
  }
}

function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
