/**
 * A person's stay on the server, over as many connections as it takes.
 *
 * In: lines. Out: lines, a changed {@link State}, and a call when the page has something new to show. What each message means stands in `handlers.ts`.
 */
import { foldName } from './casemap.ts';
import type { Connection } from './connection.ts';
import { HANDLERS, handleNumeric } from './handlers.ts';
import { type Message, parseMessage } from './message.ts';
import { Registration } from './registration.ts';
import { splitText, utf8Size } from './split.ts';
import type { Conversation, EntryParts, Row, State } from './state.ts';
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
  #registration: Registration | null = null;
  #wantedNick = '';
  #firstChannel: string | null = null;
  #userAtHostSize = LONGEST_USER_AT_HOST;
  /** What is to be said in the next channel that we enter, because that is where the person looks. */
  #remark: string | null = null;

  constructor(state: State, connection: Connection, events: SessionEvents) {
    this.state = state;
    this.#connection = connection;
    this.#events = events;
  }

  get isOnline(): boolean {
    return this.#registration?.isDone === true;
  }

  /** Says who we want to be and where; {@link connected} does it. */
  enter(nick: string, channel: string): void {
    this.#wantedNick = nick;
    this.#firstChannel = channel;
  }

  /** Registers on a new connection. */
  connected(): void {
    this.state.nick = this.#wantedNick;
    this.#registration = new Registration(this.#wantedNick, {
      send: (line) => void this.send(line),
      onWelcome: (nick) => this.#welcome(nick),
      onRefused: this.#events.onRefused,
    });
  }

  /** Learns that the connection is gone. */
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
  }

  /** @returns false where there is no connection */
  send(line: string): boolean {
    return this.#connection.send(line.replace(/[\r\n\0]+/g, ' '));
  }

  join(name: string, key = ''): void {
    this.#requested.add(foldName(name));
    if (key !== '') this.#keys.set(foldName(name), key);
    this.#sendJoin(name);
  }

  /** Says something to a channel or a person, in as many messages as it takes. */
  say(target: string, text: string, speech: Speech = 'message'): void {
    const command = speech === 'notice' ? 'NOTICE' : 'PRIVMSG';
    const { nick } = this.state;
    // What others get has our source in front, and the server cuts *that* line to 510 bytes and CR LF.
    const overhead = utf8Size(`:${nick} ${command} ${target} :`) + this.#userAtHostSize + (speech === 'action' ? ACTION_SIZE : 0);
    for (const part of splitText(text, 510 - overhead)) {
      this.send(`${command} ${target} :${speech === 'action' ? `\x01ACTION ${part}\x01` : part}`);
      // Without echo-message the server does not tell us what we said.
      if (this.#registration?.capabilities.has('echo-message') !== true)
        this.add(this.state.open(target), { kind: speech, from: nick, text: part });
    }
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
    const at = new Date(message?.tags.get('time') ?? Date.now());
    this.state.add(conversation, { at: Number.isNaN(at.getTime()) ? new Date() : at, ...parts });
    this.changed();
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

  /** Learns that we are in a channel. */
  joined(conversation: Conversation, message: Message): void {
    const { source } = message;
    this.#userAtHostSize = utf8Size(source.slice(source.indexOf('!')));
    conversation.isJoined = true;
    if (this.#requested.delete(foldName(conversation.name))) this.state.show(conversation);
    this.add(conversation, { kind: 'event', text: this.#remark ?? `You are in ${conversation.name}` }, message);
    this.#remark = null;
  }

  /** Learns our new nick; the next connection asks for it again. */
  renamed(nick: string): void {
    this.state.nick = nick;
    this.#wantedNick = nick;
  }

  /** The server says why it closes: `Closing link: (user@host) [reason]`. */
  closing(text: string): void {
    this.#connection.explain(/\[(.+)\]$/.exec(text)?.[1] ?? text);
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
    if (nick === this.#wantedNick) return;
    this.#remark = `${this.#wantedNick} is taken: you are ${nick}. /nick changes it`;
    this.add(this.state.server, { kind: 'event', text: this.#remark });
  }

  #sendJoin(name: string): void {
    this.send(`JOIN ${name} ${this.#keys.get(foldName(name)) ?? ''}`.trim());
  }
}
