/**
 * How a connection becomes a person: PASS, CAP, AUTHENTICATE, NICK, USER, until 001.
 *
 * In: the messages that come before it. Out: answers, and then a welcome or a refusal.
 * https://ircv3.net/specs/extensions/capability-negotiation
 */
import type { Message } from './message.ts';
import { describeNumeric } from './numerics.ts';
import { type Account, offersPlain, plainResponse } from './sasl.ts';

/** Capabilities that the page uses if the server offers them. It needs none of them. */
const WANTED_CAPABILITIES = ['server-time', 'message-tags', 'echo-message', 'multi-prefix'];

/** RFC 2812 has 9 and most networks 30; the server says its own only after 001. */
const MAX_NICK = 30;
const MAX_TAIL = 4;

/** ERR_ERRONEUSNICKNAME, ERR_UNAVAILRESOURCE, ERR_PASSWDMISMATCH, ERR_YOUREBANNEDCREEP. */
const REFUSALS = new Set(['432', '437', '464', '465']);
/** ERR_NICKLOCKED, ERR_SASLFAIL, ERR_SASLTOOLONG, ERR_SASLABORTED. */
const LOGIN_REFUSALS = new Set(['902', '904', '905', '906']);
/** RPL_SASLSUCCESS, ERR_SASLALREADY. */
const LOGIN_DONE = new Set(['903', '907']);

/** The name, account and passwords that a person entered. */
export interface Identity {
  readonly nick: string;
  /** What the server asks everybody for; most ask for none. */
  readonly serverPassword: string;
  readonly account: Account | null;
}

export interface RegistrationEvents {
  send(line: string): void;
  onWelcome(nick: string): void;
  /** It goes on, but not quite as the person wanted. */
  onRemark(text: string): void;
  /** It cannot go on without the person. */
  onRefused(reason: string): void;
}

export class Registration {
  readonly capabilities: Set<string> = new Set<string>();
  readonly #events: RegistrationEvents;
  readonly #identity: Identity;
  readonly #offered: string[] = [];
  #tail = '';
  #isDone = false;

  constructor(identity: Identity, events: RegistrationEvents) {
    this.#identity = identity;
    this.#events = events;
    // A server that does not know CAP answers 421. Registration does not wait for that.
    events.send('CAP LS 302');
    if (identity.serverPassword !== '') events.send(`PASS :${identity.serverPassword}`);
    events.send(`NICK ${identity.nick}`);
    events.send('USER web 0 * :Web client');
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** @returns whether the message was about registration, and is dealt with */
  receive(message: Message): boolean {
    const { command, params } = message;
    if (command === 'CAP') {
      this.#negotiate(message);
      return true;
    }
    if (this.#isDone) return false;
    if (command === '001') {
      this.#isDone = true;
      this.#events.onWelcome(params[0] ?? this.#identity.nick);
    } else if (command === '433' || command === '436') {
      this.#tryAnotherNick(message);
    } else if (command === 'AUTHENTICATE') {
      const { account } = this.#identity;
      if (account !== null) for (const line of plainResponse(account)) this.#events.send(line);
    } else if (LOGIN_DONE.has(command)) {
      this.#events.send('CAP END');
    } else if (REFUSALS.has(command) || LOGIN_REFUSALS.has(command)) {
      this.#events.onRefused(describeNumeric(command, params.slice(1)) ?? '');
    } else {
      return false;
    }
    return true;
  }

  #negotiate({ params }: Message): void {
    const [, subcommand = ''] = params;
    const list = (params.at(-1) ?? '').split(' ').filter((word) => word !== '');
    if (subcommand === 'LS') {
      this.#offered.push(...list);
      // `CAP * LS * :…` is not the last line.
      if (params[2] === '*') return;
      this.#request();
    } else if (subcommand === 'ACK' || subcommand === 'NAK') {
      if (subcommand === 'ACK') for (const capability of list) this.capabilities.add(capability);
      // The login comes before the end of the registration: the form shows its errors.
      this.#events.send(this.capabilities.has('sasl') && !this.#isDone ? 'AUTHENTICATE PLAIN' : 'CAP END');
    }
  }

  #request(): void {
    const names = this.#offered.map((capability) => capability.split('=')[0] ?? '');
    const wanted = WANTED_CAPABILITIES.filter((capability) => names.includes(capability));
    if (this.#identity.account !== null) {
      if (this.#offered.some(offersPlain)) wanted.push('sasl');
      else this.#events.onRemark('This server has no accounts to log in to: you are here without one');
    }
    this.#events.send(wanted.length === 0 ? 'CAP END' : `CAP REQ :${wanted.join(' ')}`);
  }

  #tryAnotherNick({ command, params }: Message): void {
    if (this.#tail.length === MAX_TAIL) {
      this.#events.onRefused(describeNumeric(command, params.slice(1)) ?? '');
      return;
    }
    this.#tail += '_';
    this.#events.send(`NICK ${this.#identity.nick.slice(0, MAX_NICK - this.#tail.length)}${this.#tail}`);
  }
}
