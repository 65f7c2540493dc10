/** The page around the log: heading, conversations, members. Draws the state, and nothing else. */
import { element, make } from './dom.ts';
import { LogView } from './log-view.ts';
import { colourNick } from './nick-colour.ts';
import type { Conversation, State } from './state.ts';

export interface ViewEvents {
  onShow(conversation: Conversation): void;
  onLeave(conversation: Conversation): void;
  onMember(nick: string): void;
}

const RANKS: readonly { readonly prefix: string; readonly name: string }[] = [
  { prefix: '@', name: 'channel operator' },
  { prefix: '+', name: 'voiced' },
];

export class View {
  readonly #state: State;
  readonly #events: ViewEvents;
  readonly #log = new LogView();

  constructor(state: State, events: ViewEvents) {
    this.#state = state;
    this.#events = events;
  }

  draw(): void {
    const { current } = this.#state;
    this.#drawHeading(current);
    keepingFocus(element('buffer-list'), () => this.#drawConversations());
    keepingFocus(element('member-list'), () => this.#drawMembers(current));
    this.#log.draw(current);
  }

  #drawHeading(current: Conversation): void {
    const { nick, network, unread } = this.#state;
    const title = this.#titleOf(current);
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${title} · Chat`;
    element('title').textContent = title;
    element('topic').textContent = subtitleOf(current);
    element('topic').title = current.topic;
    element('network').textContent = network || 'Chat';
    const me = element('me');
    me.textContent = nick;
    colourNick(me, nick);
    element<HTMLTextAreaElement>('line').placeholder = current.isServer
      ? 'Commands, such as /join #lobby or /help'
      : `Message ${title}`;
    element('unread-elsewhere').hidden = unread === 0;
  }

  #titleOf(conversation: Conversation): string {
    return conversation.isServer ? 'Server' : conversation.name;
  }

  #drawConversations(): void {
    const items = this.#state.conversations.map((conversation) => {
      const title = this.#titleOf(conversation);
      const button = make('button', conversation.isJoined ? 'name' : 'name is-left', make('span', '', title));
      button.type = 'button';
      button.dataset['key'] = conversation.name;
      if (conversation === this.#state.current) button.setAttribute('aria-current', 'page');
      if (conversation.unread > 0) button.append(badge(conversation));
      button.addEventListener('click', () => this.#events.onShow(conversation));
      const item = make('li', '', button);
      if (!conversation.isServer) item.append(this.#leaveButton(conversation));
      return item;
    });
    element('buffer-list').replaceChildren(...items);
  }

  #leaveButton(conversation: Conversation): HTMLButtonElement {
    const button = make('button', 'leave', '×');
    button.type = 'button';
    button.dataset['key'] = `leave ${conversation.name}`;
    button.ariaLabel = conversation.isChannel ? `Leave ${conversation.name}` : `Close ${conversation.name}`;
    button.title = button.ariaLabel;
    button.addEventListener('click', () => this.#events.onLeave(conversation));
    return button;
  }

  #drawMembers({ members, isChannel }: Conversation): void {
    element('chat').classList.toggle('has-members', isChannel);
    element('show-members').hidden = !isChannel;
    const { size } = members;
    element('member-count').textContent = size === 0 ? 'People' : `${size} ${size === 1 ? 'person' : 'people'}`;
    const sorted = [...members].sort(([a, x], [b, y]) => rankOf(x) - rankOf(y) || a.localeCompare(b));
    element('member-list').replaceChildren(...sorted.map(([nick, prefix]) => make('li', '', this.#memberButton(nick, prefix))));
  }

  #memberButton(nick: string, prefixes: string): HTMLButtonElement {
    const rank = RANKS[rankOf(prefixes)];
    const mark = make('span', 'prefix', rank?.prefix ?? '');
    mark.ariaHidden = 'true';
    const name = make('span', '', nick);
    colourNick(name, nick);
    const button = make('button', 'name', mark, name);
    button.type = 'button';
    button.dataset['key'] = nick;
    button.title = rank === undefined ? `Talk to ${nick}` : `${nick}, ${rank.name}`;
    if (rank !== undefined) button.append(make('span', 'visually-hidden', `, ${rank.name}`));
    button.addEventListener('click', () => this.#events.onMember(nick));
    return button;
  }
}

function subtitleOf(conversation: Conversation): string {
  if (conversation.isServer) return 'What the server says, to you alone';
  if (!conversation.isChannel) return 'Between the two of you';
  if (!conversation.isJoined) return `You are not in this channel: /join ${conversation.name}`;
  return conversation.topic || 'No topic';
}

function rankOf(prefixes: string): number {
  const rank = RANKS.findIndex(({ prefix }) => prefixes.includes(prefix));
  return rank < 0 ? RANKS.length : rank;
}

function badge({ unread, hasMention }: Conversation): HTMLSpanElement {
  const made = make('span', hasMention ? 'badge is-mention' : 'badge', String(unread));
  made.append(make('span', 'visually-hidden', ' unread'));
  return made;
}

/** Draws a list again without taking the keyboard away from whoever is walking through it. */
function keepingFocus(list: HTMLElement, draw: () => void): void {
  const focused = document.activeElement;
  const key = focused instanceof HTMLElement && list.contains(focused) ? focused.dataset['key'] : undefined;
  draw();
  if (key === undefined) return;
  const buttons = [...list.querySelectorAll<HTMLElement>('[data-key]')];
  (buttons.find((button) => button.dataset['key'] === key) ?? element('line')).focus();
}
