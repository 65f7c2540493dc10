/** The state of the page: conversations, their members and entries. It knows neither the wire nor the page. */
import { foldName } from './casemap.ts';
import { Conversation, type Entry, type EntryParts, SERVER } from './conversation.ts';

export class State {
  nick = '';
  /** What the network calls itself in 005. */
  network = '';
  /** Whether the page is hidden: then messages of the current conversation count as unread, too. */
  isHidden = false;
  /** Nicknames, folded, of people whose words are not shown. */
  readonly ignored: Set<string> = new Set();
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

  /** Removes a conversation, and shows the one before it. */
  remove(conversation: Conversation): void {
    if (conversation === this.server) return;
    const before = this.conversations[this.conversations.indexOf(conversation) - 1] ?? this.server;
    this.#conversations.delete(foldName(conversation.name));
    if (this.#current === conversation) this.show(before);
  }

  /**
   * Adds an entry. Returns it if somebody else said it to us: in a private conversation, or with our name in it. Otherwise
   * returns `null`.
   */
  add(conversation: Conversation, parts: EntryParts): Entry | null {
    const isSpoken = parts.kind === 'message' || parts.kind === 'action' || parts.kind === 'notice';
    const isFromOther = isSpoken && parts.from !== this.nick;
    const isMention = isFromOther && this.#mentionsMe(parts.text);
    const entry: Entry = { from: '', at: new Date(), rows: [], changes: [], ...parts, isMention };
    conversation.add(entry);
    if (!isFromOther || conversation.isServer) return null;
    const isForMe = isMention || !conversation.isChannel;
    if (conversation !== this.#current || this.isHidden) conversation.markUnread(isForMe);
    return isForMe ? entry : null;
  }

  /** Returns every conversation that a person is in. */
  sharedWith(nick: string): Conversation[] {
    return this.conversations.filter(({ members, name }) => members.has(nick) || foldName(name) === foldName(nick));
  }

  rename(from: string, to: string): void {
    for (const { members } of this.conversations) members.rename(from, to);
    const query = this.find(from);
    if (query === undefined || (this.find(to) ?? query) !== query) return;
    this.#conversations.delete(foldName(from));
    query.name = to;
    this.#conversations.set(foldName(to), query);
  }

  #mentionsMe(text: string): boolean {
    if (this.nick === '' || !foldName(text).includes(foldName(this.nick))) return false;
    return foldName(text)
      .split(/[^\p{L}\p{N}[\]\\`_^{|}-]+/u)
      .includes(foldName(this.nick));
  }
}
