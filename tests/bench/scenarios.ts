/**
 * What is measured: the scenarios of the performance page, as data. Both processes read them, the server under test and the load.
 */

/** One way to load a server. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What the server does with a line; `tests/bench/server.ts`. */
  readonly app: 'sink' | 'echo' | 'burst' | 'chat' | 'fan-out' | 'greet' | 'idle';
  /** What the load does; `tests/bench/load.ts`. */
  readonly load: 'pipelined' | 'paced' | 'closed-loop' | 'chat' | 'fan-out' | 'handshakes' | 'idle';
  /** Milliseconds of silence behind the load: then memory is measured, and not time. */
  readonly rest?: number;
  /** Connections that are open throughout. */
  readonly connections: number;
  /** Connections that are being opened at a time. */
  readonly concurrency?: number;
  /** Bytes of a line that comes in, without line end; absent: 60 to 120. */
  readonly lineSize?: number;
  /** One line in so many has text that is not ASCII. */
  readonly nonAsciiEvery?: number;
  /** Lines out for each line in. */
  readonly replies?: number;
  /** Milliseconds of warm-up at least: a handshake runs through so much code that V8 compiles for seconds. */
  readonly warmUp?: number;
  /** What is counted: the server's processor time is divided by it. */
  readonly unit: 'line in' | 'line out' | 'connection';
  /** Left out unless it is named, or `--all` is given. */
  readonly isExtra?: boolean;
}

const echoAt = (connections: number): Scenario => ({
  name: `echo-${connections}`,
  title: `echo, ${connections} connections`,
  app: 'echo',
  load: 'closed-loop',
  connections,
  replies: 1,
  unit: 'line in',
  isExtra: true,
});

const sizedInbound = (lineSize: number): Scenario => ({
  name: `inbound-${lineSize}`,
  title: `inbound, lines of ${lineSize} bytes`,
  app: 'sink',
  load: 'pipelined',
  connections: 1,
  lineSize,
  unit: 'line in',
  isExtra: true,
});

const fanOut = (connections: number, replies: number): Scenario => ({
  name: `fan-out-${connections}${replies === 1 ? '' : `x${replies}`}`,
  title: `fan-out to ${connections}, ${replies === 1 ? 'a line' : `${replies} lines`} a turn`,
  app: 'fan-out',
  load: 'fan-out',
  connections,
  replies,
  unit: 'line out',
});

export const SCENARIOS: readonly Scenario[] = [
  { name: 'inbound', title: 'inbound, pipelined', app: 'sink', load: 'pipelined', connections: 1, unit: 'line in' },
  {
    name: 'inbound-mixed',
    title: 'inbound, one line in ten not ASCII',
    app: 'sink',
    load: 'pipelined',
    connections: 1,
    nonAsciiEvery: 10,
    unit: 'line in',
  },
  { name: 'segments', title: 'a frame in each segment', app: 'sink', load: 'paced', connections: 50, unit: 'line in' },
  { name: 'echo', title: 'echo', app: 'echo', load: 'closed-loop', connections: 50, replies: 1, unit: 'line in' },
  {
    name: 'burst',
    title: 'burst, ten lines back',
    app: 'burst',
    load: 'closed-loop',
    connections: 50,
    replies: 10,
    unit: 'line out',
  },
  { name: 'chat', title: 'chat of a hundred', app: 'chat', load: 'chat', connections: 100, lineSize: 80, unit: 'line out' },
  fanOut(1_000, 1),
  fanOut(5_000, 1),
  fanOut(1_000, 10),
  {
    name: 'handshake',
    title: 'handshake',
    app: 'greet',
    load: 'handshakes',
    connections: 0,
    concurrency: 8,
    warmUp: 4_000,
    unit: 'connection',
  },
  { name: 'idle', title: 'idle, bytes a connection', app: 'idle', load: 'idle', connections: 2_000, unit: 'connection' },
  {
    name: 'after-connecting',
    title: '1000 clients that never spoke, bytes each',
    app: 'idle',
    load: 'idle',
    connections: 1_000,
    rest: 5_000,
    unit: 'connection',
    isExtra: true,
  },
  {
    name: 'after-activity',
    title: '1000 clients after activity, bytes each',
    app: 'burst',
    load: 'closed-loop',
    connections: 1_000,
    replies: 10,
    rest: 5_000,
    unit: 'connection',
    isExtra: true,
  },
  echoAt(100),
  echoAt(1_000),
  echoAt(10_000),
  sizedInbound(20),
  sizedInbound(100),
  sizedInbound(500),
  sizedInbound(2_000),
  sizedInbound(8_700),
];

/** Finds a scenario by its name. @throws RangeError */
export function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined)
    throw new RangeError(`no scenario ${name}: there are ${SCENARIOS.map((each) => each.name).join(', ')}`);
  return scenario;
}

/** Whether a scenario gives bytes, and not time. */
export function isOfMemory({ load, rest }: Scenario): boolean {
  return load === 'idle' || rest !== undefined;
}
