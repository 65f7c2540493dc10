/**
 * The cases of the Autobahn test suite's fuzzing client for a server, sections 1 to 10, by their numbers: what each sends, and what must come back.
 *
 * Sections 12 and 13 (compression) are not here: no extension is offered.
 */
import {
  type ConformanceCase,
  chop,
  closeFrame,
  fragments,
  frame,
  fromHex,
  OPCODE,
  type Reply,
  type Script,
  type Step,
} from './case.ts';
import { SEQUENCE_GROUPS } from './utf8-sequences.ts';

const { CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG } = OPCODE;
const KIB = 1024;
const MIB = 1024 * KIB;

const cases: ConformanceCase[] = [];
const add = (id: string, title: string, script: () => Script): void => void cases.push({ id, title, script });

/** One message comes back. */
const echoes = (id: string, title: string, reply: Reply, steps: readonly Step[] = [frame(...reply)]): void =>
  add(id, title, () => ({ steps, replies: [reply] }));
/** The server closes, after these replies. */
const closes = (id: string, title: string, close: number, steps: readonly Step[], replies: readonly Reply[] = []): void =>
  add(id, title, () => ({ steps, replies, close }));

type Cut = (frames: readonly Buffer[]) => readonly Buffer[];
const apart: Cut = (frames) => frames;
const together: Cut = (frames) => [Buffer.concat(frames)];
const byteByByte: Cut = (frames) => chop(Buffer.concat(frames), 1);
const CUTS: readonly (readonly [how: string, cut: Cut])[] = [
  ['', apart],
  [', in one write', together],
  [', byte by byte', byteByByte],
];

const hello: Reply = [TEXT, Buffer.from('Hello, world!')];

// 1 Framing: every form of the length, whole and chopped.
for (const [section, opcode, filler] of [
  ['1.1', TEXT, '*'],
  ['1.2', BINARY, 0xfe],
] as const) {
  for (const [i, size] of [0, 125, 126, 127, 128, 65_535, 65_536].entries())
    echoes(`${section}.${i + 1}`, `message of ${size} bytes`, [opcode, Buffer.alloc(size, filler)]);
  const large = Buffer.alloc(65_536, filler);
  echoes(`${section}.8`, 'message of 65536 bytes, 997 a write', [opcode, large], chop(frame(opcode, large), 997));
}

// 2 Pings and pongs.
const answers = (id: string, title: string, payloads: readonly Buffer[], steps?: readonly Step[]): void =>
  add(id, title, () => ({
    steps: steps ?? payloads.map((payload) => frame(PING, payload)),
    replies: payloads.map((payload) => [PONG, payload]),
  }));
const fullPing = Buffer.alloc(125, 0xfe);
const tenPings = Array.from({ length: 10 }, (_, i) => Buffer.from(`payload-${i}`));
const tenPingFrames = tenPings.map((payload) => frame(PING, payload));
answers('2.1', 'ping without payload', [Buffer.alloc(0)]);
answers('2.2', 'ping with text', [Buffer.from('Hello, world!')]);
answers('2.3', 'ping with bytes', [fromHex('00fffefdfcfb00ff')]);
answers('2.4', 'ping of 125 bytes', [fullPing]);
closes('2.5', 'ping of 126 bytes', 1002, [frame(PING, Buffer.alloc(126, 0xfe))]);
answers('2.6', 'ping of 125 bytes, byte by byte', [fullPing], chop(frame(PING, fullPing), 1));
add('2.7', 'pong that nobody asked for', () => ({ steps: [frame(PONG)], replies: [] }));
add('2.8', 'pong that nobody asked for, with payload', () => ({ steps: [frame(PONG, 'unsolicited')], replies: [] }));
answers('2.9', 'pong, then ping', [Buffer.from('ping')], [frame(PONG, 'unsolicited'), frame(PING, 'ping')]);
answers('2.10', 'ten pings', tenPings);
answers('2.11', 'ten pings, byte by byte', tenPings, byteByByte(tenPingFrames));

