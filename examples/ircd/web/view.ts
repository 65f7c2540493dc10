/** The page around the log: heading, conversations, members. Draws the state, and nothing else. */

import type { Conversation } from './conversation.ts';
import { ConversationList } from './conversation-list.ts';
import { element, setText } from './dom.ts';
import { formatText } from './format.ts';
import { LogView } from './log-view.ts';
import { MemberList } from './member-list.ts';
import { plainText } from './mirc.ts';
import { nickClass } from './nick-colour.ts';
import type { State } from './state.ts';
import { showUnread } from './unread.ts';

export interface ViewEvents {
  onShow(conversation: Conversation): void;
  onLeave(conversation: Conversation): void;
  onMember(nick: string): void;
  /** Called when more is to be drawn: draw again in the next frame. */
  requestDraw(): void;
}

export class View {
  readonly log: LogView;
  readonly #state: State;
  readonly #conversations: ConversationList;
  readonly #members: MemberList;
  #topic = '';

  constructor(state: State, events: ViewEvents) {
    this.#state = state;
    this.log = new LogView(events.requestDraw);
    this.#conversations = new ConversationList(events.onShow, events.onLeave);
    this.#members = new MemberList(events.onMember);
  }

  draw(): void {
    const { current, unread, conversations } = this.#state;
    showUnread(
      unread,
      conversations.some(({ hasMention }) => hasMention),
      titleOf(current),
    );
    // The rest is drawn when the page is shown again.
    if (document.hidden) return;
    this.#drawHeading(current);
    this.#conversations.draw(conversations, current);
    this.#members.draw(current);
    this.log.draw(current);
  }

  #drawHeading(current: Conversation): void {
    const { nick, network, unread } = this.#state;
    const title = titleOf(current);
    setText(element('title'), title);
    this.#drawTopic(subtitleOf(current));
    setText(element('network'), network || 'Chat');
    setText(element('me'), nick);
    element('me').className = nickClass(nick);
    element<HTMLTextAreaElement>('line').placeholder = current.isServer
      ? 'Commands, such as /join #lobby or /help'
      : `Message ${title}`;
    element('unread-elsewhere').hidden = unread === 0;
  }

  /** A topic may have links, which stay the same elements while nothing changes. */
  #drawTopic(text: string): void {
    if (text === this.#topic) return;
    this.#topic = text;
    element('topic').replaceChildren(...formatText(text));
    element('topic').title = plainText(text);
  }
}

function titleOf(conversation: Conversation): string {
  return conversation.isServer ? 'Server' : conversation.name;
}

function subtitleOf(conversation: Conversation): string {
  if (conversation.isServer) return 'What the server says, to you alone';
  if (!conversation.isChannel) return 'Between the two of you';
  if (!conversation.isJoined) return `You are not in this channel: /join ${conversation.name}`;
  return conversation.topic || 'No topic';
}
