/** The conversations at the side: which one is shown, and where something is unread. */
import type { Conversation } from './conversation.ts';
import { element, make, setText } from './dom.ts';
import { KeyedList } from './keyed-list.ts';

interface Item {
  readonly conversation: Conversation;
  readonly name: string;
  readonly isCurrent: boolean;
  readonly isJoined: boolean;
  readonly unread: number;
  readonly hasMention: boolean;
}

export class ConversationList {
  readonly #list: KeyedList<Item>;

  constructor(onShow: (conversation: Conversation) => void, onLeave: (conversation: Conversation) => void) {
    const numbers = new WeakMap<Conversation, string>();
    let count = 0;
    // A person may change their name, and is the same conversation.
    const keyOf = (conversation: Conversation): string => {
      if (!numbers.has(conversation)) numbers.set(conversation, String(count++));
      return numbers.get(conversation) as string;
    };
    this.#list = new KeyedList(element('buffer-list'), {
      key: ({ conversation }) => keyOf(conversation),
      make: (item) => makeItem(item, onShow, onLeave),
      update(target, item, before) {
        if (Object.entries(item).some(([key, value]) => before[key as keyof Item] !== value)) fill(target, item);
      },
    });
  }

  draw(conversations: readonly Conversation[], current: Conversation): void {
    const items = conversations.map((conversation) => ({
      conversation,
      name: conversation.isServer ? 'Server' : conversation.name,
      isCurrent: conversation === current,
      isJoined: conversation.isJoined,
      unread: conversation.unread,
      hasMention: conversation.hasMention,
    }));
    this.#list.draw(items, element('line'));
  }
}

function makeItem(
  item: Item,
  onShow: (conversation: Conversation) => void,
  onLeave: (conversation: Conversation) => void,
): HTMLElement {
  const { conversation } = item;
  const show = make('button', 'name', make('span', 'label'), make('span', 'badge', make('span', 'count'), unreadWord()));
  show.type = 'button';
  show.addEventListener('click', () => onShow(conversation));
  const made = make('li', '', show);
  if (!conversation.isServer) {
    const leave = make('button', 'leave', '×');
    leave.type = 'button';
    leave.addEventListener('click', () => onLeave(conversation));
    made.className = 'can-leave';
    made.append(leave);
  }
  fill(made, item);
  return made;
}

function unreadWord(): HTMLElement {
  return make('span', 'visually-hidden', ' unread');
}

function fill(made: HTMLElement, { conversation, name, isCurrent, isJoined, unread, hasMention }: Item): void {
  const [show, leave] = made.querySelectorAll('button');
  if (show === undefined) return;
  show.classList.toggle('is-left', !isJoined);
  show.classList.toggle('has-unread', unread > 0);
  if (isCurrent) show.setAttribute('aria-current', 'page');
  else show.removeAttribute('aria-current');
  const [label, badge] = show.children as unknown as [HTMLElement, HTMLElement];
  setText(label, name);
  badge.hidden = unread === 0;
  badge.classList.toggle('is-mention', hasMention);
  setText(badge.firstElementChild as HTMLElement, unread > 999 ? '999+' : String(unread));
  if (leave === undefined) return;
  leave.ariaLabel = conversation.isChannel ? `Leave ${name}` : `Close ${name}`;
  leave.title = leave.ariaLabel;
}