// 3 Reserved bits.
closes('3.1', 'RSV 1', 1002, [frame(TEXT, 'Hello', { rsv: 1 })]);
for (const [i, [how, cut]] of CUTS.entries()) {
  const rsv = i + 2;
  const frames = [frame(...hello), frame(TEXT, 'Hello', { rsv }), frame(PING)];
  closes(`3.${rsv}`, `message, then RSV ${rsv}${how}`, 1002, cut(frames), [hello]);
}
closes('3.5', 'RSV 5 on a binary message', 1002, [frame(BINARY, fromHex('00fffefdfcfb00ff'), { rsv: 5 })]);
closes('3.6', 'RSV 6 on a ping', 1002, [frame(PING, 'Hello', { rsv: 6 })]);
closes('3.7', 'RSV 7 on a Close frame', 1002, [frame(CLOSE, '', { rsv: 7 })]);

// 4 Reserved opcodes.
for (const [section, [first, second, ...behind]] of [
  ['4.1', [3, 4, 5, 6, 7]],
  ['4.2', [11, 12, 13, 14, 15]],
] as const) {
  closes(`${section}.1`, `opcode ${first}`, 1002, [frame(first)]);
  closes(`${section}.2`, `opcode ${second} with payload`, 1002, [frame(second, 'reserved opcode payload')]);
  for (const [i, [how, cut]] of CUTS.entries()) {
    const opcode = behind[i] as number;
    const frames = [frame(...hello), frame(opcode, i === 0 ? '' : 'reserved opcode payload'), frame(PING)];
    closes(`${section}.${i + 3}`, `message, then opcode ${opcode}${how}`, 1002, cut(frames), [hello]);
  }
}

// 5 Fragmentation.
const pair = ['fragment1', 'fragment2'];
const joined: Reply = [TEXT, Buffer.from('fragment1fragment2')];
const [one, two] = fragments(TEXT, pair) as [Buffer, Buffer];
closes('5.1', 'ping in two fragments', 1002, fragments(PING, pair));
closes('5.2', 'pong in two fragments', 1002, fragments(PONG, pair));
for (const [i, [how, cut]] of CUTS.entries()) {
  echoes(`5.${3 + i}`, `two fragments${how}`, joined, cut([one, two]));
  add(`5.${6 + i}`, `ping between two fragments${how}`, () => ({
    steps: cut([one, frame(PING, 'ping'), two]),
    replies: [[PONG, Buffer.from('ping')], joined],
  }));
}
for (const [from, fin] of [
  [9, true],
  [12, false],
] as const) {
  for (const [i, [how, cut]] of CUTS.entries()) {
    const frames = [frame(CONTINUATION, 'nothing to continue', { fin }), frame(...hello)];
    closes(`5.${from + i}`, `continuation of nothing, FIN ${fin}${how}`, 1002, cut(frames));
  }
}
const behindMessage = [one, two, frame(CONTINUATION, 'fragment3', { fin: false }), frame(TEXT, 'fragment4')];
closes('5.15', 'continuation behind the last fragment', 1002, together(behindMessage), [joined]);
for (const [id, fin] of [
  ['5.16', false],
  ['5.17', true],
] as const) {
  const frames = [frame(CONTINUATION, 'fragment1', { fin }), ...fragments(TEXT, ['fragment2', 'fragment3'])];
  closes(id, `continuation before the first fragment, FIN ${fin}`, 1002, [...frames, ...frames]);
}
closes('5.18', 'a new message within a message', 1002, together([one, frame(TEXT, 'fragment2')]));
const five = [1, 2, 3, 4, 5].map((i) => `fragment${i}`);
const fiveFrames = fragments(TEXT, five);
const pingTwice = (pause: readonly Step[]): readonly Step[] => [
  ...fiveFrames.slice(0, 2),
  frame(PING, 'first'),
  ...pause,
  ...fiveFrames.slice(2, 4),
  frame(PING, 'second'),
  ...fiveFrames.slice(4),
];
const pingedReplies: readonly Reply[] = [
  [PONG, Buffer.from('first')],
  [PONG, Buffer.from('second')],
  [TEXT, Buffer.from(five.join(''))],
];
add('5.19', 'five fragments, two pings, with a pause', () => ({
  steps: pingTwice([{ awaitReplies: 1 }]),
  replies: pingedReplies,
}));
add('5.20', 'five fragments, two pings', () => ({ steps: together(pingTwice([]) as Buffer[]), replies: pingedReplies }));

