/**
 * The cases of the Autobahn test suite's fuzzing client for a server, by their numbers, as data: what is sent, and what must come back.
 *
 * Sections 12 and 13 (compression) are not here: no extension is offered. Section 9 goes to 16 MiB.
 */
import { encodeFrame, Opcode } from '../../src/protocol/frame.ts';

/** One case. */
export interface ConformanceCase {
  readonly id: string;
  /** What is sent, in writes of its own; between two of them the server gets a turn. */
  readonly writes: readonly Buffer[];
  /** Data frames that come back: opcode and payload. */
  readonly echoes: readonly (readonly [opcode: number, payload: Buffer])[];
  /** Pongs that come back. */
  readonly pongs?: readonly Buffer[];
  /** How the server closes; absent: it does not, and answers a Close by 1000. */
  readonly close?: number;
}

const KEY = Buffer.of(0x12, 0x34, 0x56, 0x78);
const TEXT = Opcode.TEXT;
const BINARY = Opcode.BINARY;

const frame = (opcode: number, payload: Buffer | string = '', fin = true): Buffer =>
  encodeFrame(opcode as Opcode, Buffer.from(payload as string), { fin, maskKey: KEY });
const raw = (first: number, payload = ''): Buffer => {
  const bytes = frame(TEXT, payload);
  bytes[0] = first;
  return bytes;
};
const chop = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const closePayload = (code: number, reason: string | Buffer = ''): Buffer =>
  Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason as string)]);

const cases: ConformanceCase[] = [];
const echo = (id: string, opcode: number, payload: Buffer, writes: Buffer[] = [frame(opcode, payload)]): void => {
  cases.push({ id, writes, echoes: [[opcode, payload]] });
};
const fails = (id: string, close: number, writes: Buffer[], echoes: ConformanceCase['echoes'] = []): void => {
  cases.push({ id, writes, echoes, close });
};

// 1 Framing: every length form, whole and chopped.
for (const [group, opcode, filler] of [
  ['1.1', TEXT, '*'],
  ['1.2', BINARY, '\xfe'],
] as const) {
  for (const [i, size] of [0, 125, 126, 127, 128, 65_535, 65_536].entries())
    echo(`${group}.${i + 1}`, opcode, Buffer.alloc(size, filler, 'latin1'));
  const large = Buffer.alloc(65_536, filler, 'latin1');
  echo(`${group}.8`, opcode, large, chop(frame(opcode, large), 997));
}

// 2 Pings and pongs.
const pings = (id: string, payloads: Buffer[], writes = payloads.map((payload) => frame(Opcode.PING, payload))): void => {
  cases.push({ id, writes, echoes: [], pongs: payloads });
};
pings('2.1', [Buffer.alloc(0)]);
pings('2.2', [Buffer.from('Hello, world!')]);
pings('2.3', [hex('00fffefdfcfb00ff')]);
pings('2.4', [Buffer.alloc(125, 0xfe)]);
fails('2.5', 1002, [hex('89fe007e12345678'), Buffer.alloc(126)]);
pings('2.6', [Buffer.alloc(125, 0xfe)], chop(frame(Opcode.PING, Buffer.alloc(125, 0xfe)), 1));
cases.push({ id: '2.7', writes: [frame(Opcode.PONG)], echoes: [] });
cases.push({ id: '2.8', writes: [frame(Opcode.PONG, 'unsolicited pong payload')], echoes: [] });
cases.push({
  id: '2.9',
  writes: [frame(Opcode.PONG, 'unsolicited'), frame(Opcode.PING, 'ping payload')],
  echoes: [],
  pongs: [Buffer.from('ping payload')],
});
const ten = Array.from({ length: 10 }, (_, i) => Buffer.from(`payload-${i}`));
pings('2.10', ten);
pings('2.11', ten, chop(Buffer.concat(ten.map((payload) => frame(Opcode.PING, payload))), 1));

