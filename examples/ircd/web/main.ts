/**
 * The web client, from the top: a form to come in by, then a place to talk.
 *
 * {@link Connection} carries lines, {@link Session} knows IRC, {@link State} holds conversations and members, {@link View} shows
 * it, {@link Drawing} says when. This file joins them.
 */
import { foldName } from './casemap.ts';
import { COMMAND_NAMES, type CommandPage, runInput } from './commands.ts';
import { completions } from './complete.ts';
import { Connection } from './connection.ts';
import type { Conversation } from './conversation.ts';
import { element, setText } from './dom.ts';
import { Drawing } from './drawing.ts';
import { wireInput } from './input.ts';
import { wireLinks } from './link-clicks.ts';
import { Notifications } from './notifications.ts';
import { closePanels, wirePanels } from './panels.ts';
import { confirmPaste } from './paste.ts';
import { Search } from './search.ts';
import { Session } from './session.ts';
import { State } from './state.ts';
import { StatusView } from './status-view.ts';
import { recall, remember } from './storage.ts';
import { wireTheme } from './theme.ts';
import { View } from './view.ts';
import { Welcome } from './welcome.ts';

const state = new State();
for (const nick of (recall('ignored') ?? '').split(' ')) if (nick !== '') state.ignored.add(nick);

const connection: Connection = new Connection(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`, {
  onOpen: () => session.connected(),
  onLine: (line) => session.receive(line),
  onSilence: () => void session.send('PING :still there?'),
  onStatus(status) {
    statusView.show(status);
    if (status.state === 'online') session.resumed();
    if (status.state !== 'waiting' && status.state !== 'offline') return;
    session.disconnected();
    // The form shows the error at once: nobody has to wait for a second try.
    if (status.state === 'waiting' && welcome.isShown) refuse(status.reason);
  },
});

const session: Session = new Session(state, connection, {
  onWelcome() {
    connection.succeed();
    if (!welcome.isShown) return;
    welcome.hide();
    focusLine();
  },
  onChange: () => drawing.request(),
  onRefused: refuse,
  onMention: (conversation, entry) => notifications.tell(conversation.name, entry),
  onWaiting(lines) {
    element('sending').hidden = lines === 0;
    const what = connection.isSuspended ? 'for the network' : lines === 1 ? 'for its turn' : 'for their turn';
    setText(element('sending-count'), `${lines} ${lines === 1 ? 'line waits' : 'lines wait'} ${what}`);
  },
  onUnsent(target, text) {
    const line = element<HTMLTextAreaElement>('line');
    if (line.value === '' && foldName(target) === foldName(state.current.name)) line.value = text;
  },
});

const statusView = new StatusView(() => connection.open());
const welcome = new Welcome((identity, channel) => {
  session.enter(identity, channel);
  connection.open();
});
const view = new View(state, {
  onShow: show,
  onLeave: leave,
  onMember: (nick) => show(state.open(nick)),
  requestDraw: () => drawing.request(),
});
const drawing = new Drawing(() => view.draw());
const search = new Search(
  () => state.current,
  (conversation, number) => view.log.reveal(conversation, number),
);
const notifications = new Notifications((name) => show(state.open(name)));

function refuse(reason: string): void {
  if (welcome.isShown) welcome.refuse(reason);
  connection.close(reason);
}

function show(conversation: Conversation): void {
  search.close();
  state.show(conversation);
  closePanels();
  drawing.request();
  focusLine();
}

function leave(conversation: Conversation): void {
  if (conversation.isChannel && conversation.isJoined && session.isOnline) {
    session.send(`PART ${conversation.name}`);
    return;
  }
  state.remove(conversation);
  drawing.request();
}

/** Puts the cursor into the line, where that does not bring up a keyboard over half of the screen. */
function focusLine(): void {
  if (matchMedia('(pointer: fine)').matches) element('line').focus();
}

const page: CommandPage = {
  show,
  leave,
  tell(words, rows) {
    state.add(state.current, rows === undefined ? { kind: 'event', text: words } : { kind: 'block', text: words, rows });
    drawing.request();
  },
  quit(reason) {
    session.send(`QUIT :${reason}`);
    connection.close('You have left');
  },
  search: (text) => search.open(text),
  saveIgnored: () => remember('ignored', [...state.ignored].join(' ')),
  confirm: confirmPaste,
};

wireTheme();
wirePanels();
wireLinks((channel) => {
  const known = state.find(channel);
  if (known?.isJoined === true) show(known);
  else session.join(channel);
});
wireInput({
  async onSubmit(text) {
    const wasOnline = session.isOnline;
    const isDone = await runInput(text, session, page);
    if (!isDone && !(wasOnline && session.isOnline)) {
      state.add(state.current, { kind: 'error', text: 'There is no connection: this was not sent' });
      drawing.request();
    }
    if (isDone) view.log.scrollToEnd();
    return isDone;
  },
  complete: (word, isFirst) =>
    completions(word, isFirst, {
      nicks: state.current.members.nicks().filter((nick) => nick !== state.nick),
      channels: state.conversations.filter(({ isChannel }) => isChannel).map(({ name }) => name),
      commands: COMMAND_NAMES,
    }),
});
element('sending-stop').addEventListener('click', () => session.stopSaying());

addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && document.querySelector('dialog[open]') === null) {
    search.close();
    closePanels();
    element('line').focus();
  }
  if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
  event.preventDefault();
  const all = state.conversations;
  const step = event.key === 'ArrowDown' ? 1 : all.length - 1;
  show(all[(all.indexOf(state.current) + step) % all.length] ?? state.server);
});

document.addEventListener('visibilitychange', () => {
  state.isHidden = document.hidden;
  if (document.hidden) return;
  state.current.markRead();
  drawing.request();
});
