/**
 * A process of the soak's clients: they chat in channels, come and go, and check every line that they get.
 *
 * In, over IPC: what to do next ({@link ToCrowd}). Out: a report, with every promise that was broken:
 * 1. A line of a live member reaches every live member once, in order.
 * 2. What a member said before it closed (by a Close frame or by FIN alone) reaches every other one, before the news that it is gone.
 * 3. The news that a member is gone comes once, with the code and reason that its way to leave has.
 * 4. A member that does its part stays connected.
 */
import { parseArgs } from 'node:util';
import { Opcode } from 'ircd-websocket/protocol';
import type { CrowdReport, FromCrowd, ToCrowd } from './messages.ts';
import { maskedFrame, SoakClient, type SoakClientOwner } from './soak-client.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    name: { type: 'string' },
    clients: { type: 'string' },
    channel: { type: 'string' },
    churn: { type: 'string' },
    every: { type: 'string' },
    patience: { type: 'string' },
  },
});
const port = Number(values.port);
const size = Number(values.clients);
const channelSize = Number(values.channel);
/** Clients that leave, and others that come, in a minute. */
const churnPerMinute = Number(values.churn);
/** Seconds between two lines of one client. */
const every = Number(values.every);
/** Milliseconds in which whatever has to happen in the end must have happened. */
const patience = Number(values.patience);

const TICK = 50;
/** Handshakes that are under way at most: a listen queue is not what is under test. */
const MOST_CONNECTING = 128;
/** Each fourth line is for its sender alone. */
const ECHO_EVERY = 4;
/** How long a member that left is remembered, for news of it that comes twice. */
const MEMORY = 20_000;
const PADDING = 'the quick brown fox jumps over the lazy dog';

/** The ways to leave, and what the others are to be told. */
const LEAVINGS = {
  close: /^1000 bye$/,
  fin: /^1006 $/,
  reset: /^1006 $/,
  mute: /^1001 Ping timeout: \d+ seconds$/,
  slow: /^1008 SendQ exceeded$/,
} as const;
type Leaving = keyof typeof LEAVINGS;
const LEAVING_ORDER: readonly Leaving[] = ['close', 'reset', 'mute', 'close', 'slow', 'fin', 'close', 'reset', 'mute', 'fin'];

let clock = 0;
let said = 0;
let delivered = 0;
let echoed = 0;
let quitsSeen = 0;
let pings = 0;
let connected = 0;
let connecting = 0;
let sentHome = 0;
let brokenCount = 0;
const broken: string[] = [];
const left: Record<string, number> = {};
let phase: ToCrowd['type'] | null = null;

function breach(text: string): void {
  brokenCount++;
  if (broken.length < 20) broken.push(text);
}

interface Channel {
  readonly name: string;
  readonly live: Set<Member>;
  /** Members, by id: those that live and, for a while, those that left. */
  readonly known: Map<number, Member>;
  /** Members that are on their way here. */
  expected: number;
}

class Member implements SoakClientOwner {
  readonly id: number;
  readonly channel: Channel;
  readonly client: SoakClient;
  /** How many had joined before it, as the server counts. */
  joinNumber = 0;
  /** When it was told that it is in, and when it left: counts of this process's clock, which orders what it saw. */
  joinedAt = 0;
  leftAt = 0;
  said = 0;
  #echoesAsked = 0;
  #echoesSeen = 0;
  #turns = 0;
  leaving: Leaving | null = null;
  /** The last line that came from each other member. */
  readonly seen = new Map<number, number>();
  /** Whom the news reached that this member is gone. */
  readonly told = new Set<Member>();
  /** Milliseconds of the clock on the wall; 0: not yet gone. */
  goneAt = 0;
  isClosed = false;

  constructor(id: number, channel: Channel) {
    this.id = id;
    this.channel = channel;
    channel.expected++;
    connecting++;
    // Several addresses: 28,000 ports to one address are not enough for clients and what lingers in TIME_WAIT behind them.
    this.client = new SoakClient(port, `127.0.0.${1 + (id % 8)}`, this);
  }

  upgraded(): void {
    this.client.send(`JOIN ${this.channel.name} ${this.id}`);
  }

  pinged(): void {
    pings++;
  }