// 3 Reserved bits.
const hello: [number, Buffer] = [TEXT, Buffer.from('Hello, world!')];
for (let rsv = 1; rsv <= 7; rsv++) {
  const bad = (opcode: number): Buffer => raw(0x80 | (rsv << 4) | opcode, 'Hello');
  if (rsv === 1) fails('3.1', 1002, [bad(TEXT)]);
  else if (rsv <= 4)
    fails(
      `3.${rsv}`,
      1002,
      [
        ...(rsv === 3
          ? [Buffer.concat([frame(...hello), bad(TEXT)])]
          : chop(Buffer.concat([frame(...hello), bad(TEXT)]), rsv === 4 ? 1 : 999)),
      ],
      [hello],
    );
  else fails(`3.${rsv}`, 1002, [bad([BINARY, Opcode.PING, Opcode.CLOSE][rsv - 5] as number)]);
}

// 4 Reserved opcodes.
for (const [group, opcodes] of [
  ['4.1', [3, 4, 5, 6, 7]],
  ['4.2', [11, 12, 13, 14, 15]],
] as const) {
  fails(`${group}.1`, 1002, [raw(0x80 | opcodes[0])]);
  fails(`${group}.2`, 1002, [raw(0x80 | opcodes[1], 'reserved opcode payload')]);
  for (const i of [2, 3, 4]) {
    const bytes = Buffer.concat([
      frame(...hello),
      raw(0x80 | (opcodes[i] as number), i === 2 ? '' : 'payload'),
      frame(Opcode.PING),
    ]);
    fails(`${group}.${i + 1}`, 1002, i === 4 ? chop(bytes, 1) : [bytes], [hello]);
  }
}

// 5 Fragmentation.
const [first, second] = [Buffer.from('fragment1'), Buffer.from('fragment2')];
const both = Buffer.concat([first, second]);
fails('5.1', 1002, [frame(Opcode.PING, first, false), frame(Opcode.CONTINUATION, second)]);
fails('5.2', 1002, [frame(Opcode.PONG, first, false), frame(Opcode.CONTINUATION, second)]);
const two = [frame(TEXT, first, false), frame(Opcode.CONTINUATION, second)];
echo('5.3', TEXT, both, two);
echo('5.4', TEXT, both, [Buffer.concat(two)]);
echo('5.5', TEXT, both, chop(Buffer.concat(two), 1));
const pinged = [two[0] as Buffer, frame(Opcode.PING, 'ping payload'), two[1] as Buffer];
for (const [id, writes] of [
  ['5.6', pinged],
  ['5.7', [Buffer.concat(pinged)]],
  ['5.8', chop(Buffer.concat(pinged), 1)],
] as const) {
  cases.push({ id, writes, echoes: [[TEXT, both]], pongs: [Buffer.from('ping payload')] });
}
for (const [i, fin] of [true, true, true, false, false, false].entries()) {
  const bytes = Buffer.concat([frame(Opcode.CONTINUATION, 'non-continuation payload', fin), frame(...hello)]);
  fails(
    `5.${9 + i}`,
    1002,
    i % 3 === 2 ? chop(bytes, 1) : i % 3 === 1 ? [bytes] : [frame(Opcode.CONTINUATION, 'non-continuation payload', fin)],
  );
}
fails(
  '5.15',
  1002,
  [Buffer.concat([...two, frame(Opcode.CONTINUATION, 'fragment3', false), frame(TEXT, 'fragment4')])],
  [[TEXT, both]],
);
const orphan = (fin: boolean): Buffer[] =>
  [0, 1].flatMap(() => [
    frame(Opcode.CONTINUATION, 'fragment1', fin),
    frame(TEXT, 'fragment2', false),
    frame(Opcode.CONTINUATION, 'fragment3'),
  ]);
fails('5.16', 1002, orphan(false));
fails('5.17', 1002, orphan(true));
fails('5.18', 1002, [frame(TEXT, first, false), frame(TEXT, second)]);
const five = [1, 2, 3, 4, 5].map((i) => Buffer.from(`fragment${i}`));
const long = five.flatMap((part, i) => [
  frame(i === 0 ? TEXT : Opcode.CONTINUATION, part, i === 4),
  ...(i === 1 || i === 3 ? [frame(Opcode.PING, `pongme ${i}!`)] : []),
]);
for (const id of ['5.19', '5.20']) {
  cases.push({
    id,
    writes: id === '5.19' ? long : [Buffer.concat(long)],
    echoes: [[TEXT, Buffer.concat(five)]],
    pongs: [Buffer.from('pongme 1!'), Buffer.from('pongme 3!')],
  });
}

