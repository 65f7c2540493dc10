/**
 * IRC from a client's side: registration, capabilities, and what each message means for the {@link State}.
 *
 * In: lines. Out: lines, a changed state, and a call for each change that the page has to show.
 */
import type { Connection } from './connection.ts';
import { type Message, parseMessage, splitText } from './message.ts';
import { type Conversation, type EntryKind, SERVER, type State } from './state.ts';

const WANTED_CAPABILITIES = ['server-time', 'message-tags', 'echo-message', 'multi-prefix'];

/** Numerics that say nothing to a person who is chatting. */
const SILENT = new Set([
  '002',
  '003',
  '004',
  '005',
  '221',
  '252',
  '253',
  '254',
  '255',
  '265',
  '266',
  '315',
  '318',
  '323',
  '329',
  '333',
  '366',
  '368',
  '376',
]);

export interface SessionEvents {
  onWelcome(): void;
  /** Something about a conversation is new; `null`: about all of them. */
  onChange(conversation: Conversation | null): void;
  /** Registration cannot go on without the person. */
  onRefused(reason: string): void;
}

export class Session {
  readonly state: State;
  readonly #connection: Connection;
  readonly #events: SessionEvents;
  readonly #capabilities = new Set<string>();
  #wantedNick = '';
  #firstChannel = '';
  #isRegistered = false;
  /** Our own `user@host` as others see it: it counts towards the 512 bytes of a line. */
  #hostSize = 80;

  constructor(state: State, connection: Connection, events: SessionEvents) {
    this.state = state;
    this.#connection = connection;
    this.#events = events;
  }

  get isRegistered(): boolean {
    return this.#isRegistered;
  }

  /** Says who we are, on each new connection. */
  register(nick: string, channel: string): void {
    this.#isRegistered = false;
    this.#capabilities.clear();
    this.#wantedNick = nick;
    this.#firstChannel = channel;
    this.state.nick = nick;
    this.send('CAP LS 302');
    this.send(`NICK ${nick}`);
    this.send('USER web 0 * :Web client');
  }

