/** One conversation (a channel, a person, or the server) and its entries. */
import { Members } from './members.ts';
import { type Presence, summarise } from './presence.ts';

export type EntryKind = 'message' | 'action' | 'notice' | 'event' | 'error' | 'block' | 'presence';

/** A line of a block: a label and a text. */
export type Row = readonly [label: string, text: string];

/** One message or event. */
export interface Entry {
  readonly kind: EntryKind;
  /** The nickname of the speaker; empty for events. */
  readonly from: string;
  /** What was said; the heading of a block. */
  readonly text: string;
  readonly at: Date;
  readonly isMention: boolean;
  /** The lines of a block. */
  readonly rows: readonly Row[];
  /** The joins, parts and new names of a `presence` entry. It grows until something else is said. */
  readonly changes: readonly Presence[];
}

export type EntryParts = Pick<Entry, 'kind' | 'text'> & Partial<Entry>;

/** How many entries are kept, and how many more may gather before the oldest are dropped together. */
export const MAX_ENTRIES = 10_000;
const SLACK = 500;

/** The longest row of comings and goings in one entry. */
const MAX_FOLDED = 200;

/** The name of the conversation with the server; a nickname has no `*`. */
export const SERVER = '*server';

export class Conversation {
  name: string;
  readonly members: Members = new Members();
  topic = '';
  /** Whether we are in it: one may look at a channel without, before and after. A person or the server is always there. */
  isJoined: boolean;
  unread = 0;
  hasMention = false;
  /** The number of the entry with which the unread messages began, last time there were any. */
  newFrom = -1;
  readonly #entries: Entry[] = [];
  #dropped = 0;

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

  /** The number of the oldest entry that is kept. Entries are numbered from 0 for as long as the page lives. */
  get start(): number {
    return this.#dropped;
  }

  /** One more than the number of the newest entry. */
  get end(): number {
    return this.#dropped + this.#entries.length;
  }

  entry(number: number): Entry | undefined {
    return this.#entries[number - this.#dropped];
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length <= MAX_ENTRIES + SLACK) return;
    this.#entries.splice(0, SLACK);
    this.#dropped += SLACK;
  }

  /** Adds a join, part or new name: to the last entry, if that is of the same kind and of the same day. */
  addPresence(change: Presence): void {
    const last = this.#entries.at(-1);
    const isFolded =
      last?.kind === 'presence' && last.changes.length < MAX_FOLDED && last.at.toDateString() === change.at.toDateString();
    const changes = isFolded ? [...last.changes, change] : [change];
    const at = isFolded ? last.at : change.at;
    const entry: Entry = { kind: 'presence', from: '', text: summarise(changes), at, isMention: false, rows: [], changes };
    if (isFolded) this.#entries[this.#entries.length - 1] = entry;
    else this.add(entry);
  }

  /** Counts the newest entry as unread. */
  markUnread(isForMe: boolean): void {
    if (this.unread === 0) this.newFrom = this.end - 1;
    this.unread++;
    this.hasMention ||= isForMe;
  }

  markRead(): void {
    this.unread = 0;
    this.hasMention = false;
  }
}