// 6 UTF-8.
echo('6.1.1', TEXT, Buffer.alloc(0));
echo('6.1.2', TEXT, Buffer.alloc(0), [frame(TEXT, '', false), frame(0, '', false), frame(0, '')]);
echo('6.1.3', TEXT, Buffer.from('middle frame payload'), [
  frame(TEXT, '', false),
  frame(0, 'middle frame payload', false),
  frame(0, ''),
]);
const greek = Buffer.from('Hello-µ@ßöäüàá-UTF-8!!');
echo('6.2.1', TEXT, greek);
echo('6.2.2', TEXT, greek, [frame(TEXT, greek.subarray(0, 12), false), frame(0, greek.subarray(12))]);
const singles = (bytes: Buffer): Buffer[] =>
  [...bytes].map((byte, i) => frame(i === 0 ? TEXT : 0, Buffer.of(byte), i === bytes.length - 1));
echo('6.2.3', TEXT, greek, singles(greek));
echo('6.2.4', TEXT, Buffer.from('κόσμε'), singles(Buffer.from('κόσμε')));
const broken = hex('cebae1bdb9cf83cebcceb5 eda080 656469746564');
fails('6.3.1', 1007, [frame(TEXT, broken)]);
fails('6.3.2', 1007, singles(broken));
// 6.4 strict: the server must fail before the rest has come.
const early = hex('cebae1bdb9cf83cebcceb5 f4908080');
fails('6.4.1', 1007, [frame(TEXT, hex('cebae1bdb9cf83cebcceb5'), false), frame(0, hex('f4908080'), false)]);
fails('6.4.2', 1007, [frame(TEXT, early.subarray(0, 12), false), frame(0, early.subarray(12, 13), false)]);
const unfinished = frame(TEXT, Buffer.concat([early, Buffer.from('edited')]));
fails('6.4.3', 1007, [unfinished.subarray(0, 6 + 11), unfinished.subarray(17, 6 + 15)]);
fails('6.4.4', 1007, [unfinished.subarray(0, 6 + 12), unfinished.subarray(18, 6 + 13)]);
const GOOD = [
  'cebae1bdb9cf83cebcceb5',
  '00',
  'c280',
  'e0a080',
  'f0908080',
  '7f',
  'dfbf',
  'efbfbf',
  'f48fbfbf',
  'ed9fbf',
  'ee8080',
  'efbfbd',
  'f48fbfbf',
  'efbfbe',
  'f09fbfbe',
  'f3bfbfbf',
  'efb790',
  'efbbbf',
];
for (const [i, bytes] of GOOD.entries()) echo(`6.good.${i + 1}`, TEXT, hex(bytes));
const BAD = [
  'ce',
  'cebae1',
  'cebae1bd',
  'f8888080 80',
  'fc8480808080',
  'f7bfbfbf',
  'fbbfbfbfbf',
  'fdbfbfbfbfbf',
  'f4908080',
  '80',
  'bf',
  '80bf',
  '80bf80',
  '80bf80bf80bf',
  'c020',
  'e02020',
  'f0202020',
  'f8',
  'fc',
  'c0',
  'e080',
  'f08080',
  'f8808080',
  'fc80808080',
  'df',
  'efbf',
  'f7bfbf',
  'fe',
  'ff',
  'fefeffff',
  'c0af',
  'e080af',
  'f08080af',
  'f8808080af',
  'fc80808080af',
  'c1bf',
  'e09fbf',
  'f08fbfbf',
  'f887bfbfbf',
  'fc83bfbfbfbf',
  'c080',
  'e08080',
  'f0808080',
  'eda080',
  'edadbf',
  'edae80',
  'edafbf',
  'edb080',
  'edbe80',
  'edbfbf',
  'eda080edb080',
  'eda080edbfbf',
  'edadbfedb080',
  'edafbfedbfbf',
];
for (const [i, bytes] of BAD.entries()) fails(`6.bad.${i + 1}`, 1007, [frame(TEXT, hex(bytes))]);

