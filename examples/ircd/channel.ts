/** A channel: its members, what they may do, and the lines that all of them get. */

import type { Client } from './client.ts';
import { completeMask, matchesMask } from './mask.ts';

/** What a member may be, strongest first. */
export interface Membership {
  isOperator: boolean;
  isVoiced: boolean;
}

export class Channel {
  readonly name: string;
  readonly createdAt = Math.floor(Date.now() / 1_000);
  readonly members = new Map<Client, Membership>();
  readonly bans = new Map<string, { by: string; at: number }>();
  readonly invited = new Set<Client>();
  topic: { text: string; by: string; at: number } | null = null;
  /**
   * Flags without a value: `i` invite only, `m` moderated, `n` no messages from outside, `s` secret, `t` operators set the topic.
   */
  readonly flags = new Set<string>(['n', 't']);
  key: string | null = null;
  limit: number | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** Sends a line to all members, or to all but one. */
  send(line: string, except?: Client): void {
    for (const member of this.members.keys()) if (member !== except) member.send(line);
  }

  isOperator(client: Client): boolean {
    return this.members.get(client)?.isOperator ?? false;
  }

  isBanned(client: Client): boolean {
    return [...this.bans.keys()].some((mask) => client.matches(mask));
  }

  /** Whether a message from `client` is let through. */
  canSpeak(client: Client): boolean {
    const member = this.members.get(client);
    if (member?.isOperator || member?.isVoiced) return true;
    if (member === undefined && this.flags.has('n')) return false;
    return !this.flags.has('m') && !this.isBanned(client);
  }

  /** The prefixes of a member: the strongest, or all where the reader understands them (multi-prefix). */
  prefixes(client: Client, all: boolean): string {
    const member = this.members.get(client);
    const prefixes = `${member?.isOperator ? '@' : ''}${member?.isVoiced ? '+' : ''}`;
    return all ? prefixes : prefixes.slice(0, 1);
  }

  /** The modes as numeric 324 shows them; the key only to members. */
  modes(showKey: boolean): string {
    const values = [
      ...(this.key === null ? [] : [showKey ? this.key : '*']),
      ...(this.limit === null ? [] : [String(this.limit)]),
    ];
    const letters = `${[...this.flags].sort().join('')}${this.key === null ? '' : 'k'}${this.limit === null ? '' : 'l'}`;
    return [`+${letters}`, ...values].join(' ');
  }

  /** Adds or removes a ban; the whole mask, or `null` where nothing changed. */
  setBan(text: string, by: string, isAdded: boolean): string | null {
    const mask = completeMask(text);
    const known = [...this.bans.keys()].find((ban) => matchesMask(ban, mask) && matchesMask(mask, ban));
    if (isAdded === (known !== undefined)) return null;
    if (isAdded) this.bans.set(mask, { by, at: Math.floor(Date.now() / 1_000) });
    else this.bans.delete(known as string);
    return mask;
  }
}
