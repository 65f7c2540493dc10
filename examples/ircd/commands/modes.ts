/**
 * MODE, for people and for channels.
 *
 * In: the changes that a client asks for. Out: a MODE line with the changes that were really made, and a numeric for each that
 * cannot be made. A client that asks for what it may not have, or for what already is, gets no MODE line.
 */
import type { Channel } from '../channel.ts';
import type { Client } from '../client.ts';
import type { Command, IrcServer } from '../server.ts';
import { notOperator } from './channels.ts';

/** Announced as MODES in numeric 005. */
const MAX_MODES = 4;
const KEY = /^[^\s,:]{1,32}$/;

/** One change that was made. */
interface Change {
  readonly isAdded: boolean;
  readonly letter: string;
  /** What the MODE line says behind the letters. */
  readonly value?: string;
}

export const modeCommands: Record<string, Command> = {
  MODE: {
    params: 1,
    run(server, client, { params: [target = '', changes, ...values] }) {
      if (!target.startsWith('#')) return userMode(server, client, target, changes);
      const channel = server.channels.get(target);
      if (channel === undefined) return client.numeric('403', target, 'No such channel');
      if (changes === undefined) {
        client.numeric('324', channel.name, ...channel.modes(channel.members.has(client)).split(' '));
        client.numeric('329', channel.name, String(channel.createdAt));
        return;
      }
      if (/^[-+]?b+$/.test(changes) && values.length === 0) return sendBans(client, channel);
      if (!channel.isOperator(client)) return notOperator(client, channel);
      changeChannel(server, client, channel, changes, values);
    },
  },
};

function userMode(server: IrcServer, client: Client, target: string, changes: string | undefined): void {
  const holder = server.nicks.get(target);
  if (holder === undefined) return client.numeric('401', target, 'No such nick');
  if (holder !== client) return client.numeric('502', "Can't view or change mode for other users");
  if (changes === undefined) return client.numeric('221', `+${client.isInvisible ? 'i' : ''}${client.isOper ? 'o' : ''}`);
  const done = readChanges(changes).filter(({ isAdded, letter }) => changeUser(client, letter, isAdded));
  if (done.length > 0) client.send(`:${client.source} MODE ${client.nick} ${formatChanges(done)}`);
}

/** Returns whether anything changed. */
function changeUser(client: Client, letter: string, isAdded: boolean): boolean {
  switch (letter) {
    case 'i': {
      const isChanged = client.isInvisible !== isAdded;
      client.isInvisible = isAdded;
      return isChanged;
    }
    case 'o': {
      // RFC 2812 section 3.1.5: "If a user attempts to make themselves an operator using the "+o" […] flag, the attempt SHOULD be
      // ignored."
      const isChanged = client.isOper && !isAdded;
      if (isChanged) client.isOper = false;
      return isChanged;
    }
    default:
      client.numeric('501', letter, 'is not a user mode of this server');
      return false;
  }
}

/** Makes up to four changes, and tells the channel about those that changed something. */
function changeChannel(server: IrcServer, client: Client, channel: Channel, changes: string, values: string[]): void {
  const done: Change[] = [];
  for (const { isAdded, letter } of readChanges(changes)) {
    if (done.length === MAX_MODES) break;
    const value = 'ovbk'.includes(letter) || (letter === 'l' && isAdded) ? values.shift() : undefined;
    const applied = applyMode(server, client, channel, letter, isAdded, value);
    if (applied !== null) done.push({ isAdded, letter, ...(applied === '' ? {} : { value: applied }) });
  }
  if (done.length > 0) channel.send(`:${client.source} MODE ${channel.name} ${formatChanges(done)}`);
}

/** Makes one change. Returns what the MODE line says behind the letters, or `null` where nothing changed. */
function applyMode(
  server: IrcServer,
  client: Client,
  channel: Channel,
  letter: string,
  isAdded: boolean,
  value: string | undefined,
): string | null {
  const refuse = (problem: string): null => {
    client.numeric('696', channel.name, letter, value ?? '*', problem);
    return null;
  };
  switch (letter) {
    case 'o':
    case 'v': {
      if (value === undefined) return refuse('The mode needs a nickname');
      const target = server.nicks.get(value);
      if (target === undefined) client.numeric('401', value, 'No such nick');
      const member = target === undefined ? undefined : channel.members.get(target);
      if (target === undefined) return null;
      if (member === undefined) {
        client.numeric('441', target.nick, channel.name, "They aren't on that channel");
        return null;
      }
      const what = letter === 'o' ? 'isOperator' : 'isVoiced';
      if (member[what] === isAdded) return null;
      member[what] = isAdded;
      return target.nick;
    }
    case 'b':
      if (value !== undefined) return channel.setBan(value, client.source, isAdded);
      sendBans(client, channel);
      return null;
    case 'k': {
      if (isAdded && (value === undefined || !KEY.test(value))) return refuse('The key must be one word of 1 to 32 characters');
      const before = channel.key;
      channel.key = isAdded ? (value as string) : null;
      // A key that goes is named as it was, whatever the client wrote.
      return before === channel.key ? null : (channel.key ?? before);
    }
    case 'l': {
      const limit = isAdded ? Number(value) : null;
      if (limit !== null && (!Number.isInteger(limit) || limit < 1)) return refuse('The limit must be a number from 1');
      if (limit === channel.limit) return null;
      channel.limit = limit;
      return limit === null ? '' : String(limit);
    }
    default:
      if (!'imnst'.includes(letter)) {
        client.numeric('472', letter, 'is unknown mode char to me');
        return null;
      }
      if (channel.flags.has(letter) === isAdded) return null;
      if (isAdded) channel.flags.add(letter);
      else channel.flags.delete(letter);
      return '';
  }
}

/** Reads `+a-bc` as three changes; a letter before any sign is added. */
function readChanges(text: string): Change[] {
  const changes: Change[] = [];
  let isAdded = true;
  for (const letter of text) {
    if (letter === '+' || letter === '-') isAdded = letter === '+';
    else changes.push({ isAdded, letter });
  }
  return changes;
}

/** Writes `+a-bc` and the values behind it. */
function formatChanges(changes: readonly Change[]): string {
  let letters = '';
  let sign = '';
  for (const { isAdded, letter } of changes) {
    const nextSign = isAdded ? '+' : '-';
    letters += nextSign === sign ? letter : `${nextSign}${letter}`;
    sign = nextSign;
  }
  return [letters, ...changes.flatMap(({ value }) => value ?? [])].join(' ');
}

function sendBans(client: Client, { name, bans }: Channel): void {
  for (const [mask, { by, at }] of bans) client.numeric('367', name, mask, by, String(at));
  client.numeric('368', name, 'End of channel ban list');
}
