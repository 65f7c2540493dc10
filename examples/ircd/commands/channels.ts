/** Life in channels: JOIN, PART, NAMES, TOPIC, KICK, INVITE, LIST. MODE has a file of its own. */
import { Channel } from '../channel.ts';
import type { Client } from '../client.ts';
import type { Command, IrcServer } from '../server.ts';

const CHANNEL_NAME = /^#[^\s,\x07]{1,49}$/;
const MAX_TOPIC = 300;

export const channelCommands: Record<string, Command> = {
  JOIN: {
    params: 1,
    run(server, client, { params: [names = '', keys = ''] }) {
      if (names === '0') {
        for (const channel of [...client.channels]) part(server, client, channel, 'Left all channels');
        return;
      }
      const keyList = keys.split(',');
      for (const [index, name] of names.split(',').entries()) join(server, client, name, keyList[index] ?? '');
    },
  },

  PART: {
    params: 1,
    run(server, client, { params: [names = '', reason] }) {
      for (const name of names.split(',')) {
        const channel = memberChannel(server, client, name);
        if (channel !== null) part(server, client, channel, reason);
      }
    },
  },

  NAMES: {
    run(server, client, { params: [names = ''] }) {
      for (const name of names.split(',').slice(0, 10)) {
        const channel = server.channels.get(name);
        if (channel === undefined) client.numeric('366', name || '*', 'End of /NAMES list.');
        else sendNames(client, channel);
      }
    },
  },

  TOPIC: {
    params: 1,
    run(server, client, { params: [name = '', text] }) {
      const channel = memberChannel(server, client, name);
      if (channel === null) return;
      if (text === undefined) return sendTopic(client, channel, true);
      if (channel.flags.has('t') && !channel.isOperator(client)) return notOperator(client, channel);
      channel.topic =
        text === '' ? null : { text: text.slice(0, MAX_TOPIC), by: client.source, at: Math.floor(Date.now() / 1_000) };
      channel.send(`:${client.source} TOPIC ${channel.name} :${channel.topic?.text ?? ''}`);
    },
  },

  KICK: {
    params: 2,
    run(server, client, { params: [name = '', nick = '', reason = client.nick] }) {
      const channel = memberChannel(server, client, name);
      if (channel === null) return;
      if (!channel.isOperator(client)) return notOperator(client, channel);
      const target = server.nicks.get(nick);
      if (target === undefined || !channel.members.has(target))
        return client.numeric('441', nick, channel.name, "They aren't on that channel");
      channel.send(`:${client.source} KICK ${channel.name} ${target.nick} :${reason}`);
      server.leave(target, channel);
    },
  },

  INVITE: {
    params: 2,
    run(server, client, { params: [nick = '', name = ''] }) {
      const target = server.nicks.get(nick);
      if (target === undefined) return client.numeric('401', nick, 'No such nick');
      const channel = memberChannel(server, client, name);
      if (channel === null) return;
      if (channel.flags.has('i') && !channel.isOperator(client)) return notOperator(client, channel);
      if (channel.members.has(target)) return client.numeric('443', target.nick, channel.name, 'is already on channel');
      channel.invited.add(target);
      client.numeric('341', target.nick, channel.name);
      target.send(`:${client.source} INVITE ${target.nick} :${channel.name}`);
    },
  },

  LIST: {
    run(server, client, { params: [names] }) {
      const wanted = names?.split(',');
      client.numeric('321', 'Channel', 'Users  Name');
      for (const channel of server.channels.values()) {
        if (channel.flags.has('s') && !channel.members.has(client) && !client.isOper) continue;
        if (wanted !== undefined && !wanted.some((name) => server.channels.get(name) === channel)) continue;
        client.numeric('322', channel.name, String(channel.members.size), channel.topic?.text ?? '');
      }
      client.numeric('323', 'End of channel list.');
    },
  },
};

function join(server: IrcServer, client: Client, name: string, key: string): void {
  if (!CHANNEL_NAME.test(name)) return client.numeric('403', name, 'No such channel');
  let channel = server.channels.get(name);
  if (channel?.members.has(client)) return;
  if (channel === undefined) {
    channel = new Channel(name);
    server.channels.set(name, channel);
  } else if (!channel.invited.has(client)) {
    if (channel.flags.has('i')) return client.numeric('473', channel.name, 'Cannot join channel (+i)');
    if (channel.isBanned(client)) return client.numeric('474', channel.name, 'Cannot join channel (+b)');
    if (channel.key !== null && channel.key !== key) return client.numeric('475', channel.name, 'Cannot join channel (+k)');
    if (channel.limit !== null && channel.members.size >= channel.limit)
      return client.numeric('471', channel.name, 'Cannot join channel (+l)');
  }
  channel.invited.delete(client);
  // The first member of a channel is its operator.
  channel.members.set(client, { isOperator: channel.members.size === 0, isVoiced: false });
  client.channels.add(channel);
  channel.send(`:${client.source} JOIN ${channel.name}`);
  sendTopic(client, channel, false);
  sendNames(client, channel);
}

function part(server: IrcServer, client: Client, channel: Channel, reason: string | undefined): void {
  channel.send(`:${client.source} PART ${channel.name}${reason === undefined ? '' : ` :${reason}`}`);
  server.leave(client, channel);
}

/** The channel of that name, where the client is in it; it is told where not. */
function memberChannel(server: IrcServer, client: Client, name: string): Channel | null {
  const channel = server.channels.get(name);
  if (channel === undefined) client.numeric('403', name, 'No such channel');
  else if (!channel.members.has(client)) client.numeric('442', channel.name, "You're not on that channel");
  else return channel;
  return null;
}

export function notOperator(client: Client, channel: Channel): void {
  client.numeric('482', channel.name, "You're not channel operator");
}

function sendTopic(client: Client, { name, topic }: Channel, sayNone: boolean): void {
  if (topic !== null) {
    client.numeric('332', name, topic.text);
    client.numeric('333', name, topic.by, String(topic.at));
  } else if (sayNone) {
    client.numeric('331', name, 'No topic is set');
  }
}

function sendNames(client: Client, channel: Channel): void {
  const names = [...channel.members.keys()].map(
    (member) => `${channel.prefixes(member, client.capabilities.has('multi-prefix'))}${member.nick}`,
  );
  // As many names as fit a line: 30 characters of nick in UTF-8, ten at a time.
  for (let i = 0; i < names.length; i += 10) {
    client.send(
      `:${client.serverName} 353 ${client.nick} ${channel.flags.has('s') ? '@' : '='} ${channel.name} :${names.slice(i, i + 10).join(' ')}`,
    );
  }
  client.numeric('366', channel.name, 'End of /NAMES list.');
}
