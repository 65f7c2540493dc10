/** The people of a channel, by rank and name. */
import type { Conversation } from './conversation.ts';
import { element, make, setText } from './dom.ts';
import { KeyedList } from './keyed-list.ts';
import { type Member, RANKS, rankOf } from './members.ts';
import { nickClass } from './nick-colour.ts';

export class MemberList {
  readonly #list: KeyedList<Member>;
  /** What is drawn: most lines change nothing here. */
  #shown: Conversation | null = null;
  #version = -1;

  constructor(onMember: (nick: string) => void) {
    this.#list = new KeyedList(element('member-list'), {
      key: ({ nick }) => nick,
      make: (member) => makeItem(member, onMember),
      update(target, member, before) {
        if (member.prefixes !== before.prefixes) fill(target, member);
      },
    });
  }

  draw(conversation: Conversation): void {
    const { members, isChannel } = conversation;
    if (conversation === this.#shown && members.version === this.#version) return;
    this.#shown = conversation;
    this.#version = members.version;
    element('chat').classList.toggle('has-members', isChannel);
    element('show-members').hidden = !isChannel;
    const { size } = members;
    setText(element('member-count'), size === 0 ? 'People' : `${size} ${size === 1 ? 'person' : 'people'}`);
    this.#list.draw(members.sorted(), element('line'));
  }
}

function makeItem(member: Member, onMember: (nick: string) => void): HTMLElement {
  const mark = make('span', 'prefix');
  mark.ariaHidden = 'true';
  const label = make('span', `label ${nickClass(member.nick)}`, member.nick);
  const button = make('button', 'name', mark, label, make('span', 'visually-hidden'));
  button.type = 'button';
  button.addEventListener('click', () => onMember(member.nick));
  const made = make('li', '', button);
  fill(made, member);
  return made;
}

function fill(made: HTMLElement, { nick, prefixes }: Member): void {
  const button = made.firstElementChild as HTMLElement;
  const [mark, , words] = button.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
  const rank = RANKS[rankOf(prefixes)];
  setText(mark, rank?.prefix ?? '');
  setText(words, rank === undefined ? '' : `, ${rank.name}`);
  button.title = rank === undefined ? `Talk to ${nick}` : `${nick}, ${rank.name}`;
}
