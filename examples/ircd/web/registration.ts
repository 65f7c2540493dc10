/**
 * How a connection becomes a person: CAP, NICK, USER, until 001.
 *
 * In: the messages that come before it. Out: answers, and then a welcome or a refusal. https://ircv3.net/specs/extensions/capability-negotiation
 */
import type { Message } from './message.ts';

/** What makes the page better where the server offers it; nothing here needs any. */
const WANTED_CAPABILITIES = ['server-time', 'message-tags', 'echo-message', 'multi-prefix'];

/** RFC 2812 has 9 and most networks 30; the server says its own only after 001. */
const MAX_NICK = 30;
const MAX_TAIL = 4;

/** ERR_ERRONEUSNICKNAME, ERR_UNAVAILRESOURCE, ERR_PASSWDMISMATCH, ERR_YOUREBANNEDCREEP. */
const REFUSALS = new Set(['432', '437', '464', '465']);

export interface RegistrationEvents {
  send(line: string): void;
  onWelcome(nick: string): void;
  /** It cannot go on without the person. */
  onRefused(reason: string): void;
}

export class Registration {
  readonly capabilities: Set<string> = new Set<string>();
  readonly #events: RegistrationEvents;
  readonly #wantedNick: string;
  readonly #offered: string[] = [];
  #tail = '';
  #isDone = false;

  constructor(nick: string, events: RegistrationEvents) {
    this.#wantedNick = nick;
    this.#events = events;
    // A server that knows no CAP answers 421, which nobody waits for.
    events.send('CAP LS 302');
    events.send(`NICK ${nick}`);
    events.send('USER web 0 * :Web client');
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** @returns whether the message was about registration, and is dealt with */
  receive(message: Message): boolean {
    if (message.command === 'CAP') {
      this.#negotiate(message);
      return true;
    }
    if (this.#isDone) return false;
    if (message.command === '001') {
      this.#isDone = true;
      this.#events.onWelcome(message.params[0] ?? this.#wantedNick);
    } else if (message.command === '433' || message.command === '436') {
      this.#tryAnotherNick(message);
    } else if (REFUSALS.has(message.command)) {
      this.#events.onRefused(message.params.slice(1).join(': '));
    } else {
      return false;
    }
    return true;
  }

  #negotiate({ params }: Message): void {
    const [, subcommand = ''] = params;
    const list = (params.at(-1) ?? '').split(' ').filter((word) => word !== '');
    if (subcommand === 'LS') {
      this.#offered.push(...list.map((capability) => capability.split('=')[0] ?? ''));
      // `CAP * LS * :…` is not the last line.
      if (params[2] === '*') return;
      const wanted = WANTED_CAPABILITIES.filter((capability) => this.#offered.includes(capability));
      this.#events.send(wanted.length === 0 ? 'CAP END' : `CAP REQ :${wanted.join(' ')}`);
    } else if (subcommand === 'ACK' || subcommand === 'NAK') {
      if (subcommand === 'ACK') for (const capability of list) this.capabilities.add(capability);
      this.#events.send('CAP END');
    }
  }

  #tryAnotherNick({ params }: Message): void {
    if (this.#tail.length === MAX_TAIL) {
      this.#events.onRefused(params.slice(1).join(': '));
      return;
    }
    this.#tail += '_';
    this.#events.send(`NICK ${this.#wantedNick.slice(0, MAX_NICK - this.#tail.length)}${this.#tail}`);
  }
}
