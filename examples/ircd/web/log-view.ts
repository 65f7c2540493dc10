/**
 * The log of one conversation.
 *
 * In: a conversation. Out: its entries on the page. New ones are appended and old ones stay as they are, so that a screen reader hears each line once; only
 * another conversation is drawn anew, in silence.
 */
import { element, make } from './dom.ts';
import { formatDay, formatText, formatTime } from './format.ts';
import { colourNick } from './nick-colour.ts';
import { type Conversation, type Entry, MAX_ENTRIES } from './state.ts';

/** How near to its end the log must be to follow what is new, in pixels. */
const FOLLOW_WITHIN = 80;

export class LogView {
  readonly #log = element('log');
  readonly #jump = element<HTMLButtonElement>('jump');
  #shown: Conversation | null = null;
  #last: Entry | null = null;

  constructor() {
    this.#jump.addEventListener('click', () => this.#scrollToEnd());
    this.#log.addEventListener('scroll', () => {
      if (this.#isAtEnd()) this.#jump.hidden = true;
    });
    // A keyboard that comes up on a phone, or a window made smaller, keeps the newest line in sight.
    new ResizeObserver(() => {
      if (this.#jump.hidden) this.#scrollToEnd();
    }).observe(this.#log);
  }

  draw(conversation: Conversation): void {
    const isOther = this.#shown !== conversation;
    const follows = isOther || this.#isAtEnd();
    if (isOther) this.#clear(conversation);
    const { entries } = conversation;
    const from = this.#last === null ? 0 : entries.lastIndexOf(this.#last) + 1;
    const added = entries.slice(from);
    for (const entry of added) this.#append(entry);
    while (this.#log.childElementCount > MAX_ENTRIES) this.#log.firstElementChild?.remove();
    if (follows) this.#scrollToEnd();
    else if (added.length > 0) this.#jump.hidden = false;
  }

  #clear(conversation: Conversation): void {
    this.#shown = conversation;
    this.#last = null;
    this.#jump.hidden = true;
    this.#log.replaceChildren(introItem(conversation));
    // What was said before is no news.
    this.#log.ariaLive = 'off';
    requestAnimationFrame(() => {
      this.#log.ariaLive = 'polite';
    });
  }

  #append(entry: Entry): void {
    if (this.#last !== null && this.#last.at.toDateString() !== entry.at.toDateString())
      this.#log.append(make('li', 'day', formatDay(entry.at)));
    this.#log.append(entryItem(entry));
    this.#last = entry;
  }

  #isAtEnd(): boolean {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < FOLLOW_WITHIN;
  }

  #scrollToEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#jump.hidden = true;
  }
}

function entryItem(entry: Entry): HTMLLIElement {
  const time = make('time', '', formatTime(entry.at));
  time.dateTime = entry.at.toISOString();
  time.title = entry.at.toLocaleString();
  const from = make('span', 'from', entry.from);
  from.title = entry.from;
  if (entry.from !== '') colourNick(from, entry.from);
  const text = entry.kind === 'block' ? block(entry) : make('span', 'text', ...formatText(entry.text));
  return make('li', `is-${entry.kind}${entry.isMention ? ' is-mention' : ''}`, time, from, text);
}

function block({ text, rows }: Entry): HTMLElement {
  const list = make('dl', '');
  for (const [label, value] of rows) list.append(make('div', '', make('dt', '', label), make('dd', '', ...formatText(value))));
  return make('div', 'text block', make('strong', '', text), list);
}

/** Stands at the beginning, so that an empty conversation is not an empty page. */
function introItem({ isChannel, isServer, name }: Conversation): HTMLLIElement {
  if (isServer) return make('li', 'intro', make('strong', '', 'The server'), 'What it has to say to you, and to you alone.');
  if (isChannel)
    return make(
      'li',
      'intro',
      make('strong', '', name),
      'You read what is said from now on. Say hello, or /help for what else can be done.',
    );
  return make('li', 'intro', make('strong', '', name), 'A conversation between the two of you.');
}
