/** What is typed: text to say, or `/commands`. */

import { foldName } from './casemap.ts';
import type { Conversation, Row } from './conversation.ts';
import type { Session, Speech } from './session.ts';

/** What commands may do to the page itself. */
export interface CommandPage {
  show(conversation: Conversation): void;
  leave(conversation: Conversation): void;
  tell(text: string, rows?: readonly Row[]): void;
  quit(reason: string): void;
  search(text: string): void;
  /** Remembers who is ignored. */
  saveIgnored(): void;
  /** Asks before many lines are sent. */
  confirm(lines: readonly string[], target: string): Promise<boolean>;
}

/** One command, as it was typed. */
interface Typed {
  readonly session: Session;
  readonly page: CommandPage;
  /** The conversation in which it was typed. */
  readonly here: Conversation;
  readonly words: readonly string[];
  /** Everything behind the `n`th word, as it was typed. */
  readonly after: (n: number) => string;
}

interface Command {
  readonly usage: string;
  readonly does: string;
  /** How many words it needs. */
  readonly needs?: number;
  /** Whether it is about the channel in which it is typed. */
  readonly isForChannel?: boolean;
  /** Whether it is the page's alone, and needs no connection. */
  readonly isLocal?: boolean;
  /** Returns `false` where nothing was sent: the text stays in the line. */
  readonly run: (typed: Typed) => unknown;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['join', { usage: '#channel [key]', does: 'enters a channel, or opens one', needs: 1, run: join }],
  ['part', { usage: '[#channel] [reason]', does: 'leaves a channel, or closes a conversation', run: part }],
  ['me', { usage: 'does something', does: 'says what you do', needs: 1, run: act }],
  ['msg', { usage: 'name text', does: 'says something to somebody', needs: 2, run: message }],
  [
    'query',
    {
      usage: 'name',
      does: 'opens a conversation',
      needs: 1,
      isLocal: true,
      run: ({ session, page, words }) => page.show(session.state.open(words[0] ?? '')),
    },
  ],
  [
    'notice',
    {
      usage: 'name text',
      does: 'says something that no program answers',
      needs: 2,
      run: ({ session, page, words, after }) => say(session, page, words[0] ?? '', after(1), 'notice'),
    },
  ],
  [
    'nick',
    { usage: 'name', does: 'changes your name', needs: 1, run: ({ session, words }) => void session.send(`NICK ${words[0]}`) },
  ],
  ['topic', { usage: '[text]', does: 'shows or sets the topic', isForChannel: true, run: topic }],
  [
    'whois',
    {
      usage: 'name',
      does: 'tells about somebody',
      needs: 1,
      run: ({ session, words }) => void session.send(`WHOIS ${words[0]}`),
    },
  ],
  ['names', { usage: '', does: 'asks again who is here', isForChannel: true, run: names }],
  ['list', { usage: '', does: 'lists the channels', run: ({ session }) => void session.send('LIST') }],
  [
    'invite',
    {
      usage: 'name',
      does: 'asks somebody in',
      needs: 1,
      isForChannel: true,
      run: ({ session, here, words }) => void session.send(`INVITE ${words[0]} ${here.name}`),
    },
  ],
  ['kick', { usage: 'name [reason]', does: 'throws somebody out', needs: 1, isForChannel: true, run: kick }],
  ['mode', { usage: '[target] [changes]', does: 'shows or changes modes', run: mode }],
  [
    'away',
    {
      usage: '[reason]',
      does: 'says that you are away, or back',
      run: ({ session, after }) => void session.send(`AWAY :${after(0)}`),
    },
  ],
  [
    'oper',
    {
      usage: 'name password',
      does: 'makes you an operator',
      needs: 2,
      run: ({ session, after }) => void session.send(`OPER ${after(0)}`),
    },
  ],
  [
    'raw',
    { usage: 'line', does: 'sends a line of IRC as it is', needs: 1, run: ({ session, after }) => void session.send(after(0)) },
  ],
  ['ignore', { usage: '[name]', does: 'hides what somebody says, or lists whom you hide', isLocal: true, run: ignore }],
  ['unignore', { usage: 'name', does: 'shows again what somebody says', needs: 1, isLocal: true, run: unignore }],
  [
    'search',
    { usage: '[text]', does: 'searches in this conversation', isLocal: true, run: ({ page, after }) => page.search(after(0)) },
  ],
  ['quit', { usage: '[reason]', does: 'disconnects', isLocal: true, run: ({ page, after }) => page.quit(after(0)) }],
  ['help', { usage: '', does: 'shows this list', isLocal: true, run: ({ page }) => page.tell('Commands', helpRows()) }],
]);

export const COMMAND_NAMES: readonly string[] = [...COMMANDS.keys()];

