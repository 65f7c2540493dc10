/**
 * A person's stay on the server, over as many connections as it takes.
 *
 * In: lines. Out: lines, a changed {@link State}, and a call when the page has something new to show. What each message means
 * stands in `handlers.ts`.
 */
import { foldName } from './casemap.ts';
import type { Connection } from './connection.ts';
import type { Conversation, Entry, EntryParts, Row } from './conversation.ts';
import { HANDLERS, handleNumeric } from './handlers.ts';
import { type Message, parseMessage } from './message.ts';
import { Pace } from './pace.ts';
import { type Identity, Registration } from './registration.ts';
import { splitText, utf8Size } from './split.ts';
import type { State } from './state.ts';
import { Whois } from './whois.ts';

export type Speech = 'message' | 'action' | 'notice';

/** `!user@host` as long as it gets, until our first JOIN shows ours. */
const LONGEST_USER_AT_HOST = 1 + 11 + 1 + 63;
/** `\x01ACTION ` and `\x01`. */
const ACTION_SIZE = 9;

export interface SessionEvents {
  onWelcome(): void;
  onChange(): void;
  /** The server does not want us as we are. */
  onRefused(reason: string): void;
  /** Somebody said something to us: in private, or by our name. */
  onMention(conversation: Conversation, entry: Entry): void;
  /** So many lines wait to be sent. */
  onWaiting(lines: number): void;
  /** The connection went before these lines were sent. */
  onUnsent(target: string, text: string): void;
}

export class Session {
  readonly state: State;
  /** What LIST has answered so far. */
  list: Row[] = [];
  readonly #connection: Connection;
  readonly #events: SessionEvents;
  readonly #whois: Whois = new Whois();
  /** The channels that were asked for by hand: they are shown when they come. Those of a reconnect are not. */
  readonly #requested = new Set<string>();
  /** What the +k of channels wants, to come in again after a reconnect. */
  readonly #keys = new Map<string, string>();
  readonly #pace: Pace;
  #registration: Registration | null = null;
  #identity: Identity = { nick: '', serverPassword: '', account: null };
  #firstChannel: string | null = null;
  #userAtHostSize = LONGEST_USER_AT_HOST;
  /** What is to be said in the next channel that we enter, because that is where the person looks. */
  #remarks: string[] = [];

  constructor(state: State, connection: Connection, events: SessionEvents) {
    this.state = state;
    this.#connection = connection;
    this.#events = events;
    this.#pace = new Pace(events.onWaiting);
  }

  get isOnline(): boolean {
    return this.#registration?.isDone === true;
  }

  /** Sets the identity and the first channel for the next connection. */
  enter(identity: Identity, channel: string): void {
    this.#identity = identity;
    this.#firstChannel = channel;
  }

