/** How a connection becomes a user: PASS, NICK, USER, CAP; PING, PONG and QUIT, which also strangers may use. */
import { isSameName } from '../casemap.ts';
import type { Client } from '../client.ts';
import type { Command, IrcServer } from '../server.ts';
import { judgeUsername } from './webirc.ts';

/** What clients may ask for, and get. */
const CAPABILITIES = ['echo-message', 'message-tags', 'multi-prefix', 'server-time'];

const MAX_NICK = 30;
/** Letters, digits and RFC 2812's special characters, and everything beyond ASCII: this is a network of people. */
const NICK = /^[A-Za-z[\]\\`_^{|}\x80-\u{10ffff}][-\dA-Za-z[\]\\`_^{|}\x80-\u{10ffff}]*$/u;

export const registrationCommands: Record<string, Command> = {
  PASS: {
    isForStrangers: true,
    params: 1,
    run(_server, client, { params }) {
      if (client.isRegistered) client.numeric('462', 'You may not reregister');
      else client.password = params[0] as string;
    },
  },

  NICK: {
    isForStrangers: true,
    run(server, client, { params: [nick = ''] }) {
      if (nick === '') return client.numeric('431', 'No nickname given');
      if (!NICK.test(nick) || nick.length > MAX_NICK) return client.numeric('432', nick, 'Erroneous Nickname');
      const holder = server.nicks.get(nick);
      if (holder !== undefined && holder !== client) return client.numeric('433', nick, 'Nickname is already in use.');
      if (nick === client.nick) return;
      const oldSource = client.source;
      if (!isSameName(nick, client.nick)) server.nicks.delete(client.nick);
      client.nick = nick;
      server.nicks.set(nick, client);
      if (!client.isRegistered) return tryRegister(server, client);
      for (const reader of [client, ...server.peersOf(client)]) reader.send(`:${oldSource} NICK :${nick}`);
    },
  },

  USER: {
    isForStrangers: true,
    params: 4,
    run(server, client, { params: [user = '', , , realName = ''] }) {
      if (client.isRegistered || client.user !== '') return client.numeric('462', 'You may not reregister');
      client.user = `~${user.replace(/[^\w.-]/g, '').slice(0, 10) || 'user'}`;
      client.realName = realName.slice(0, 128);
      tryRegister(server, client);
    },
  },

  CAP: {
    isForStrangers: true,
    params: 1,
    run(server, client, { params: [subcommand = '', list = ''] }) {
      const reply = (...words: string[]): void => client.send(`:${server.name} CAP ${client.nick} ${words.join(' ')}`);
      switch (subcommand.toUpperCase()) {
        case 'LS':
          client.isNegotiating = !client.isRegistered;
          return reply('LS', `:${CAPABILITIES.join(' ')}`);
        case 'LIST':
          return reply('LIST', `:${[...client.capabilities].join(' ')}`);
        case 'REQ': {
          client.isNegotiating = !client.isRegistered;
          const names = list.split(' ').filter((name) => name !== '');
          // All or nothing, as the specification wants it.
          if (!names.every((name) => CAPABILITIES.includes(name.replace(/^-/, '')))) return reply('NAK', `:${list}`);
          for (const name of names) {
            if (name.startsWith('-')) client.capabilities.delete(name.slice(1));
            else client.capabilities.add(name);
          }
          return reply('ACK', `:${list}`);
        }
        case 'END':
          client.isNegotiating = false;
          return tryRegister(server, client);
        default:
          return client.numeric('410', subcommand, 'Invalid CAP subcommand');
      }
    },
  },

  PING: {
    isForStrangers: true,
    params: 1,
    run(server, client, { params }) {
      client.send(`:${server.name} PONG ${server.name} :${params[0]}`);
    },
  },

  PONG: { isForStrangers: true, run() {} },

  QUIT: {
    isForStrangers: true,
    run(_server, client, { params: [reason] }) {
      client.close(reason === undefined ? 'Client quit' : `Quit: ${reason}`);
    },
  },
};

/** Welcomes a client that has said all that is needed. */
function tryRegister(server: IrcServer, client: Client): void {
  if (client.isRegistered || client.isNegotiating || client.nick === '*' || client.user === '') return;
  if (!judgeUsername(server, client)) return;
  const { settings, name } = server;
  if (settings.password !== null && client.password !== settings.password) {
    client.numeric('464', 'Password incorrect');
    client.close('Access denied by password');
    return;
  }
  client.isRegistered = true;
  client.numeric('001', `Welcome to the ${settings.network} IRC Network ${client.source}`);
  client.numeric('002', `Your host is ${name}, running the ircd-websocket example`);
  client.numeric('003', `This server was created ${server.createdAt.toUTCString()}`);
  client.numeric('004', name, 'ircd-websocket-example', 'io', 'biklmnostv', 'bklov');
  client.numeric(
    '005',
    'CASEMAPPING=ascii',
    'CHANMODES=b,k,l,imnst',
    'CHANTYPES=#',
    'MODES=4',
    `NETWORK=${settings.network}`,
    `NICKLEN=${MAX_NICK}`,
    'PREFIX=(ov)@+',
    'TOPICLEN=300',
    'UTF8ONLY',
    'are supported by this server',
  );
  sendUserCounts(server, client);
  sendMotd(server, client);
  server.notifyOpers(`Client connecting: ${client.source} (${client.address}) [${client.realName}]`);
}

/** LUSERS, as far as one server has anything to count. */
export function sendUserCounts(server: IrcServer, client: Client): void {
  const users = [...server.clients].filter(({ isRegistered }) => isRegistered);
  client.numeric('251', `There are ${users.length} users on 1 server`);
  client.numeric('252', String(users.filter(({ isOper }) => isOper).length), 'operator(s) online');
  client.numeric('254', String(server.channels.size), 'channels formed');
  client.numeric('255', `I have ${users.length} clients and 0 servers`);
}

/** The message of the day, or 422. */
export function sendMotd({ settings, name }: IrcServer, client: Client): void {
  if (settings.motd.length === 0) return client.numeric('422', 'MOTD File is missing');
  client.numeric('375', `- ${name} Message of the day -`);
  for (const line of settings.motd) client.numeric('372', `- ${line}`);
  client.numeric('376', 'End of /MOTD command.');
}
