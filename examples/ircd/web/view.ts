/** The page: draws the state, and nothing else. */
import { formatText, formatTime, nickHue } from './format.ts';
import { type Conversation, type Entry, SERVER, type State } from './state.ts';

export const element = <T extends HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
};

/** How near to its end the log must be to follow what is new, in pixels. */
const FOLLOW_WITHIN = 80;

const RANK = ['@', '+', ''];

export class View {
  readonly #state: State;
  readonly #onChoose: (conversation: Conversation) => void;
  readonly #onMember: (nick: string) => void;
  readonly #log = element<HTMLOListElement>('log');
  #shown: Conversation | null = null;
  #drawn: Entry | null = null;

  constructor(state: State, onChoose: (conversation: Conversation) => void, onMember: (nick: string) => void) {
    this.#state = state;
    this.#onChoose = onChoose;
    this.#onMember = onMember;
  }

  draw(): void {
    this.#drawHeading();
    this.#drawConversations();
    this.#drawMembers();
    this.#drawLog();
  }

  #drawHeading(): void {
    const { current, nick } = this.#state;
    const unread = [...this.#state.conversations.values()].reduce((sum, { unread }) => sum + unread, 0);
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${current.name} · Chat`;
    element('title').textContent = current.name;
    element('topic').textContent =
      current.topic || (current.name === SERVER ? `You are ${nick}` : current.isJoined ? '' : 'You are not in this channel');
    element('topic').title = current.topic;
  }

  #drawConversations(): void {
    const items = [...this.#state.conversations.values()].map((conversation) => {
      const button = document.createElement('button');
      button.type = 'button';
      const name = document.createElement('span');
      name.textContent = conversation.name;
      button.append(name);
      button.setAttribute('aria-current', String(conversation === this.#state.current));
      button.classList.toggle('is-left', !conversation.isJoined);
      if (conversation.unread > 0) {
        const badge = document.createElement('span');
        badge.className = conversation.hasMention ? 'badge is-mention' : 'badge';
        badge.textContent = String(conversation.unread);
        badge.ariaLabel = `${conversation.unread} unread`;
        button.append(badge);
      }
      button.addEventListener('click', () => this.#onChoose(conversation));
      return listItem(button);
    });
    element('buffer-list').replaceChildren(...items);
  }

  #drawMembers(): void {
    const { members, isChannel } = this.#state.current;
    const sorted = [...members].sort(
      ([a, x], [b, y]) => RANK.indexOf(x[0] ?? '') - RANK.indexOf(y[0] ?? '') || a.localeCompare(b),
    );
    element('member-count').textContent = isChannel ? `${members.size} ${members.size === 1 ? 'person' : 'people'}` : '';
    element('member-list').replaceChildren(
      ...sorted.map(([nick, prefix]) => {
        const button = document.createElement('button');
        button.type = 'button';
        const name = document.createElement('span');
        name.textContent = nick;
        const mark = document.createElement('span');
        mark.className = 'prefix';
        mark.textContent = prefix[0] ?? '';
        mark.title = prefix.startsWith('@') ? 'channel operator' : prefix.startsWith('+') ? 'voiced' : '';
        button.append(name, mark);
        button.addEventListener('click', () => this.#onMember(nick));
        return listItem(button);
      }),
    );
  }

  /** Adds what is new; draws all of it only for another conversation, so that a screen reader hears each line once. */
  #drawLog(): void {
    const { current } = this.#state;
    const log = this.#log;
    const follows = this.#shown !== current || log.scrollHeight - log.scrollTop - log.clientHeight < FOLLOW_WITHIN;
    if (this.#shown !== current) {
      this.#shown = current;
      this.#drawn = null;
      // Old lines are not news.
      log.ariaLive = 'off';
      log.replaceChildren();
    }
    const from = this.#drawn === null ? 0 : current.entries.lastIndexOf(this.#drawn) + 1;
    if (current.entries.length === 0) log.replaceChildren(emptyItem());
    else if (from === 0) log.replaceChildren();
    log.append(...current.entries.slice(from).map((entry) => entryItem(entry)));
    this.#drawn = current.entries.at(-1) ?? null;
    if (follows) log.scrollTo({ top: log.scrollHeight, behavior: from === 0 ? 'instant' : 'auto' });
    requestAnimationFrame(() => {
      log.ariaLive = 'polite';
    });
  }
}

function entryItem(entry: Entry): HTMLLIElement {
  const item = document.createElement('li');
  item.className = `is-${entry.kind === 'notice' ? 'event' : entry.kind}${entry.isMention ? ' is-mention' : ''}`;
  const time = document.createElement('time');
  time.dateTime = entry.at.toISOString();
  time.textContent = formatTime(entry.at);
  time.title = entry.at.toLocaleString();
  const from = document.createElement('span');
  from.className = 'from';
  from.textContent = entry.kind === 'action' ? `* ${entry.from}` : entry.from;
  from.title = entry.from;
  // A custom property set by script is no inline style to the Content-Security-Policy.
  if (entry.from !== '') item.style.setProperty('--hue', String(nickHue(entry.from)));
  const text = document.createElement('span');
  text.className = 'text';
  text.append(...formatText(entry.text));
  item.append(time, from, text);
  return item;
}

function emptyItem(): HTMLLIElement {
  const item = document.createElement('li');
  item.className = 'empty';
  item.textContent = 'Nothing has been said yet.';
  return item;
}

function listItem(child: Node): HTMLLIElement {
  const item = document.createElement('li');
  item.append(child);
  return item;
}
