/**
 * What must be true of every conversation, and how often it was looked at.
 *
 * In: scenarios. Out: an error where a law is broken.
 *
 * 1. Where the window never ends: every line arrives once and in order, both ways, and the server has one client all the time.
 * 2. Where it may end: what arrived is a beginning of what was sent, each end hears of the end once, and neither stays behind alone.
 */
import { deepStrictEqual as equal, match, ok } from 'node:assert';
import fc from 'fast-check';
import { play, type ServerEnd } from './play.ts';
import { scenario } from './scenario.ts';

/** What was seen in all conversations. */
export class Tally {
  conversations = 0;
  lines = 0;
  /** Connections that the page tried to make beside the first one. */
  attempts = 0;
  resumed = 0;
  /** Sessions that ended with their window. */
  expired = 0;

  toString(): string {
    const { conversations, lines, attempts, resumed, expired } = this;
    return `${conversations} conversations, ${lines} lines, ${attempts} attempts, ${resumed} resumptions, ${expired} expired`;
  }
}

type Law = (makeServer: (window: number) => ServerEnd, tally: Tally) => fc.IAsyncPropertyWithHooks<[unknown]>;

export const everyLineOnce: Law = (makeServer, tally) =>
  fc.asyncProperty(scenario, async (conversation) => {
    const outcome = await play(conversation, makeServer, 3_600_000);
    const { sent, received, written, lines, events } = outcome;
    equal(lines, sent);
    equal(received, written);
    equal([outcome.clientCount, outcome.isOver, outcome.readyState, outcome.bufferedAmount], [1, false, 1, 0]);
    // `suspend` and `resume` alternate.
    match(events.join(' '), /^open( suspend resume)*$/);
    equal(outcome.closeCount, 1);
    count(outcome, tally);
  });

export const oneEnd: Law = (makeServer, tally) =>
  fc.asyncProperty(scenario, async (conversation) => {
    const outcome = await play(conversation, makeServer, 3_000);
    const { sent, received, written, lines, events } = outcome;
    equal(lines, sent.slice(0, lines.length));
    equal(received, written.slice(0, received.length));
    match(events.join(' '), /^open( suspend resume)*( suspend)?( close)?$/);
    const isExpired = events.at(-1) === 'close';
    equal([outcome.isOver, outcome.readyState], [isExpired, isExpired ? 3 : 1]);
    if (isExpired) tally.expired++;
    else equal([lines, received], [sent, written]);
    ok(outcome.clientCount === 1);
    equal(outcome.closeCount, 1);
    count(outcome, tally);
  });

function count({ lines, received, requestCount, resumedCount }: Awaited<ReturnType<typeof play>>, tally: Tally): void {
  tally.conversations++;
  tally.lines += lines.length + received.length;
  tally.attempts += requestCount - 1;
  tally.resumed += resumedCount;
}
