/** The web client, from the top: a form to come in by, then a place to talk. */
import { runInput } from './commands.ts';
import { Connection, type ConnectionState } from './connection.ts';
import { wireInput } from './input.ts';
import { Session } from './session.ts';
import { applyTheme, currentTheme, recall, remember, type Theme } from './settings.ts';
import { type Conversation, SERVER, State } from './state.ts';
import { element, View } from './view.ts';

const state = new State();
const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`;

const connection = new Connection(url, {
  onOpen: () => session.register(recallOr('nick', 'guest'), recallOr('channel', '#lobby')),
  onLine: (line) => session.receive(line),
  onState: showConnection,
});

const session = new Session(state, connection, {
  onWelcome: () => {
    connection.succeeded();
    element('welcome').hidden = true;
    element('chat').hidden = false;
    element('line').focus();
  },
  onChange: () => scheduleDraw(),
  onRefused: (reason) => {
    connection.close();
    element('join-error').textContent = reason;
    element<HTMLButtonElement>('join-button').disabled = false;
  },
});

const view = new View(state, show, (nick) => show(state.open(nick)));

let isDrawScheduled = false;
/** Many lines in one turn are one drawing. */
function scheduleDraw(): void {
  if (isDrawScheduled) return;
  isDrawScheduled = true;
  queueMicrotask(() => {
    isDrawScheduled = false;
    view.draw();
  });
}

function show(conversation: Conversation): void {
  state.current = conversation;
  conversation.unread = 0;
  conversation.hasMention = false;
  closeSides();
  view.draw();
  element('line').focus();
}

function showConnection(connectionState: ConnectionState, detail: string): void {
  const status = element('status');
  status.textContent = detail;
  status.dataset['state'] = connectionState;
  if (connectionState === 'waiting' || connectionState === 'offline') session.lost();
  if (!element('welcome').hidden && connectionState === 'waiting')
    element('join-error').textContent = `The server does not answer. ${detail}`;
}

function recallOr(key: string, byDefault: string): string {
  return recall(key) ?? byDefault;
}

wireInput({
  onSubmit: (text) =>
    runInput(text, session, {
      quit: (reason) => {
        session.send(`QUIT :${reason}`);
        connection.close();
      },
      tell: (help) => {
        state.add(state.current, 'event', '', help);
        scheduleDraw();
      },
      show: (name) => show(state.open(name)),
    }),
  candidates: () => [...state.current.members.keys()].filter((nick) => nick !== state.nick).sort((a, b) => a.localeCompare(b)),
});

const nickInput = element<HTMLInputElement>('nick');
const channelInput = element<HTMLInputElement>('channel');
nickInput.value = recall('nick') ?? `guest${Math.floor(Math.random() * 9_000 + 1_000)}`;
channelInput.value = recallOr('channel', '#lobby');

element<HTMLFormElement>('join-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const channel = channelInput.value.trim();
  remember('nick', nickInput.value.trim());
  remember('channel', channel.startsWith('#') ? channel : `#${channel}`);
  element('join-error').textContent = '';
  element<HTMLButtonElement>('join-button').disabled = true;
  connection.open();
});

// Side panels, on narrow screens.
for (const [button, panel] of [
  ['show-buffers', 'buffers'],
  ['show-members', 'members'],
] as const) {
  element(button).addEventListener('click', () => {
    const isOpen = !element(panel).classList.contains('is-open');
    closeSides();
    element(panel).classList.toggle('is-open', isOpen);
    element(button).ariaExpanded = String(isOpen);
    if (isOpen) element(panel).querySelector('button')?.focus();
  });
}

function closeSides(): void {
  for (const panel of ['buffers', 'members']) element(panel).classList.remove('is-open');
  for (const button of ['show-buffers', 'show-members']) element(button).ariaExpanded = 'false';
}

addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    closeSides();
    element('line').focus();
  }
  if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
  event.preventDefault();
  const all = [...state.conversations.values()];
  const next = all[(all.indexOf(state.current) + (event.key === 'ArrowDown' ? 1 : all.length - 1)) % all.length];
  if (next !== undefined) show(next);
});

const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];
const THEME_SIGNS: Readonly<Record<Theme, string>> = { auto: '◐', light: '☀', dark: '☾' };

function showTheme(theme: Theme): void {
  applyTheme(theme);
  const button = element('theme');
  button.textContent = THEME_SIGNS[theme];
  button.ariaLabel = `Theme: ${theme}`;
  button.title = `Theme: ${theme}`;
}

element('theme').addEventListener('click', () => {
  const theme = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length] as Theme;
  remember('theme', theme);
  showTheme(theme);
});
showTheme(currentTheme());

state.open(SERVER);
nickInput.focus();
nickInput.select();
