/**
 * The web client, from the top: a form to come in by, then a place to talk.
 *
 * {@link Connection} carries lines, {@link Session} knows IRC, {@link State} knows who is where and what was said, {@link View} shows it. This file joins them.
 */
import { COMMAND_NAMES, runInput } from './commands.ts';
import { completions } from './complete.ts';
import { Connection } from './connection.ts';
import { element } from './dom.ts';
import { wireInput } from './input.ts';
import { closePanels, wirePanels } from './panels.ts';
import { Session } from './session.ts';
import { type Conversation, State } from './state.ts';
import { StatusView } from './status-view.ts';
import { wireTheme } from './theme.ts';
import { View } from './view.ts';
import { Welcome } from './welcome.ts';

const state = new State();

const connection: Connection = new Connection(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`, {
  onOpen: () => session.connected(),
  onLine: (line) => session.receive(line),
  onSilence: () => void session.send('PING :still there?'),
  onStatus(status) {
    statusView.show(status);
    if (status.state !== 'waiting' && status.state !== 'offline') return;
    session.disconnected();
    // Somebody who is not in yet would rather know than wait.
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
  onChange: scheduleDraw,
  onRefused: refuse,
});

const statusView = new StatusView(() => connection.open());
const welcome = new Welcome((nick, channel) => {
  session.enter(nick, channel);
  connection.open();
});
const view = new View(state, { onShow: show, onLeave: leave, onMember: (nick) => show(state.open(nick)) });

let isDrawScheduled = false;
/** Many lines in one turn of the event loop are one drawing. */
function scheduleDraw(): void {
  if (isDrawScheduled) return;
  isDrawScheduled = true;
  queueMicrotask(() => {
    isDrawScheduled = false;
    view.draw();
  });
}

function refuse(reason: string): void {
  if (welcome.isShown) welcome.refuse(reason);
  connection.close(reason);
}

function show(conversation: Conversation): void {
  state.show(conversation);
  closePanels();
  scheduleDraw();
  focusLine();
}

function leave(conversation: Conversation): void {
  if (conversation.isChannel && conversation.isJoined && session.isOnline) {
    session.send(`PART ${conversation.name}`);
    return;
  }
  state.remove(conversation);
  scheduleDraw();
}

/** Puts the cursor into the line, where that does not bring up a keyboard over half of the screen. */
function focusLine(): void {
  if (matchMedia('(pointer: fine)').matches) element('line').focus();
}

wireTheme();
wirePanels();
wireInput({
  onSubmit(text) {
    const isDone = runInput(text, session, {
      show,
      leave,
      tell(words, rows) {
        state.add(state.current, rows === undefined ? { kind: 'event', text: words } : { kind: 'block', text: words, rows });
        scheduleDraw();
      },
      quit(reason) {
        session.send(`QUIT :${reason}`);
        connection.close('You have left');
      },
    });
    if (!isDone) {
      state.add(state.current, { kind: 'error', text: 'There is no connection: this was not sent' });
      scheduleDraw();
    }
    return isDone;
  },
  complete: (word, isFirst) =>
    completions(word, isFirst, {
      nicks: [...state.current.members.keys()].filter((nick) => nick !== state.nick),
      channels: state.conversations.filter(({ isChannel }) => isChannel).map(({ name }) => name),
      commands: COMMAND_NAMES,
    }),
});

addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
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
  scheduleDraw();
});
