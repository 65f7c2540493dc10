/** What people say: PRIVMSG, NOTICE, TAGMSG, AWAY. */
import type { Client } from '../client.ts';
import type { Message } from '../message.ts';
import type { Command, IrcServer } from '../server.ts';

export const messageCommands: Record<string, Command> = {
  PRIVMSG: { run: (server, client, message) => speak(server, client, message) },
  NOTICE: { run: (server, client, message) => speak(server, client, message) },
  TAGMSG: { params: 1, run: (server, client, message) => speak(server, client, message) },

  AWAY: {
    run(_server, client, { params: [reason = ''] }) {
      client.away = reason === '' ? null : reason;
      if (client.away === null) client.numeric('305', 'You are no longer marked as being away');
      else client.numeric('306', 'You have been marked as being away');
    },
  },
};

function speak(server: IrcServer, client: Client, { command, params, tags }: Message): void {
  const [targets = '', text = ''] = params;
  // "Automatic replies must never be sent in response to a NOTICE": errors included.
  const complain = command === 'NOTICE' ? (): void => {} : client.numeric.bind(client);
  if (targets === '') return complain('411', `No recipient given (${command})`);
  if (text === '' && command !== 'TAGMSG') return complain('412', 'No text to send');
  client.spokeAt = Date.now();
  // Only client-only tags (`+typing`) are passed on. Every other tag is for the server to set.
  const passed = new Map([...tags].filter(([name]) => name.startsWith('+')));
  for (const target of new Set(targets.split(',').slice(0, 4))) {
    const line = command === 'TAGMSG' ? `:${client.source} TAGMSG ${target}` : `:${client.source} ${command} ${target} :${text}`;
    const readers = readersOf(server, client, target, complain);
    if (readers === null) continue;
    if (client.capabilities.has('echo-message')) readers.add(client);
    for (const reader of readers) if (command !== 'TAGMSG' || reader.capabilities.has('message-tags')) reader.send(line, passed);
  }
}

/**
 * Returns the clients that get a message, without its sender. Returns `null` where the message goes nowhere; the sender then has
 * an error.
 */
function readersOf(
  server: IrcServer,
  client: Client,
  target: string,
  complain: (code: string, ...params: string[]) => void,
): Set<Client> | null {
  if (target.startsWith('#')) {
    const channel = server.channels.get(target);
    if (channel === undefined) {
      complain('403', target, 'No such channel');
      return null;
    }
    if (!channel.canSpeak(client)) {
      complain('404', target, 'Cannot send to channel');
      return null;
    }
    const readers = new Set(channel.members.keys());
    readers.delete(client);
    return readers;
  }
  const reader = server.nicks.get(target);
  if (reader === undefined || !reader.isRegistered) {
    complain('401', target, 'No such nick');
    return null;
  }
  if (reader.away !== null) complain('301', reader.nick, reader.away);
  return new Set([reader]);
}
