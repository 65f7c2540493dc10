/**
 * The IRC server: clients, channels and what they say to each other.
 *
 * In: sockets, any number of `net.Socket`s from any listener. Out: IRC. It imports nothing of `ircd-websocket`, and does not know
 * that some of its sockets are browsers.
 */
import type { Socket } from 'node:net';
import { NameMap } from './casemap.ts';
import type { Channel } from './channel.ts';
import { Client } from './client.ts';
import { channelCommands } from './commands/channels.ts';
import { messageCommands } from './commands/messages.ts';
import { modeCommands } from './commands/modes.ts';
import { queryCommands } from './commands/queries.ts';
import { registrationCommands } from './commands/registration.ts';
import { type GatewayJudge, webircCommands } from './commands/webirc.ts';
import { matchesMask } from './mask.ts';
import { type Message, parseMessage } from './message.ts';
import type { Settings } from './settings.ts';

/** A command of IRC. */
export interface Command {
  /** Whether it may be used before registration. */
  readonly isForStrangers?: boolean;
  /** How many parameters it needs: below that it is answered by 461. */
  readonly params?: number;
  run(server: IrcServer, client: Client, message: Message): void;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    ...registrationCommands,
    ...webircCommands,
    ...messageCommands,
    ...channelCommands,
    ...modeCommands,
    ...queryCommands,
  }),
);

/** The commands that begin a registration. */
const FIRST_WORDS: ReadonlySet<string> = new Set(['PASS', 'CAP', 'NICK', 'USER']);

/** How often silent clients are looked for, in milliseconds. */
const SWEEP_INTERVAL = 250;

export class IrcServer {
  readonly createdAt = new Date();
  readonly clients = new Set<Client>();
  readonly nicks = new NameMap<Client>();
  readonly channels = new NameMap<Channel>();
  settings: Settings;
  /** The gateways that may speak for their users. */
  gateways: GatewayJudge;
  readonly #sweep: NodeJS.Timeout;

  constructor(settings: Settings, gateways: GatewayJudge) {
    this.settings = settings;
    this.gateways = gateways;
    this.#sweep = setInterval(() => this.#pingSilent(), SWEEP_INTERVAL).unref();
  }

  get name(): string {
    return this.settings.serverName;
  }

  /** Takes a connection; bound, so that it can be a listener's callback. */
  readonly accept = (socket: Socket): void => {
    const client = new Client(socket, this.name, { onLine: this.#onLine, onGone: this.#onGone });
    this.clients.add(client);
    this.refuseBanned(client);
  };

  /** Ends a client whose address is banned from the whole server; `true` where it was. */
  refuseBanned(client: Client): boolean {
    const ban = this.settings.bans.find(({ mask }) => matchesMask(mask, client.address));
    if (ban === undefined) return false;
    this.notifyOpers(`Banned: ${client.address} (${ban.mask}) [${ban.reason}]`);
    client.close(`Z-lined: ${ban.reason}`);
    return true;
  }

  /** Closes every connection, with the reason. */
  close(reason: string): void {
    clearInterval(this.#sweep);
    for (const client of this.clients) client.close(reason);
  }

  /** The clients that share a channel with this one, each once, without itself. */
  peersOf(client: Client): Set<Client> {
    const peers = new Set([...client.channels].flatMap((channel) => [...channel.members.keys()]));
    peers.delete(client);
    return peers;
  }

  /** Sends a notice to every operator. */
  notifyOpers(text: string): void {
    for (const client of this.clients) if (client.isOper) client.send(`:${this.name} NOTICE ${client.nick} :*** ${text}`);
  }

  /** Takes a client out of a channel; an empty channel is gone. */
  leave(client: Client, channel: Channel): void {
    channel.members.delete(client);
    client.channels.delete(channel);
    if (channel.members.size === 0) this.channels.delete(channel.name);
  }

  readonly #onLine = (client: Client, line: string): void => {
    const message = parseMessage(line);
    if (message === null) return;
    const command = COMMANDS.get(message.command);
    client.hasBegun ||= FIRST_WORDS.has(message.command);
    if (!client.isRegistered && command?.isForStrangers !== true) {
      client.numeric('451', 'You have not registered.');
    } else if (command === undefined) {
      client.numeric('421', message.command, 'Unknown command');
    } else if (message.params.length < (command.params ?? 0)) {
      client.numeric('461', message.command, 'Not enough parameters.');
    } else {
      command.run(this, client, message);
    }
  };

  readonly #onGone = (client: Client, reason: string): void => {
    this.clients.delete(client);
    const line = `:${client.source} QUIT :${reason}`;
    for (const peer of this.peersOf(client)) peer.send(line);
    for (const channel of [...client.channels]) this.leave(client, channel);
    for (const channel of this.channels.values()) channel.invited.delete(client);
    if (this.nicks.get(client.nick) === client) this.nicks.delete(client.nick);
    if (client.isRegistered) this.notifyOpers(`Client exiting: ${client.source} (${client.address}) [${reason}]`);
  };

  #pingSilent(): void {
    const now = Date.now();
    const { pingFrequency, registrationTimeout } = this.settings;
    for (const client of this.clients) {
      const silence = now - client.heardAt;
      if (!client.isRegistered) {
        if (now - client.connectedAt > registrationTimeout) client.close('Registration timeout');
      } else if (silence > 2 * pingFrequency) {
        client.close(`Ping timeout: ${Math.round(silence / 1_000)} seconds`);
      } else if (silence > pingFrequency && !client.isPinged) {
        client.isPinged = true;
        client.send(`PING :${this.name}`);
      }
    }
  }
}