  talk(): void {
    if (++this.#turns % ECHO_EVERY === 0) this.client.send(`E ${++this.#echoesAsked}`);
    else this.say();
  }

  say(): void {
    said++;
    this.client.send(`S ${++this.said} ${PADDING}`);
  }

  leave(leaving: Leaving): void {
    this.leaving = leaving;
    this.leftAt = ++clock;
    left[leaving] = (left[leaving] ?? 0) + 1;
    this.channel.live.delete(this);
    leavers.add(this);
    switch (leaving) {
      case 'close':
        this.say();
        this.client.socket.write(maskedFrame(Opcode.CLOSE, Buffer.from('\x03\xe8bye', 'latin1')));
        return;
      case 'fin':
        this.say();
        this.client.socket.end();
        return;
      case 'reset':
        this.client.socket.resetAndDestroy();
        return;
      case 'mute':
        this.client.isMute = true;
        return;
      case 'slow':
        this.client.socket.pause();
        this.client.send('F');
    }
  }

  line(bytes: Buffer, start: number, end: number): void {
    switch (bytes[start]) {
      case 0x4d: // M id seq text
        this.#message(bytes, start + 2);
        return;
      case 0x45: // E seq
        if (readNumber(bytes, start + 2) !== ++this.#echoesSeen)
          breach(`${this}: its line ${this.#echoesSeen} did not come back`);
        echoed++;
        return;
      case 0x51: // Q id code reason
        this.#quit(bytes.toString('latin1', start + 2, end));
        return;
      case 0x57: // W n
        this.joinNumber = readNumber(bytes, start + 2);
        this.joinedAt = ++clock;
        connecting--;
        connected++;
        this.channel.expected--;
        this.channel.live.add(this);
        this.channel.known.set(this.id, this);
        return;
      case 0x46: // what floods a slow reader
        return;
      default:
        breach(`${this}: got ${bytes.toString('latin1', start, Math.min(end, start + 40))}`);
    }
  }

  #message(bytes: Buffer, at: number): void {
    delivered++;
    const from = readNumber(bytes, at);
    const number = readNumber(bytes, bytes.indexOf(0x20, at) + 1);
    const last = this.seen.get(from);
    this.seen.set(from, number);
    if (last !== undefined) {
      if (number !== last + 1) breach(`${this}: line ${number} of ${from} came behind ${last}`);
      return;
    }
    const sender = this.channel.known.get(from);
    if (sender === undefined) breach(`${this}: a line of ${from}, who is not here`);
    else if (sender.told.has(this)) breach(`${this}: a line of ${from}, who is gone`);
    // Who was here before the sender misses none of its lines.
    else if (this.joinNumber <= sender.joinNumber && number !== 1)
      breach(`${this}: lines before ${number} of ${from} did not come`);
  }

  #quit(text: string): void {
    quitsSeen++;
    const from = Number.parseInt(text, 10);
    const how = text.slice(text.indexOf(' ') + 1);
    const sender = this.channel.known.get(from);
    if (sender === undefined) {
      breach(`${this}: ${from}, who is not here, is gone: ${how}`);
      return;
    }
    if (sender.told.has(this)) breach(`${this}: ${from} is gone a second time`);
    sender.told.add(this);
    if (sender.leaving !== null) {
      if (!LEAVINGS[sender.leaving].test(how)) breach(`${from} left by ${sender.leaving}, and is gone by ${how}`);
      const isWhole = sender.leaving === 'close' || sender.leaving === 'fin';
      const last = this.seen.get(from) ?? 0;
      if (isWhole && this.joinedAt < sender.leftAt && last !== sender.said)
        breach(`${this}: ${last} lines of ${from} came, it said ${sender.said} and left by ${sender.leaving}`);
    } else if (phase !== 'leave') {
      breach(`${from} is gone by ${how}, it did its part`);
    }
    this.seen.delete(from);
    if (sender.goneAt > 0) return;
    sender.goneAt = Date.now();
    // The server let go of it: what is still open here is our own.
    if (sender.leaving === 'slow') sender.client.socket.destroy();
  }

  closeFrame(code: number, reason: string): void {
    if (this.leaving === 'mute') return;
    if (this.leaving === null) {
      if (phase === 'leave' && code === 1001) sentHome++;
      else breach(`${this}: closed by ${code} ${reason}, it did its part`);
    }
    if (this.leaving !== 'close') this.client.socket.write(maskedFrame(Opcode.CLOSE, Buffer.of(code >> 8, code & 0xff)));
    this.client.socket.end();
  }

  gone(why: string | null): void {
    this.isClosed = true;
    if (why !== null) {
      connecting--;
      this.channel.expected--;
      breach(`${this}: did not get in: ${why}`);
    } else if (this.joinedAt === 0) {
      connecting--;
      this.channel.expected--;
      breach(`${this}: closed before it had joined`);
    }
    this.channel.live.delete(this);
    if (this.leaving === null && phase !== 'leave') breach(`${this}: its connection is gone, it did its part`);
  }