  /** Learns that the connection is gone. */
  lost(): void {
    if (!this.#isRegistered) return;
    this.#isRegistered = false;
    for (const conversation of this.state.conversations.values()) {
      conversation.members.clear();
      this.#add(conversation, 'event', '', 'Connection lost');
    }
    this.#events.onChange(null);
  }

  send(line: string): boolean {
    return this.#connection.send(line.replace(/[\r\n]+/g, ' '));
  }

  /** Says something in a conversation: as many messages as it takes. */
  say(target: string, text: string, kind: 'message' | 'action' | 'notice' = 'message'): void {
    const command = kind === 'notice' ? 'NOTICE' : 'PRIVMSG';
    const overhead = `:${this.state.nick}! ${command} ${target} :`.length + this.#hostSize + (kind === 'action' ? 9 : 0);
    for (const part of splitText(text, overhead)) {
      const line = `${command} ${target} :${kind === 'action' ? `\x01ACTION ${part}\x01` : part}`;
      const conversation = this.state.open(target);
      if (!this.send(line)) this.#add(conversation, 'error', '', 'Not sent: there is no connection');
      else if (!this.#capabilities.has('echo-message')) this.#add(conversation, kind, this.state.nick, part);
    }
  }

  receive(line: string): void {
    const message = parseMessage(line);
    const handler = HANDLERS[message.command];
    if (handler !== undefined) handler(this, message);
    else if (/^\d{3}$/.test(message.command)) this.#numeric(message);
  }

  /** @internal What follows is for the handlers below. */
  capabilitiesOffered({ params }: Message): void {
    const offered = (params.at(-1) ?? '').split(' ').map((capability) => capability.split('=')[0] ?? '');
    const wanted = WANTED_CAPABILITIES.filter((capability) => offered.includes(capability));
    this.send(wanted.length === 0 ? 'CAP END' : `CAP REQ :${wanted.join(' ')}`);
  }

  capabilitiesGranted({ params }: Message): void {
    for (const capability of (params.at(-1) ?? '').split(' ')) this.#capabilities.add(capability);
    this.send('CAP END');
  }

  welcome({ params }: Message): void {
    this.#isRegistered = true;
    this.state.nick = params[0] ?? this.state.nick;
    if (this.state.nick !== this.#wantedNick) {
      this.#add(this.state.open(SERVER), 'event', '', `${this.#wantedNick} was taken: you are ${this.state.nick}`);
    }
    // What was open before a reconnect is opened again.
    const channels = [...this.state.conversations.values()]
      .filter(({ isChannel, isJoined }) => isChannel && isJoined)
      .map(({ name }) => name);
    if (channels.length === 0 && this.#firstChannel !== '') channels.push(this.#firstChannel);
    if (channels.length > 0) this.send(`JOIN ${channels.join(',')}`);
    this.#events.onWelcome();
  }

  nickTaken({ params }: Message): void {
    const [, nick = '', reason = ''] = params;
    if (this.#isRegistered) {
      this.#add(this.state.current, 'error', '', `${nick}: ${reason}`);
    } else if (this.state.nick.length < 28) {
      this.state.nick = `${this.state.nick}_`;
      this.send(`NICK ${this.state.nick}`);
    } else {
      this.#events.onRefused(reason);
    }
  }

  nickRefused({ params }: Message): void {
    const reason = `${params[1] ?? ''}: ${params.at(-1) ?? ''}`;
    if (this.#isRegistered) this.#add(this.state.current, 'error', '', reason);
    else this.#events.onRefused(reason);
  }

  joined(message: Message): void {
    const { nick, source, params } = message;
    const conversation = this.state.open(params[0] ?? '');
    conversation.members.set(nick, '');
    if (nick === this.state.nick) {
      this.#hostSize = source.length - nick.length;
      conversation.isJoined = true;
      this.state.current = conversation;
    }
    this.#add(
      conversation,
      'event',
      '',
      nick === this.state.nick ? `You joined ${conversation.name}` : `${nick} joined`,
      message,
    );
    if (nick === this.state.nick) this.#events.onChange(null);
  }

  left(message: Message, nick: string, text: string): void {
    const conversation = this.state.find(message.params[0] ?? '');
    if (conversation === undefined) return;
    conversation.members.delete(nick);
    if (nick === this.state.nick) {
      conversation.isJoined = false;
      conversation.members.clear();
    }
    this.#add(conversation, 'event', '', text, message);
  }

  quit(message: Message): void {
    const reason = message.params[0] ?? '';
    for (const conversation of this.state.sharedWith(message.nick)) {
      conversation.members.delete(message.nick);
      this.#add(conversation, 'event', '', `${message.nick} left${reason === '' ? '' : ` (${reason})`}`, message);
    }
  }

  renamed(message: Message): void {
    const [to = ''] = message.params;
    const from = message.nick;
    const shared = this.state.sharedWith(from);
    this.state.renameMember(from, to);
    if (from === this.state.nick) {
      this.state.nick = to;
      this.#add(this.state.current, 'event', '', `You are now ${to}`, message);
    } else {
      for (const conversation of shared) this.#add(conversation, 'event', '', `${from} is now ${to}`, message);
    }
    this.#events.onChange(null);
  }

  spoken(message: Message): void {
    const { nick, source, params } = message;
    const [target = '', text = ''] = params;
    const action = /^\x01ACTION ([^\x01]*)\x01?$/.exec(text);
    if (action === null && text.startsWith('\x01')) return;
    const kind: EntryKind = action !== null ? 'action' : message.command === 'NOTICE' ? 'notice' : 'message';
    const isPrivate = !target.startsWith('#');
    // A server's notice belongs to no conversation; a person's begins one, ours goes where it was said.
    const name = !isPrivate ? target : nick === this.state.nick ? target : source.includes('!') ? nick : SERVER;
    this.#add(this.state.open(name), kind, nick, action?.[1] ?? text, message);
  }

  topicSet(message: Message): void {
    const [name = '', text = ''] = message.params;
    const conversation = this.state.open(name);
    conversation.topic = text;
    this.#add(
      conversation,
      'event',
      '',
      text === '' ? `${message.nick} cleared the topic` : `${message.nick} set the topic: ${text}`,
      message,
    );
  }

  topicIs(conversation: Conversation, text: string): void {
    conversation.topic = text;
    this.#events.onChange(conversation);
  }

  names({ params }: Message): void {
    const conversation = this.state.open(params[2] ?? '');
    if (!conversation.isReceivingNames) conversation.members.clear();
    conversation.isReceivingNames = true;
    for (const word of (params[3] ?? '').split(' ').filter((name) => name !== '')) {
      const [, prefix = '', nick = ''] = /^([@+]*)(.*)$/.exec(word) ?? [];
      conversation.members.set(nick, prefix);
    }
  }

  namesEnd(conversation: Conversation): void {
    conversation.isReceivingNames = false;
    this.#events.onChange(conversation);
  }

  modeChanged(message: Message): void {
    const [name = '', ...modes] = message.params;
    const conversation = this.state.find(name);
    if (conversation === undefined) return;
    // Prefixes are many: the server knows them best.
    if (/[ov]/.test(modes[0] ?? '')) this.send(`NAMES ${name}`);
    this.#add(conversation, 'event', '', `${message.nick} set mode ${modes.join(' ')}`, message);
  }

  whois(message: Message): void {
    const [, nick = '', ...rest] = message.params;
    this.#add(this.state.current, 'event', '', `${nick} ${describeWhois(message.command, rest)}`, message);
  }

  serverError({ params }: Message): void {
    this.#add(this.state.open(SERVER), 'error', '', params[0] ?? 'Error');
  }

  #numeric(message: Message): void {
    if (SILENT.has(message.command)) return;
    const isError = message.command >= '400' && message.command < '600';
    const conversation = isError ? this.state.current : this.state.open(SERVER);
    this.#add(conversation, isError ? 'error' : 'event', '', message.params.slice(1).join(' '), message);
  }

  #add(conversation: Conversation, kind: EntryKind, from: string, text: string, message?: Message): void {
    const time = message?.tags.get('time');
    const at = time === undefined || Number.isNaN(Date.parse(time)) ? new Date() : new Date(time);
    this.state.add(conversation, kind, from, text, at);
    this.#events.onChange(conversation);
  }
}

