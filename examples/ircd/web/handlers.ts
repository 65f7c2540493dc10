/**
 * What each message means: the server's words become a changed state, and entries that people read.
 *
 * In: a message, after registration. Out: calls of the {@link Session} that got it.
 */

import type { Conversation, EntryKind } from './conversation.ts';
import type { Message } from './message.ts';
import { describeNumeric, isAboutServer, isError } from './numerics.ts';
import type { Presence } from './presence.ts';
import type { Session } from './session.ts';

type Handler = (session: Session, message: Message) => void;

export const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['PING', (session, { params }) => void session.send(`PONG :${params.at(-1) ?? ''}`)],
  ['PRIVMSG', handleSpeech],
  ['NOTICE', handleSpeech],
  ['JOIN', handleJoin],
  ['PART', handlePart],
  ['KICK', handleKick],
  ['QUIT', handleQuit],
  ['NICK', handleNick],
  ['TOPIC', handleTopic],
  ['MODE', handleMode],
  ['INVITE', handleInvite],
  ['ERROR', (session, { params }) => session.closing(params[0] ?? 'The server closed the connection')],
  ['005', handleSupport],
  ['332', (session, { params }) => void setTopic(session, params[1], params[2])],
  ['331', (session, { params }) => void setTopic(session, params[1])],
  ['353', handleNames],
  ['366', handleEndOfNames],
  ['318', (session, { params }) => session.endWhois(params[1] ?? '')],
  ['322', handleListed],
  ['323', handleEndOfList],
]);

/** Shows a numeric that has no handler: an error in the current conversation, everything else in the one that it is about. */
export function handleNumeric(session: Session, message: Message): void {
  const { state } = session;
  const params = message.params.slice(1);
  const text = describeNumeric(message.command, params);
  if (text === null) return;
  if (isError(message.command)) session.add(state.current, { kind: 'error', text }, message);
  else if (isAboutServer(message.command)) session.add(state.server, { kind: 'event', text }, message);
  else session.add(state.find(params[0] ?? '') ?? state.current, { kind: 'event', text }, message);
}

function handleSpeech(session: Session, message: Message): void {
  const { nick, params } = message;
  const [target = '', text = ''] = params;
  if (session.isIgnored(nick)) return;
  const [, action] = /^\x01ACTION ([^\x01]*)\x01?$/.exec(text) ?? [];
  // Other CTCP is between programs.
  if (action === undefined && text.startsWith('\x01')) return;
  const kind: EntryKind = action !== undefined ? 'action' : message.command === 'NOTICE' ? 'notice' : 'message';
  session.add(placeOfSpeech(session, message, target), { kind, from: nick, text: action ?? text }, message);
}

/** A person's message begins a conversation, ours is where it was said; a server's belongs to the server. */
function placeOfSpeech({ state }: Session, { nick, source }: Message, target: string): Conversation {
  if (target.startsWith('#') || nick === state.nick) return state.open(target);
  return source.includes('!') ? state.open(nick) : state.server;
}

function handleJoin(session: Session, message: Message): void {
  const { nick, params } = message;
  const conversation = session.state.open(params[0] ?? '');
  conversation.members.set(nick, '');
  if (session.isMe(nick)) session.joined(conversation, message);
  else addPresence(session, conversation, 'joined', nick, `${nick} joined`, message);
}

function addPresence(
  session: Session,
  conversation: Conversation,
  does: Presence['does'],
  nick: string,
  text: string,
  message: Message,
): void {
  conversation.addPresence({ does, nick, text, at: session.timeOf(message) });
  session.changed();
}

function handlePart(session: Session, message: Message): void {
  const { nick, params } = message;
  const conversation = session.state.find(params[0] ?? '');
  if (conversation === undefined) return;
  conversation.members.delete(nick);
  if (!session.isMe(nick)) {
    addPresence(session, conversation, 'left', nick, `${nick} left${inBrackets(params[1])}`, message);
    return;
  }
  session.state.remove(conversation);
  session.changed();
}

