/** What the page knows: conversations, who is in them, what was said. It knows neither the wire nor the page. */
import { foldName } from './casemap.ts';

export type EntryKind = 'message' | 'action' | 'notice' | 'event' | 'error' | 'block';

/** A line of a block: what it is about, and what is said about it. */
export type Row = readonly [label: string, text: string];

/** One thing that was said or that happened. */
export interface Entry {
  readonly kind: EntryKind;
  /** Who said it; empty for what merely happened. */
  readonly from: string;
  /** What was said; the heading of a block. */
  readonly text: string;
  readonly at: Date;
  readonly isMention: boolean;
  /** The lines of a block. */
  readonly rows: readonly Row[];
}

export type EntryParts = Pick<Entry, 'kind' | 'text'> & Partial<Entry>;

/** One conversation: a channel, a person, or the server. */
export class Conversation {
  name: string;
  readonly entries: Entry[] = [];
  /** Prefixes by nickname; empty for a conversation with a person. */
  members: Map<string, string> = new Map();
  /** The members that NAMES is listing: they replace the others when it ends. */
  listedMembers: Map<string, string> | null = null;
  topic = '';
  /** Whether we are in it: one may look at a channel without, before and after. A person or the server is always there. */
  isJoined: boolean;
  unread = 0;
  hasMention = false;

  constructor(name: string) {
    this.name = name;
    this.isJoined = !this.isChannel;
  }

  get isChannel(): boolean {
    return this.name.startsWith('#');
  }

  get isServer(): boolean {
    return this.name === SERVER;
  }

  markRead(): void {
    this.unread = 0;
    this.hasMention = false;
  }
}

/** Old entries beyond this are forgotten. */
export const MAX_ENTRIES = 2_000;

/** The conversation with the server; a nickname has no `*`. */
const SERVER = '*server';

export class State {
  nick = '';
  /** What the network calls itself in 005. */
  network = '';
  /** Whether nobody looks at the page: then also the current conversation gathers unread messages. */
  isHidden = false;
  readonly server: Conversation = new Conversation(SERVER);
  readonly #conversations = new Map<string, Conversation>([[SERVER, this.server]]);
  #current: Conversation = this.server;

  get current(): Conversation {
    return this.#current;
  }

  /** All of them, in the order in which they were opened; the server is the first. */
  get conversations(): Conversation[] {
    return [...this.#conversations.values()];
  }

  get unread(): number {
    return this.conversations.reduce((sum, { unread }) => sum + unread, 0);
  }

  find(name: string): Conversation | undefined {
    return this.#conversations.get(foldName(name));
  }

  open(name: string): Conversation {
    let conversation = this.find(name);
    if (conversation === undefined) {
      conversation = new Conversation(name);
      this.#conversations.set(foldName(name), conversation);
    }
    return conversation;
  }

  show(conversation: Conversation): void {
    this.#current = conversation;
    conversation.markRead();
  }

  /** Forgets a conversation; the one before it is shown instead. */
  remove(conversation: Conversation): void {
    if (conversation === this.server) return;
    const before = this.conversations[this.conversations.indexOf(conversation) - 1] ?? this.server;
    this.#conversations.delete(foldName(conversation.name));
    if (this.#current === conversation) this.show(before);
  }

  add(conversation: Conversation, parts: EntryParts): void {
    const isSpoken = parts.kind === 'message' || parts.kind === 'action' || parts.kind === 'notice';
    const isFromOther = isSpoken && parts.from !== this.nick;
    const isMention = isFromOther && this.#mentionsMe(parts.text);
    conversation.entries.push({ from: '', at: new Date(), rows: [], ...parts, isMention });
    if (conversation.entries.length > MAX_ENTRIES) conversation.entries.shift();
    if (isFromOther && !conversation.isServer && (conversation !== this.#current || this.isHidden)) {
      conversation.unread++;
      conversation.hasMention ||= isMention || !conversation.isChannel;
    }
  }

  /** Every conversation that somebody is in. */
  sharedWith(nick: string): Conversation[] {
    return this.conversations.filter(({ members, name }) => members.has(nick) || foldName(name) === foldName(nick));
  }

  rename(from: string, to: string): void {
    for (const { members } of this.conversations) {
      const prefix = members.get(from);
      if (prefix === undefined) continue;
      members.delete(from);
      members.set(to, prefix);
    }
    const query = this.find(from);
    if (query === undefined || (this.find(to) ?? query) !== query) return;
    this.#conversations.delete(foldName(from));
    query.name = to;
    this.#conversations.set(foldName(to), query);
  }

  #mentionsMe(text: string): boolean {
    const words = foldName(text).split(/[^\p{L}\p{N}[\]\\`_^{|}-]+/u);
    return this.nick !== '' && words.includes(foldName(this.nick));
  }
}