/**
 * Runs a command, or says a text; `//` at the beginning stands for a slash. Returns `false` where nothing was sent: the text
 * stays in the line.
 */
export async function runInput(text: string, session: Session, page: CommandPage): Promise<boolean> {
  const here = session.state.current;
  const typed = text.trim();
  if (!typed.startsWith('/') || typed.startsWith('//')) return speak(typed.replace(/^\/\//, '/'), here, session, page);
  const [name = '', ...words] = typed.slice(1).split(/\s+/);
  const command = COMMANDS.get(name.toLowerCase());
  const after = (n: number): string => typed.replace(new RegExp(`^(?:\\S+\\s*){0,${n + 1}}`), '');
  if (command === undefined) page.tell(`There is no /${name}: /help lists what there is`);
  else if (words.length < (command.needs ?? 0)) page.tell(`It is /${name} ${command.usage}`);
  else if (command.isForChannel === true && !here.isChannel) page.tell(`/${name} is for channels: choose one first`);
  else if (!session.isOnline && command.isLocal !== true) return false;
  else return (await command.run({ session, page, here, words, after })) !== false;
  return true;
}

async function speak(text: string, here: Conversation, session: Session, page: CommandPage): Promise<boolean> {
  if (!here.isServer) return say(session, page, here.name, text);
  page.tell('Nobody hears you here: choose a channel, or /join one');
  return true;
}

/** Sends a text, and asks first if it has many lines. Returns `false` where nothing was said. */
async function say(session: Session, page: CommandPage, target: string, text: string, speech?: Speech): Promise<boolean> {
  if (!session.isOnline || !(await page.confirm(session.split(target, text, speech), target)) || !session.isOnline) return false;
  session.say(target, text, speech);
  return true;
}

function join({ session, words: [names = '', keys = ''] }: Typed): void {
  const keyList = keys.split(',');
  for (const [index, name] of names.split(',').entries())
    session.join(name.startsWith('#') ? name : `#${name}`, keyList[index] ?? '');
}

function part({ session, page, here, words: [first = ''], after }: Typed): void {
  const named = first.startsWith('#') ? session.state.find(first) : undefined;
  const conversation = named ?? here;
  const reason = after(named === undefined ? 0 : 1);
  if (conversation.isChannel && conversation.isJoined)
    session.send(`PART ${conversation.name}${reason === '' ? '' : ` :${reason}`}`);
  else page.leave(conversation);
}

async function act({ session, page, here, after }: Typed): Promise<boolean> {
  if (!here.isServer) return say(session, page, here.name, after(0), 'action');
  page.tell('Nobody sees you here: choose a channel, or /join one');
  return true;
}

function message({ session, page, words: [target = ''], after }: Typed): Promise<boolean> {
  page.show(session.state.open(target));
  return say(session, page, target, after(1));
}

function topic({ session, page, here, after }: Typed): void {
  if (after(0) !== '') session.send(`TOPIC ${here.name} :${after(0)}`);
  else page.tell(here.topic === '' ? `${here.name} has no topic` : `The topic is: ${here.topic}`);
}

function names({ session, page, here }: Typed): void {
  session.send(`NAMES ${here.name}`);
  page.tell(
    `${here.name} has ${here.members
      .sorted()
      .map(({ nick, prefixes }) => prefixes + nick)
      .join(', ')}`,
  );
}

function kick({ session, here, words: [nick = ''], after }: Typed): void {
  session.send(`KICK ${here.name} ${nick} :${after(1) || session.state.nick}`);
}

/** `/mode +t` is about the channel one looks at; elsewhere about oneself. */
function mode({ session, here, words: [first = ''], after }: Typed): void {
  const isTargetNamed = first !== '' && !/^[-+]/.test(first);
  const target = here.isChannel ? here.name : session.state.nick;
  session.send(`MODE ${isTargetNamed ? after(0) : `${target} ${after(0)}`}`.trim());
}

function ignore({ session, page, words: [nick] }: Typed): void {
  const { ignored } = session.state;
  if (nick === undefined) {
    page.tell(ignored.size === 0 ? 'You ignore nobody' : `You ignore ${[...ignored].join(', ')}`);
    return;
  }
  ignored.add(foldName(nick));
  page.saveIgnored();
  page.tell(`You no longer see what ${nick} says: /unignore ${nick} takes it back`);
}

function unignore({ session, page, words: [nick = ''] }: Typed): void {
  const wasIgnored = session.state.ignored.delete(foldName(nick));
  page.saveIgnored();
  page.tell(wasIgnored ? `You see again what ${nick} says` : `You did not ignore ${nick}`);
}

function helpRows(): Row[] {
  return [...COMMANDS].map(([name, { usage, does }]) => [`/${name} ${usage}`.trim(), does]);
}
