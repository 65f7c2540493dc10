/**
 * The same stream to this library and to `ws`, each cut in its own way; what each makes of it must be what the reference says by its rules.
 *
 * In: a seed, from which everything follows. Out: counts, or a {@link Difference}.
 */
import { Random } from './random.ts';
import { receiveHere, receiveInWs, WAYS } from './receivers.ts';
import { decodeStream, type Limits, OUR_RULES, type Outcome, type Rules, WS_RULES } from './reference.ts';
import { cut, makeStream } from './streams.ts';

/** Small ones, so that streams reach them; large ones for the long forms of the length. */
const LIMITS: readonly Limits[] = [
  { maxMessageSize: 512, maxFragments: 8 },
  { maxMessageSize: 512, maxFragments: 8 },
  { maxMessageSize: 130, maxFragments: 3 },
  { maxMessageSize: 70_000, maxFragments: 16 },
];

export interface Counts {
  streams: number;
  frames: number;
  bytes: number;
  /** Messages, pings and pongs that were delivered. */
  events: number;
  /** How streams ended here. */
  readonly ends: Record<string, number>;
  /** Streams that end otherwise in ws, by the rule that makes the difference. */
  readonly rules: Record<string, number>;
}

/** What went wrong, and how to see it again. */
export class Difference extends Error {
  constructor(seed: number, stream: Buffer, who: string, expected: unknown, actual: unknown) {
    super(
      `${who} differs; see it again by: npm run fuzz -- --seed ${seed} --streams 1\nstream   ${stream.toString('hex')}\nexpected ${JSON.stringify(expected)}\nactual   ${JSON.stringify(actual)}`,
    );
    this.name = 'Difference';
  }
}

export function newCounts(): Counts {
  return { streams: 0, frames: 0, bytes: 0, events: 0, ends: {}, rules: {} };
}

/** Runs `count` streams, of seeds from `seed` on. @throws Difference */
export async function compareStreams(seed: number, count: number, counts: Counts): Promise<void> {
  const pending: {
    readonly seed: number;
    readonly stream: Buffer;
    readonly expected: Outcome;
    readonly actual: Promise<Outcome>;
  }[] = [];
  for (let own = seed; own < seed + count; own++) {
    const random = new Random(own);
    const limits = random.pick(LIMITS);
    const { bytes, frames } = makeStream(random, limits.maxMessageSize);
    const ours = decodeStream(bytes, limits, OUR_RULES);
    const theirs = decodeStream(bytes, limits, WS_RULES);

    const { outcome, written } = receiveHere(cut(bytes, random), limits, random.pick(WAYS));
    if (!isSame(outcome, ours)) throw new Difference(own, bytes, 'ircd-websocket', ours, outcome);
    const answers = answersTo(ours);
    if (written.join() !== answers.join()) throw new Difference(own, bytes, 'what ircd-websocket answers', answers, written);
    pending.push({ seed: own, stream: bytes, expected: theirs, actual: receiveInWs(cut(bytes, random), limits) });

    counts.streams++;
    counts.frames += frames;
    counts.bytes += bytes.length;
    counts.events += ours.events.length;
    add(counts.ends, ours.end === null ? 'open' : ours.end.kind === 'closed' ? 'closed by the peer' : `failed ${ours.end.code}`);
    if (!isSame(ours, theirs)) for (const rule of rulesBetween(bytes, limits, theirs)) add(counts.rules, rule);
  }
  for (const { seed: own, stream, expected, actual } of pending) {
    const theirs = await actual;
    if (!isSame(theirs, expected)) throw new Difference(own, stream, 'ws', expected, theirs);
  }
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function isSame(a: Outcome, b: Outcome): boolean {
  return a.end?.kind === b.end?.kind && a.end?.code === b.end?.code && a.events.join() === b.events.join();
}

/** Names the rules of ours that by themselves change what ws does with this stream. */
function rulesBetween(stream: Buffer, limits: Limits, theirs: Outcome): string[] {
  return (Object.keys(OUR_RULES) as (keyof Rules)[]).filter(
    (rule) => !isSame(decodeStream(stream, limits, { ...WS_RULES, [rule]: OUR_RULES[rule] }), theirs),
  );
}

/** What a server answers: a pong for every ping (5.5.2), then one Close frame; reasons are ours to choose, and cut off. */
function answersTo({ events, end }: Outcome): string[] {
  const pongs = events
    .filter((event) => event.startsWith('ping:'))
    .map((event) => `8a${hexByte((event.length - 5) / 2)}${event.slice(5)}`);
  if (end === null) return pongs;
  return [...pongs, end.code === 1005 ? '8800' : `88..${hexByte(end.code >> 8)}${hexByte(end.code & 0xff)}`];
}

const hexByte = (byte: number): string => byte.toString(16).padStart(2, '0');