  /** Whether all has come that those who live have said; what is missing, in words. */
  missing(): string | null {
    for (const member of this.channel.live) {
      const last = this.seen.get(member.id) ?? 0;
      if (last !== member.said) return `${this}: ${last} lines of ${member.id} came, it said ${member.said}`;
    }
    if (this.#echoesSeen !== this.#echoesAsked) return `${this}: ${this.#echoesSeen} of ${this.#echoesAsked} own lines came back`;
    if (this.seen.size !== this.channel.live.size)
      return `${this}: has lines of ${this.seen.size} members, ${this.channel.live.size} live`;
    return null;
  }

  toString(): string {
    return `client ${this.id}`;
  }
}

/** Reads the digits from `at` on: a string for each of millions of lines would be most of this process's work. */
function readNumber(bytes: Buffer, at: number): number {
  let number = 0;
  for (let i = at; ; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return number;
    number = number * 10 + digit;
  }
}

const channels: Channel[] = Array.from({ length: Math.max(1, Math.round(size / channelSize)) }, (_, i) => ({
  name: `#${values.name}${i}`,
  live: new Set(),
  known: new Map(),
  expected: 0,
}));
/** The clients that left, and are remembered. */
const leavers = new Set<Member>();
let nextId = 1;
let leavingsDue = 0;
let leavings = 0;
let linesDue = 0;
/** Where talk and churn go on: channel by channel, so that all of them have some. */
let talkers: Iterator<Member> = [].values();
let churnChannel = 0;
let before = Date.now();

function tick(): void {
  const now = Date.now();
  const elapsed = (now - before) / 1_000;
  before = now;
  if (phase === 'leave' || phase === null) return;
  fill();
  if (phase === 'settle') return;
  if (phase === 'talk' || phase === 'churn') talk(elapsed);
  if (phase === 'churn') churn(elapsed);
  forget(now - MEMORY);
}

/** Lets as many come as are missing, to the channels that they are missing in. */
function fill(): void {
  const wanted = Math.ceil(size / channels.length);
  let missing = size - channels.reduce((sum, { live, expected }) => sum + live.size + expected, 0);
  for (const channel of channels) {
    while (missing > 0 && connecting < MOST_CONNECTING && channel.live.size + channel.expected < wanted) {
      new Member(nextId++, channel);
      missing--;
    }
  }
}

function talk(elapsed: number): void {
  // After a pause (a collection of garbage) not all at once.
  linesDue = Math.min(linesDue + (elapsed * size) / every, size / 10);
  for (; linesDue >= 1; linesDue--) {
    let next = talkers.next();
    if (next.done === true) {
      talkers = everybody();
      next = talkers.next();
    }
    if (next.done !== true) next.value.talk();
  }
}

function* everybody(): Generator<Member> {
  for (const channel of channels) yield* channel.live;
}

function churn(elapsed: number): void {
  leavingsDue += (elapsed * churnPerMinute) / 60;
  for (; leavingsDue >= 1; leavingsDue--) {
    const { live } = channels[churnChannel++ % channels.length] as Channel;
    // The one that is here the longest; somebody has to be left to tell of it.
    const [oldest] = live;
    if (oldest !== undefined && live.size > 2) oldest.leave(LEAVING_ORDER[leavings++ % LEAVING_ORDER.length] as Leaving);
  }
}

/** Drops those that were gone by `time`, after a look at who was told. */
function forget(time: number): void {
  for (const member of leavers) {
    if (member.goneAt === 0 || member.goneAt > time) continue;
    const untold = firstUntold(member);
    if (untold !== undefined) breach(`${untold}: was not told that ${member.id} is gone`);
    member.channel.known.delete(member.id);
    member.client.socket.destroy();
    leavers.delete(member);
  }
}

/** Returns one of those who are to be told that `leaver` is gone, and were not. */
function firstUntold(leaver: Member): Member | undefined {
  for (const other of leaver.channel.live) if (other.joinedAt < leaver.leftAt && !leaver.told.has(other)) return other;
  return undefined;
}

/** Waits until `holds`; what it says otherwise is a promise broken. */
async function settled(holds: () => string | null): Promise<void> {
  const deadline = Date.now() + patience;
  let missing = holds();
  while (missing !== null && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    missing = holds();
  }
  if (missing !== null) breach(missing);
}

async function settle(): Promise<void> {
  await settled(() => {
    for (const leaver of leavers) {
      if (leaver.goneAt === 0) return `${leaver}: left by ${leaver.leaving}, and nobody was told`;
      // The news comes to one after the other: that the first has it says nothing of the last.
      const untold = firstUntold(leaver);
      if (untold !== undefined) return `${leaver}: left by ${leaver.leaving}, and ${untold} was not told`;
    }
    return connecting > 0 ? `${connecting} clients are not in` : null;
  });
  forget(Number.POSITIVE_INFINITY);
  // Whoever came late has now a line of everybody to wait for.
  for (const member of everybody()) member.say();
  await settled(() => {
    for (const member of everybody()) {
      const missing = member.missing();
      if (missing !== null) return missing;
    }
    return null;
  });
  tell(report('settled'));
}

async function leave(all: readonly Member[]): Promise<void> {
  await settled(() => (all.every(({ isClosed }) => isClosed) ? null : 'clients are still here after the server has closed'));
  tell(report('gone'));
}

function report(type: CrowdReport['type']): CrowdReport {
  const live = channels.reduce((sum, channel) => sum + channel.live.size, 0);
  return { type, connected, live, said, delivered, echoed, quitsSeen, pings, left, sentHome, brokenCount, broken };
}

const tell = (message: FromCrowd): void => void process.send?.(message);

process.on('message', ({ type }: ToCrowd) => {
  phase = type;
  if (type === 'connect')
    void settled(() => (connected + brokenCount >= size ? null : `${connected} of ${size} are in`)).then(() =>
      tell({ type: 'connected' }),
    );
  if (type === 'settle') void settle();
  if (type === 'leave') void leave([...everybody()]);
});
process.on('disconnect', () => process.exit());
setInterval(tick, TICK);