// 7 Closing.
const close = (payload: Buffer | string = ''): Buffer => frame(Opcode.CLOSE, payload);
fails('7.1.1', 1000, [frame(...hello), close(closePayload(1000))], [hello]);
fails('7.1.2', 1000, [Buffer.concat([close(closePayload(1000)), close(closePayload(1000))])]);
fails('7.1.3', 1000, [Buffer.concat([close(closePayload(1000)), frame(Opcode.PING)])]);
fails('7.1.4', 1000, [Buffer.concat([close(closePayload(1000)), frame(...hello)])]);
fails('7.1.5', 1000, [Buffer.concat([frame(TEXT, first, false), close(closePayload(1000)), frame(0, second)])]);
fails(
  '7.1.6',
  1000,
  [Buffer.concat([frame(BINARY, Buffer.alloc(262_144, 'B')), frame(...hello), close(closePayload(1000)), frame(Opcode.PING)])],
  [[BINARY, Buffer.alloc(262_144, 'B')], hello],
);
fails('7.3.1', 1005, [close()]);
fails('7.3.2', 1002, [close('a')]);
fails('7.3.3', 1000, [close(closePayload(1000))]);
fails('7.3.4', 1000, [close(closePayload(1000, 'Hello World!'))]);
fails('7.3.5', 1000, [close(closePayload(1000, '*'.repeat(123)))]);
fails('7.3.6', 1002, [hex('88fe007e12345678'), Buffer.alloc(126)]);
fails('7.5.1', 1007, [close(closePayload(1000, broken))]);
for (const [i, code] of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].entries())
  fails(`7.7.${i + 1}`, code, [close(closePayload(code))]);
for (const [i, code] of [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].entries())
  fails(`7.9.${i + 1}`, 1002, [close(closePayload(code))]);
fails('7.13.1', 1002, [close(closePayload(5_000))]);
fails('7.13.2', 1002, [close(closePayload(65_535))]);

// 9 Limits, to 16 MiB.
for (const [group, opcode] of [
  ['9.1', TEXT],
  ['9.2', BINARY],
] as const) {
  for (const [i, size] of [65_536, 262_144, 1_048_576, 4_194_304, 8_388_608, 16_777_216].entries())
    echo(`${group}.${i + 1}`, opcode, Buffer.alloc(size, '*'));
}
for (const [group, opcode] of [
  ['9.3', TEXT],
  ['9.4', BINARY],
] as const) {
  const large = Buffer.alloc(4_194_304, '*');
  for (const [i, size] of [64, 1_024, 65_536, 1_048_576].entries()) {
    const parts = chop(large, size);
    echo(`${group}.${i + 1}`, opcode, large, [
      Buffer.concat(parts.map((part, at) => frame(at === 0 ? opcode : 0, part, at === parts.length - 1))),
    ]);
  }
}
for (const [group, opcode] of [
  ['9.5', TEXT],
  ['9.6', BINARY],
] as const) {
  const large = Buffer.alloc(1_048_576, '*');
  for (const [i, size] of [2_048, 65_536].entries()) echo(`${group}.${i + 1}`, opcode, large, chop(frame(opcode, large), size));
}
for (const [group, opcode] of [
  ['9.7', TEXT],
  ['9.8', BINARY],
] as const) {
  const small = Buffer.alloc(64, '*');
  cases.push({
    id: `${group}.1`,
    writes: [Buffer.concat(Array<Buffer>(1_000).fill(frame(opcode, small)))],
    echoes: Array<[number, Buffer]>(1_000).fill([opcode, small]),
  });
}

// 10 Auto-fragmentation: a message of 65,536 bytes in fragments of 1,300.
const automatic = chop(Buffer.alloc(65_536, '*'), 1_300);
echo(
  '10.1.1',
  TEXT,
  Buffer.alloc(65_536, '*'),
  automatic.map((part, i) => frame(i === 0 ? TEXT : 0, part, i === automatic.length - 1)),
);

export const CASES: readonly ConformanceCase[] = cases;
export const CLOSE_1000: Buffer = close(closePayload(1000));