function handleKick(session: Session, message: Message): void {
  const [name = '', nick = '', reason] = message.params;
  const conversation = session.state.find(name);
  if (conversation === undefined) return;
  conversation.members.delete(nick);
  if (session.isMe(nick)) {
    conversation.isJoined = false;
    conversation.members.clear();
  }
  const who = session.isMe(nick) ? 'You were' : `${nick} was`;
  session.add(conversation, { kind: 'event', text: `${who} kicked out by ${message.nick}${inBrackets(reason)}` }, message);
}

function handleQuit(session: Session, message: Message): void {
  const { nick, params } = message;
  for (const conversation of session.state.sharedWith(nick)) {
    conversation.members.delete(nick);
    addPresence(session, conversation, 'left', nick, `${nick} left${inBrackets(params[0])}`, message);
  }
}

function handleNick(session: Session, message: Message): void {
  const { nick: from, params } = message;
  const [to = ''] = params;
  const shared = session.state.sharedWith(from);
  session.state.rename(from, to);
  if (session.isMe(from)) {
    session.renamed(to);
    session.add(session.state.current, { kind: 'event', text: `You are now ${to}` }, message);
    return;
  }
  for (const conversation of shared) addPresence(session, conversation, 'renamed', from, `${from} is now ${to}`, message);
}

function handleTopic(session: Session, message: Message): void {
  const [name = '', topic = ''] = message.params;
  const conversation = setTopic(session, name, topic);
  if (conversation === undefined) return;
  const text = topic === '' ? `${message.nick} cleared the topic` : `${message.nick} set the topic: ${topic}`;
  session.add(conversation, { kind: 'event', text }, message);
}

function setTopic(session: Session, name = '', topic = ''): Conversation | undefined {
  const conversation = session.state.find(name);
  if (conversation !== undefined) conversation.topic = topic;
  session.changed();
  return conversation;
}

function handleMode(session: Session, message: Message): void {
  const [name = '', ...modes] = message.params;
  if (!name.startsWith('#')) {
    session.add(session.state.current, { kind: 'event', text: `Your modes change: ${modes.join(' ')}` }, message);
    return;
  }
  const conversation = session.state.find(name);
  if (conversation === undefined) return;
  // With several prefixes a person, only the server knows which one is left.
  if (/[qaohv]/.test(modes[0] ?? '')) session.send(`NAMES ${name}`);
  session.add(conversation, { kind: 'event', text: `${message.nick} set ${modes.join(' ')}` }, message);
}

function handleInvite(session: Session, message: Message): void {
  if (session.isIgnored(message.nick)) return;
  const text = `${message.nick} invites you to ${message.params[1] ?? ''}`;
  session.add(session.state.current, { kind: 'event', text }, message);
}

function handleSupport(session: Session, { params }: Message): void {
  for (const token of params) if (token.startsWith('NETWORK=')) session.state.network = token.slice('NETWORK='.length);
  session.changed();
}

function handleNames({ state }: Session, { params }: Message): void {
  const members = state.find(params[2] ?? '')?.members;
  for (const word of (params[3] ?? '').split(' ')) members?.list(word);
}

function handleEndOfNames(session: Session, { params }: Message): void {
  session.state.find(params[1] ?? '')?.members.endList();
  session.changed();
}

function handleListed(session: Session, { params }: Message): void {
  const [, name = '', count = '', topic = ''] = params;
  session.list.push([name, `${count} ${count === '1' ? 'person' : 'people'}${topic === '' ? '' : `: ${topic}`}`]);
}

function handleEndOfList(session: Session, message: Message): void {
  const rows = session.list;
  session.list = [];
  const text = rows.length === 0 ? 'There are no channels yet' : 'Channels';
  session.add(session.state.current, { kind: 'block', text, rows }, message);
}

function inBrackets(reason: string | undefined): string {
  return reason === undefined || reason === '' ? '' : ` (${reason})`;
}