// 6 UTF-8.
const everyByte = (bytes: Buffer): Buffer[] => fragments(TEXT, chop(bytes, 1));
echoes('6.1.1', 'empty message', [TEXT, Buffer.alloc(0)]);
echoes('6.1.2', 'three empty fragments', [TEXT, Buffer.alloc(0)], fragments(TEXT, ['', '', '']));
echoes('6.1.3', 'an empty fragment, text, an empty fragment', [TEXT, Buffer.from('middle')], fragments(TEXT, ['', 'middle', '']));
const umlauts = Buffer.from('Hello-µ@ßöäüàá-UTF-8!!');
echoes('6.2.1', 'valid text', [TEXT, umlauts]);
echoes(
  '6.2.2',
  'valid text, cut between characters',
  [TEXT, umlauts],
  fragments(TEXT, [umlauts.subarray(0, 12), umlauts.subarray(12)]),
);
echoes('6.2.3', 'valid text, a byte a fragment', [TEXT, umlauts], everyByte(umlauts));
echoes('6.2.4', 'κόσμε, a byte a fragment', [TEXT, Buffer.from('κόσμε')], everyByte(Buffer.from('κόσμε')));
const surrogate = fromHex('cebae1bdb9cf83cebcceb5 eda080 656469746564');
closes('6.3.1', 'a surrogate', 1007, [frame(TEXT, surrogate)]);
closes('6.3.2', 'a surrogate, a byte a fragment', 1007, everyByte(surrogate));
// Fail-fast: the rest is held back, and strict servers do not need it.
const beyond = fromHex('cebae1bdb9cf83cebcceb5 f4908080 656469746564');
const earlyFragments = (...at: readonly number[]): Script => {
  const [first, second, third] = fragments(TEXT, [
    beyond.subarray(0, at[0]),
    beyond.subarray(at[0], at[1]),
    beyond.subarray(at[1]),
  ]);
  return { steps: [first as Buffer, second as Buffer], rest: [third as Buffer], replies: [], close: 1007 };
};
const earlyWrites = (...at: readonly number[]): Script => {
  const bytes = frame(TEXT, beyond);
  const [first, second] = at.map((payloadSize) => bytes.length - beyond.length + payloadSize);
  return {
    steps: [bytes.subarray(0, first), bytes.subarray(first, second)],
    rest: [bytes.subarray(second)],
    replies: [],
    close: 1007,
  };
};
add('6.4.1', 'beyond U+10FFFF in the second of three fragments', () => earlyFragments(11, 15));
add('6.4.2', 'beyond U+10FFFF, known from the first byte of the second fragment', () => earlyFragments(12, 13));
add('6.4.3', 'beyond U+10FFFF in the second part of a frame', () => earlyWrites(11, 15));
add('6.4.4', 'beyond U+10FFFF, known from the first byte of the second part', () => earlyWrites(12, 13));
for (const [group, { title, sequences }] of SEQUENCE_GROUPS.entries()) {
  for (const [i, { hex, isUtf8 }] of sequences.entries()) {
    const id = `6.${group + 5}.${i + 1}`;
    const label = `${title}: ${hex.length > 24 ? `${hex.slice(0, 24)}…` : hex}`;
    if (isUtf8) echoes(id, label, [TEXT, fromHex(hex)]);
    else closes(id, label, 1007, [frame(TEXT, fromHex(hex))]);
  }
}