  /** Registers on a new connection. */
  connected(): void {
    this.state.nick = this.#identity.nick;
    this.#registration = new Registration(this.#identity, {
      send: (line) => void this.send(line),
      onWelcome: (nick) => this.#welcome(nick),
      onRemark: (text) => this.#remarks.push(text),
      onRefused: this.#events.onRefused,
    });
  }

  /** Called when the connection is lost. */
  disconnected(): void {
    const wasOnline = this.isOnline;
    this.#registration = null;
    this.#whois.finish();
    this.list = [];
    if (!wasOnline) return;
    for (const conversation of this.state.conversations) {
      conversation.members.clear();
      this.add(conversation, { kind: 'event', text: 'The connection is gone' });
    }
    const unsent = this.#pace.clear();
    for (const target of new Set(unsent.map((line) => line.target))) {
      const lines = unsent.filter((line) => line.target === target);
      const count = lines.length === 1 ? 'one line was' : `${lines.length} lines were`;
      this.add(this.state.open(target), { kind: 'error', text: `The connection was lost, and ${count} not sent` });
      this.#events.onUnsent(target, lines.map(({ text }) => text).join('\n'));
    }
  }

  /** @returns false where there is no connection */
  send(line: string): boolean {
    this.#pace.count();
    return this.#connection.send(line.replace(/[\r\n\0]+/g, ' '));
  }

  join(name: string, key = ''): void {
    this.#requested.add(foldName(name));
    if (key !== '') this.#keys.set(foldName(name), key);
    this.#sendJoin(name);
  }

  /** Splits a text into the messages that it takes. */
  split(target: string, text: string, speech: Speech = 'message'): string[] {
    // What others get has our source in front, and the server cuts *that* line to 510 bytes and CR LF.
    const prefix = utf8Size(`:${this.state.nick} ${commandOf(speech)} ${target} :`) + this.#userAtHostSize;
    return splitText(text, 510 - prefix - (speech === 'action' ? ACTION_SIZE : 0));
  }

  /** Sends a text to a channel or a person, in as many messages as it needs, at a pace that the server accepts. */
  say(target: string, text: string, speech: Speech = 'message'): void {
    this.#pace.add(
      this.split(target, text, speech).map((part) => ({
        target,
        text: part,
        send: () => this.#sayLine(target, part, speech),
      })),
    );
  }

  /** Drops the lines that wait to be sent. */
  stopSaying(): void {
    const count = this.#pace.clear().length;
    if (count > 0) this.add(this.state.current, { kind: 'event', text: `${count} lines were not sent` });
  }

  /** Called when the network is back: sends the lines that waited. */
  resumed(): void {
    this.#pace.run();
  }

  /**
   * Sends a line. While the network is away the line waits: the page shows that it waits, and returns it to the person if the
   * connection is lost.
   */
  #sayLine(target: string, text: string, speech: Speech): boolean {
    if (this.#connection.isSuspended) return false;
    const isSent = this.#connection.send(
      `${commandOf(speech)} ${target} :${speech === 'action' ? `\x01ACTION ${text}\x01` : text}`,
    );
    // Without echo-message the server does not tell us what we said.
    if (isSent && this.#registration?.capabilities.has('echo-message') !== true)
      this.add(this.state.open(target), { kind: speech, from: this.state.nick, text });
    return isSent;
  }

  receive(line: string): void {
    const message = parseMessage(line);
    if (this.#registration?.receive(message) === true || this.#whois.receive(message)) return;
    const handler = HANDLERS.get(message.command);
    if (handler !== undefined) handler(this, message);
    else if (/^\d{3}$/.test(message.command)) handleNumeric(this, message);
  }

  /** Adds to a conversation, at the time that the server says or else now. */
  add(conversation: Conversation, parts: EntryParts, message?: Message): void {
    const entry = this.state.add(conversation, { at: this.timeOf(message), ...parts });
    if (entry !== null) this.#events.onMention(conversation, entry);
    this.changed();
  }

  /** When it was, as far as the server says. */
  timeOf(message?: Message): Date {
    const time = message?.tags.get('time');
    const at = time === undefined ? new Date() : new Date(time);
    return Number.isNaN(at.getTime()) ? new Date() : at;
  }

  isIgnored(nick: string): boolean {
    return this.state.ignored.size > 0 && this.state.ignored.has(foldName(nick));
  }

  changed(): void {
    this.#events.onChange();
  }

  isMe(nick: string): boolean {
    return nick === this.state.nick;
  }

  /** Ends a WHOIS: one block, where the person looks. */
  endWhois(nick: string): void {
    const rows = this.#whois.finish();
    if (rows.length > 0) this.add(this.state.current, { kind: 'block', text: nick, rows });
  }

  /** Called when we are in a channel. */
  joined(conversation: Conversation, message: Message): void {
    const { source } = message;
    this.#userAtHostSize = utf8Size(source.slice(source.indexOf('!')));
    conversation.isJoined = true;
    if (this.#requested.delete(foldName(conversation.name))) this.state.show(conversation);
    const remarks = this.#remarks.length === 0 ? [`You are in ${conversation.name}`] : this.#remarks;
    for (const text of remarks) this.add(conversation, { kind: 'event', text }, message);
    this.#remarks = [];
  }

  /** Called when we have a new nick; the next connection asks for it again. */
  renamed(nick: string): void {
    this.state.nick = nick;
    this.#identity = { ...this.#identity, nick };
  }

  /** The server says why it closes: `Closing link: (user@host) [reason]`. */
  closing(text: string): void {
    const reason = /\[(.+)\]$/.exec(text)?.[1] ?? text;
    this.#connection.explain(reason);
    if (!this.isOnline) return;
    const advice = /flood/i.test(reason)
      ? '. It got more lines at once than it takes from one person: it is safe to connect again'
      : '';
    this.add(this.state.current, { kind: 'error', text: `The server closed the connection: ${reason}${advice}` });
  }

  #welcome(nick: string): void {
    this.state.nick = nick;
    this.#events.onWelcome();
    if (this.#firstChannel !== null) {
      this.join(this.#firstChannel);
      this.#firstChannel = null;
    } else {
      // What was open before a reconnect is opened again.
      for (const { name, isChannel, isJoined } of this.state.conversations) if (isChannel && isJoined) this.#sendJoin(name);
    }
    if (nick !== this.#identity.nick) this.#remarks.push(`${this.#identity.nick} is taken: you are ${nick}. /nick changes it`);
    for (const text of this.#remarks) this.add(this.state.server, { kind: 'event', text });
  }

  #sendJoin(name: string): void {
    this.send(`JOIN ${name} ${this.#keys.get(foldName(name)) ?? ''}`.trim());
  }
}

function commandOf(speech: Speech): string {
  return speech === 'notice' ? 'NOTICE' : 'PRIVMSG';
}
