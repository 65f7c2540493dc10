/** What is typed: text to say, or `/commands`. */
import type { Session } from './session.ts';
import { SERVER } from './state.ts';

type Run = (session: Session, rest: string, words: string[]) => void;

export interface CommandEnvironment {
  quit(reason: string): void;
  tell(text: string): void;
  show(name: string): void;
}

interface Entry {
  readonly usage: string;
  readonly run: (environment: CommandEnvironment, ...args: Parameters<Run>) => void;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  join: {
    usage: '/join #channel [key]',
    run: (_env, session, rest) => void session.send(`JOIN ${rest.startsWith('#') ? rest : `#${rest}`}`),
  },
  part: {
    usage: '/part [reason]',
    run: (_env, session, rest) => void session.send(`PART ${session.state.current.name}${rest === '' ? '' : ` :${rest}`}`),
  },
  me: { usage: '/me does something', run: (_env, session, rest) => session.say(session.state.current.name, rest, 'action') },
  msg: {
    usage: '/msg nick text',
    run: (env, session, rest, [target = '']) => {
      session.say(target, rest.slice(target.length + 1));
      env.show(target);
    },
  },
  query: { usage: '/query nick', run: (env, session, _rest, [target = '']) => env.show(session.state.open(target).name) },
  notice: {
    usage: '/notice nick text',
    run: (_env, session, rest, [target = '']) => session.say(target, rest.slice(target.length + 1), 'notice'),
  },
  nick: { usage: '/nick name', run: (_env, session, rest) => void session.send(`NICK ${rest}`) },
  topic: {
    usage: '/topic [text]',
    run: (_env, session, rest) => void session.send(`TOPIC ${session.state.current.name}${rest === '' ? '' : ` :${rest}`}`),
  },
  whois: { usage: '/whois nick', run: (_env, session, rest) => void session.send(`WHOIS ${rest}`) },
  names: { usage: '/names', run: (_env, session) => void session.send(`NAMES ${session.state.current.name}`) },
  list: {
    usage: '/list',
    run: (env, session) => {
      session.send('LIST');
      env.show(SERVER);
    },
  },
  kick: {
    usage: '/kick nick [reason]',
    run: (_env, session, rest, [nick = '']) =>
      void session.send(`KICK ${session.state.current.name} ${nick} :${rest.slice(nick.length + 1) || nick}`),
  },
  mode: {
    usage: '/mode [target] changes',
    run: (_env, session, rest) =>
      void session.send(
        `MODE ${/^[#\w]*$/.test(rest.split(' ')[0] ?? '') && rest !== '' ? rest : `${session.state.current.name} ${rest}`}`,
      ),
  },
  away: { usage: '/away [reason]', run: (_env, session, rest) => void session.send(`AWAY :${rest}`) },
  oper: { usage: '/oper name password', run: (_env, session, rest) => void session.send(`OPER ${rest}`) },
  raw: { usage: '/raw any IRC line', run: (_env, session, rest) => void session.send(rest) },
  quit: { usage: '/quit [reason]', run: (env, _session, rest) => env.quit(rest) },
  help: {
    usage: '/help',
    run: (env) =>
      env.tell(
        Object.values(COMMANDS)
          .map(({ usage }) => usage)
          .join('\n'),
      ),
  },
};

/** Does what was typed. `//` at the beginning is a slash to be said. */
export function runInput(text: string, session: Session, environment: CommandEnvironment): void {
  const typed = text.trim();
  if (typed === '') return;
  if (!typed.startsWith('/') || typed.startsWith('//')) {
    if (session.state.current.name === SERVER) environment.tell('Nobody hears you here: choose a channel, or /join one');
    else session.say(session.state.current.name, typed.startsWith('//') ? typed.slice(1) : typed);
    return;
  }
  const [name = '', ...words] = typed.slice(1).split(/ +/);
  const command = COMMANDS[name.toLowerCase()];
  if (command === undefined) environment.tell(`There is no /${name}: /help lists what there is`);
  else command.run(environment, session, typed.slice(name.length + 2).trim(), words);
}
