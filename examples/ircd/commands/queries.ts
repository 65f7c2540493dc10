/** What one may ask: WHO, WHOIS, MOTD, LUSERS, VERSION, TIME; and OPER, after which more is answered. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Client } from '../client.ts';
import { matchesMask } from '../mask.ts';
import type { Command, IrcServer } from '../server.ts';
import { sendMotd, sendUserCounts } from './registration.ts';

export const queryCommands: Record<string, Command> = {
  MOTD: { run: (server, client) => sendMotd(server, client) },
  LUSERS: { run: (server, client) => sendUserCounts(server, client) },
  VERSION: {
    run: (server, client) => client.numeric('351', 'ircd-websocket-example', server.name, 'https://modern.ircdocs.horse/'),
  },
  TIME: { run: (server, client) => client.numeric('391', server.name, new Date().toUTCString()) },

  WHO: {
    params: 1,
    run(server, client, { params: [mask = ''] }) {
      const channel = server.channels.get(mask);
      const people =
        channel === undefined ? [...server.clients].filter((one) => isFound(one, mask, client)) : [...channel.members.keys()];
      for (const one of people.slice(0, 200)) {
        const flags = `${one.away === null ? 'H' : 'G'}${one.isOper ? '*' : ''}${channel?.prefixes(one, client.capabilities.has('multi-prefix')) ?? ''}`;
        client.numeric('352', channel?.name ?? '*', one.user, one.host, server.name, one.nick, flags, `0 ${one.realName}`);
      }
      client.numeric('315', mask, 'End of /WHO list.');
    },
  },

  WHOIS: {
    params: 1,
    run(server, client, { params }) {
      const nick = params.at(-1) as string;
      const one = server.nicks.get(nick);
      if (one === undefined || !one.isRegistered) client.numeric('401', nick, 'No such nick');
      else sendWhois(server, client, one);
      client.numeric('318', nick, 'End of /WHOIS list.');
    },
  },

  OPER: {
    params: 2,
    run(server, client, { params: [name = '', password = ''] }) {
      const block = server.settings.opers.find(
        (oper) => oper.name === name && oper.hosts.some((host) => client.matches(`*!${host}`)),
      );
      if (block === undefined || !isSameSecret(password, block.password)) {
        client.numeric('491', 'Invalid oper credentials');
        server.notifyOpers(`Failed OPER attempt by ${client.source} (${client.address}) for ${name}`);
        return;
      }
      const isNew = !client.isOper;
      client.isOper = true;
      client.numeric('381', 'You are now an IRC operator');
      if (isNew) client.send(`:${client.source} MODE ${client.nick} +o`);
    },
  },

  KILL: {
    params: 2,
    run(server, client, { params: [nick = '', reason = ''] }) {
      if (!client.isOper) return client.numeric('481', 'Permission Denied - You do not have the required operator privileges');
      const one = server.nicks.get(nick);
      if (one === undefined) return client.numeric('401', nick, 'No such nick');
      one.close(`Killed (${client.nick} (${reason}))`);
    },
  },
};

function sendWhois(server: IrcServer, client: Client, one: Client): void {
  client.numeric('311', one.nick, one.user, one.host, '*', one.realName);
  const channels = [...one.channels].filter((channel) => !channel.flags.has('s') || channel.members.has(client) || client.isOper);
  if (channels.length > 0) {
    const names = channels.map((channel) => `${channel.prefixes(one, client.capabilities.has('multi-prefix'))}${channel.name}`);
    client.send(`:${server.name} 319 ${client.nick} ${one.nick} :${names.join(' ')}`);
  }
  client.numeric('312', one.nick, server.name, server.settings.network);
  if (one.away !== null) client.numeric('301', one.nick, one.away);
  if (one.isSecure) client.numeric('671', one.nick, 'is using a secure connection');
  if (one.isOper) client.numeric('313', one.nick, 'is an IRC operator');
  if (client.isOper || client === one)
    client.send(`:${server.name} 378 ${client.nick} ${one.nick} :is connecting from ${one.user}@${one.host} ${one.host}`);
  // The web page that somebody comes from is for operators: it may say more about a person than they know.
  if (client.isOper && one.gateway !== null)
    client.send(`:${server.name} 350 ${client.nick} ${one.nick} ${one.gateway.host} ${one.gateway.address} :${one.gateway.text}`);
  const idle = Math.floor((Date.now() - one.spokeAt) / 1_000);
  client.numeric('317', one.nick, String(idle), String(Math.floor(one.connectedAt / 1_000)), 'seconds idle, signon time');
}

function isFound(one: Client, mask: string, asker: Client): boolean {
  if (!one.isRegistered) return false;
  const isVisible =
    !one.isInvisible || one === asker || asker.isOper || [...one.channels].some((channel) => channel.members.has(asker));
  return isVisible && (matchesMask(mask, one.nick) || matchesMask(mask, one.host) || mask === '0');
}

/** Compares in a time that says nothing about where two secrets differ. */
function isSameSecret(given: string, stored: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(stored));
}
