/** What the page knows: conversations, who is in them, what was said. It knows neither the wire nor the page. */

export type EntryKind = 'message' | 'action' | 'notice' | 'event' | 'error';

export interface Entry {
  readonly kind: EntryKind;
  readonly from: string;
  readonly text: string;
  readonly at: Date;
  readonly isMention: boolean;
}

/** One conversation: a channel, a person, or the server. */
export class Conversation {
  name: string;
  readonly entries: Entry[] = [];
  /** Prefixes by nickname; empty for a conversation with a person. */
  readonly members = new Map<string, string>();
  topic = '';
  isJoined = true;
  unread = 0;
  hasMention = false;
  /** Whether NAMES is being received: the list is new at its first line. */
  isReceivingNames = false;

  constructor(name: string) {
    this.name = name;
  }

  get isChannel(): boolean {
    return this.name.startsWith('#');
  }
}

/** Old entries beyond this are forgotten. */
const MAX_ENTRIES = 2_000;

export const SERVER = 'Server';

export class State {
  nick = '';
  readonly conversations = new Map<string, Conversation>();
  current: Conversation;

  constructor() {
    this.current = this.open(SERVER);
  }

  find(name: string): Conversation | undefined {
    return this.conversations.get(name.toLowerCase());
  }

  open(name: string): Conversation {
    let conversation = this.find(name);
    if (conversation === undefined) {
      conversation = new Conversation(name);
      this.conversations.set(name.toLowerCase(), conversation);
    }
    return conversation;
  }

  remove(conversation: Conversation): void {
    this.conversations.delete(conversation.name.toLowerCase());
    if (this.current === conversation) this.current = [...this.conversations.values()].at(-1) ?? this.open(SERVER);
  }

  add(conversation: Conversation, kind: EntryKind, from: string, text: string, at = new Date()): Entry {
    const isSpoken = kind === 'message' || kind === 'action';
    const isMention = isSpoken && from !== this.nick && this.#mentions(text);
    const entry = { kind, from, text, at, isMention };
    conversation.entries.push(entry);
    if (conversation.entries.length > MAX_ENTRIES) conversation.entries.shift();
    if (conversation !== this.current && (isSpoken || kind === 'notice')) {
      conversation.unread++;
      conversation.hasMention ||= isMention || !conversation.isChannel;
    }
    return entry;
  }

  /** Every conversation that somebody is in. */
  sharedWith(nick: string): Conversation[] {
    return [...this.conversations.values()].filter(
      ({ members, name }) => members.has(nick) || name.toLowerCase() === nick.toLowerCase(),
    );
  }

  renameMember(from: string, to: string): void {
    for (const { members } of this.conversations.values()) {
      const prefix = members.get(from);
      if (prefix === undefined) continue;
      members.delete(from);
      members.set(to, prefix);
    }
    const query = this.find(from);
    if (query !== undefined && !query.isChannel && this.find(to) === undefined) {
      this.conversations.delete(from.toLowerCase());
      query.name = to;
      this.conversations.set(to.toLowerCase(), query);
    }
  }

  #mentions(text: string): boolean {
    const words = text.toLowerCase().split(/[^\p{L}\p{N}[\]\\`_^{|}-]+/u);
    return this.nick !== '' && words.includes(this.nick.toLowerCase());
  }
}