// 7 Closing.
closes('7.1.1', 'message, then Close', 1000, apart([frame(...hello), closeFrame(1000)]), [hello]);
closes('7.1.2', 'Close twice', 1000, apart([closeFrame(1000), closeFrame(1000)]));
closes('7.1.3', 'ping behind Close', 1000, apart([closeFrame(1000), frame(PING)]));
closes('7.1.4', 'message behind Close', 1000, apart([closeFrame(1000), frame(...hello)]));
closes('7.1.5', 'Close between two fragments', 1000, apart([one, closeFrame(1000), two]));
add('7.1.6', '256 KiB, a message, Close, ping', () => {
  const large: Reply = [TEXT, Buffer.alloc(256 * KIB, '*')];
  return { steps: [frame(...large), frame(...hello), closeFrame(1000), frame(PING)], replies: [large, hello], close: 1000 };
});
closes('7.3.1', 'Close without payload', 1005, [frame(CLOSE)]);
closes('7.3.2', 'Close of one byte', 1002, [frame(CLOSE, 'a')]);
closes('7.3.3', 'Close with a code', 1000, [closeFrame(1000)]);
closes('7.3.4', 'Close with code and reason', 1000, [closeFrame(1000, 'Hello World!')]);
closes('7.3.5', 'Close with the longest reason', 1000, [closeFrame(1000, '*'.repeat(123))]);
closes('7.3.6', 'Close of 126 bytes', 1002, [closeFrame(1000, '*'.repeat(124))]);
closes('7.5.1', 'Close with a reason that is not UTF-8', 1007, [closeFrame(1000, surrogate)]);
for (const [i, code] of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].entries())
  closes(`7.7.${i + 1}`, `Close ${code}`, code, [closeFrame(code)]);
for (const [i, code] of [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].entries())
  closes(`7.9.${i + 1}`, `Close ${code}, which may not be sent`, 1002, [closeFrame(code)]);
for (const [i, code] of [5_000, 65_535].entries())
  closes(`7.13.${i + 1}`, `Close ${code}, beyond every range`, 1002, [closeFrame(code)]);

// 9 Limits. Text has the odd section, binary the even one.
for (const [i, opcode] of [TEXT, BINARY].entries()) {
  const section = (text: number): string => `9.${text + i}`;
  const large = (size: number): Reply => [opcode, Buffer.alloc(size, '*')];

  for (const [at, size] of [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].entries()) {
    add(`${section(1)}.${at + 1}`, `message of ${size} bytes`, () => {
      const reply = large(size);
      return { steps: [frame(...reply)], replies: [reply] };
    });
  }
  for (const [at, size] of [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].entries()) {
    add(`${section(3)}.${at + 1}`, `4 MiB in fragments of ${size} bytes`, () => {
      const reply = large(4 * MIB);
      return { steps: together(fragments(opcode, chop(reply[1], size))), replies: [reply] };
    });
  }
  for (const [at, size] of [64, 128, 256, 512, KIB, 2 * KIB].entries()) {
    add(`${section(5)}.${at + 1}`, `1 MiB, ${size} bytes a write`, () => {
      const reply = large(MIB);
      return { steps: chop(frame(...reply), size), replies: [reply] };
    });
  }
  for (const [at, size] of [0, 16, 64, 256, KIB, 4 * KIB].entries()) {
    add(`${section(7)}.${at + 1}`, `1000 messages of ${size} bytes, each after the echo of the one before`, () => {
      const reply = large(size);
      const bytes = frame(...reply);
      return {
        steps: Array.from({ length: 1_000 }, (_, sent) => [{ awaitReplies: sent }, bytes]).flat(),
        replies: Array.from({ length: 1_000 }, () => reply),
      };
    });
  }
  // Autobahn ends at 16 MiB.
  for (const count of [32, 64]) {
    const size = count * MIB;
    cases.push(
      {
        id: `${section(1)}+${count}`,
        title: `message of ${size} bytes`,
        isHeavy: true,
        script: () => ({ steps: [frame(opcode, large(size)[1])], replies: [large(size)] }),
      },
      {
        id: `${section(3)}+${count}`,
        title: `${count} MiB in fragments of 65536 bytes`,
        isHeavy: true,
        script: () => ({ steps: fragments(opcode, chop(large(size)[1], 64 * KIB)), replies: [large(size)] }),
      },
    );
  }
}

// 10 Fragments that a library made by itself.
const automatic: Reply = [TEXT, Buffer.alloc(64 * KIB, '*')];
echoes('10.1.1', '64 KiB in fragments of 1300 bytes', automatic, fragments(TEXT, chop(automatic[1], 1_300)));

/** Every case, in the order of the numbers. */
export const CASES: readonly ConformanceCase[] = cases;