/** A numeric of a WHOIS as a sentence about the nick that stands before it. */
function describeWhois(numeric: string, params: readonly string[]): string {
  const [first = '', second = ''] = params;
  switch (numeric) {
    case '301':
      return `is away: ${first}`;
    case '311':
      return `is ${first}@${second} (${params.at(-1)})`;
    case '312':
      return `uses the server ${first}`;
    case '317':
      return `has said nothing for ${first} s, and is here since ${new Date(Number(second) * 1_000).toLocaleString()}`;
    case '319':
      return `is in ${first}`;
    // The gateway's host and address stand before the text; `*` where there is none to show.
    case '350':
      return `${params.at(-1)}${first === '*' ? '' : `, through ${first}`}`;
    default:
      return params.at(-1) ?? '';
  }
}

const HANDLERS: Readonly<Record<string, (session: Session, message: Message) => void>> = {
  PING: (session, { params }) => void session.send(`PONG :${params.at(-1) ?? ''}`),
  CAP: (session, message) => {
    const subcommand = message.params[1]?.toUpperCase();
    if (subcommand === 'LS') session.capabilitiesOffered(message);
    else if (subcommand === 'ACK') session.capabilitiesGranted(message);
    else if (subcommand === 'NAK') session.send('CAP END');
  },
  JOIN: (session, message) => session.joined(message),
  PART: (session, message) => {
    const reason = message.params[1];
    session.left(message, message.nick, `${message.nick} left${reason === undefined ? '' : ` (${reason})`}`);
  },
  KICK: (session, message) => {
    const [, nick = '', reason = ''] = message.params;
    session.left(message, nick, `${nick} was kicked by ${message.nick} (${reason})`);
  },
  QUIT: (session, message) => session.quit(message),
  NICK: (session, message) => session.renamed(message),
  PRIVMSG: (session, message) => session.spoken(message),
  NOTICE: (session, message) => session.spoken(message),
  TOPIC: (session, message) => session.topicSet(message),
  MODE: (session, message) => session.modeChanged(message),
  ERROR: (session, message) => session.serverError(message),
  '001': (session, message) => session.welcome(message),
  '332': (session, { params }) => session.topicIs(session.state.open(params[1] ?? ''), params[2] ?? ''),
  '331': (session, { params }) => session.topicIs(session.state.open(params[1] ?? ''), ''),
  '353': (session, message) => session.names(message),
  '366': (session, { params }) => {
    const conversation = session.state.find(params[1] ?? '');
    if (conversation !== undefined) session.namesEnd(conversation);
  },
  '432': (session, message) => session.nickRefused(message),
  '433': (session, message) => session.nickTaken(message),
  ...Object.fromEntries(
    ['301', '311', '312', '313', '317', '319', '330', '350', '378', '671'].map((code) => [
      code,
      (session: Session, message: Message) => session.whois(message),
    ]),
  ),
};
