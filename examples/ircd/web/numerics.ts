/**
 * The server's numerics as sentences for people.
 *
 * In: a numeric and its parameters without our own nick. Out: a sentence, or `null` for what only programs want to know.
 */

/** Numerics that are not shown: counts and limits for programs, and the ends of lists. */
const SILENT = new Set([
  ...['002', '003', '004', '005', '221', '252', '253', '254', '255', '265', '266', '315', '318', '321', '323', '329', '331'],
  ...['333', '366', '368', '375', '376', '422', '900', '903'],
]);

type Words = (first: string, second: string, last: string) => string;

/** Errors in words that say what to do next. Every other error is shown in the server's own words. */
const ERRORS: Readonly<Record<string, Words>> = {
  '401': (name) => (name.startsWith('#') ? `There is no channel ${name}` : `Nobody here is called ${name}`),
  '403': (name) => `There is no channel ${name}`,
  '404': (name, _second, last) => `Your message did not get into ${name}: ${last}`,
  '405': (name) => `You are in too many channels to join ${name}`,
  '406': (name) => `Nobody was ever called ${name}`,
  '421': (command) => `The server does not know the command ${command}`,
  '432': (nick) => `${nick} cannot be a nickname on this server: try letters, and no digit at the beginning`,
  '433': (nick) => `The nickname ${nick} is taken`,
  '436': (nick) => `The nickname ${nick} is taken`,
  '437': (name) => `${name} cannot be used at the moment`,
  '441': (nick, channel) => `${nick} is not in ${channel}`,
  '442': (channel) => `You are not in ${channel}`,
  '443': (nick, channel) => `${nick} is in ${channel} already`,
  '461': (command) => `The command ${command} needs more words: /help shows them`,
  '464': () => 'The password is wrong',
  '465': (_first, _second, last) => `You are banned from this server: ${last}`,
  '471': (channel) => `${channel} is full`,
  '472': (letter) => `There is no channel mode ${letter}`,
  '473': (channel) => `${channel} is only for people who were invited`,
  '474': (channel) => `You are banned from ${channel}`,
  '475': (channel) => `${channel} has a key: /join ${channel} key`,
  '477': (channel) => `${channel} is only for people who are logged in`,
  '481': () => 'Only the operators of this network may do that',
  '482': (channel) => `Only the operators of ${channel} may do that`,
  '489': (channel) => `${channel} is only for people whose connection is encrypted`,
  '491': () => 'That name and password do not make you an operator here',
  '501': (letter) => `There is no user mode ${letter}`,
  '502': () => 'You can see and change your own modes only',
  '696': (channel, letter, last) => `Mode ${letter} of ${channel}: ${last}`,
  '902': () => 'The server does not let this account log in',
  '904': () => 'The login was refused: the account or its password is wrong',
  '905': () => 'The login was refused: the password is too long for this server',
  '906': () => 'The login was broken off',
};

export function describeNumeric(numeric: string, params: readonly string[]): string | null {
  if (SILENT.has(numeric)) return null;
  const [first = '', second = '', third = ''] = params;
  const last = params.at(-1) ?? '';
  const words = Object.hasOwn(ERRORS, numeric) ? ERRORS[numeric] : undefined;
  if (words !== undefined) return words(first, second, last);
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
  return (numeric >= '400' && numeric < '600') || numeric === '696' || (numeric >= '902' && numeric <= '907');
}

/** Whether it is about the server as a whole: welcome, counts, message of the day. */
export function isAboutServer(numeric: string): boolean {
  return numeric < '300' || numeric === '372';
}
