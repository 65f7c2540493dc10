/**
 * Micro-benchmarks: `npm run bench:micro`. Ratios within one run are what counts.
 *
 * Decoding and framing against `ws`, on the same bytes: 100-byte ASCII lines, from a chunk of 64 KiB to strings and back. Then each technique of the hot paths against
 * the plain way of doing the same. Then inputs that invite more than linear work, at three sizes: the time must double with the size.
 */
import { bench, do_not_optimize, run, summary } from 'mitata';
import * as ws from 'ws';
import { compileGlob, MAX_GLOB_SIZE } from '../../src/address/glob.ts';
import { frameWhole, type LineEncoding, LineFramer } from '../../src/client/lines.ts';
import { prepareLine } from '../../src/client/prepared-line.ts';
import { encodeFrame, Opcode } from '../../src/protocol/frame.ts';
import { unmask, wordsOf } from '../../src/protocol/mask.ts';
import { Session, type SessionEvents } from '../../src/protocol/session.ts';
import { WebSocketSession } from '../../src/protocol/web-socket-session.ts';

/** Exported by ws, and missing in its types. */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => NodeJS.EventEmitter & { write(chunk: Buffer): void };
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};

const TEXT: LineEncoding = { isText: true, fallback: undefined };
const LINE = `:ada!ada@203.0.113.9 PRIVMSG #chat :${'a'.repeat(64)}`;
const maskKey = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const frame = encodeFrame(Opcode.TEXT, Buffer.from(LINE), { maskKey });
const FRAMES = Math.floor(65_536 / frame.length);
const chunk = Buffer.concat(Array<Buffer>(FRAMES).fill(frame));
/** All unmask in place: each pass needs the masked bytes again. The copy is in every figure. */
const work = Buffer.allocUnsafe(chunk.length);

const KEY = 0x3d21fa37;

let characters = 0;
const idle = { write: (): void => {}, message: (): void => {}, closed: (): void => {} };
const limits = { maxMessageSize: 8_701, maxFragments: 16 };
/** As a client takes them. */
const byOffsets: SessionEvents = {
  write: () => {},
  ping: () => true,
  pong: () => {},
  closed: () => {},
  message: (bytes, start, end, _isText, content) => {
    characters += bytes.toString(content === 0 ? 'latin1' : 'utf8', start, end).length;
  },
};
const asViews = {
  ...idle,
  message: (bytes: Buffer): void => {
    characters += bytes.toString().length;
  },
};

function decoding(session: { receive(chunk: Uint8Array): void }): () => void {
  return () => {
    chunk.copy(work);
    session.receive(work);
    do_not_optimize(characters);
  };
}

summary(() => {
  const receiver = new Receiver({ isServer: true, allowSynchronousEvents: true, maxPayload: 8_701 });
  receiver.on('message', (data: unknown) => {
    characters += String(data).length;
  });
  bench(`decode ${FRAMES} frames: ircd-websocket`, decoding(new Session(limits, byOffsets))).baseline(true);
  bench(`decode ${FRAMES} frames: a view for each message`, decoding(new WebSocketSession(limits, asViews)));
  bench(`decode ${FRAMES} frames: ws`, () => {
    chunk.copy(work);
    receiver.write(work);
    do_not_optimize(characters);
  });
});

summary(() => {
  bench('frame a line: ircd-websocket', () => do_not_optimize(frameWhole(LINE, TEXT))).baseline(true);
  bench('frame a line: into a buffer of its own', () => do_not_optimize(encodeFrame(Opcode.TEXT, Buffer.from(LINE))));
  bench('frame a line: ws', () =>
    do_not_optimize(Sender.frame(Buffer.from(LINE), { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: false })),
  );
});

summary(() => {
  const words = wordsOf(work);
  bench('unmask 100 bytes: aligned words', () => do_not_optimize(unmask(work, 6, 106, KEY, words))).baseline(true);
  bench('unmask 100 bytes: byte by byte', () => do_not_optimize(unmask(work, 6, 106, KEY, null)));
});

summary(() => {
  const bytes = Buffer.from(`${LINE}\r\n`);
  const framers = Array.from({ length: 100 }, () => new LineFramer());
  bench('a line to 100 members: prepared', () => {
    const prepared = prepareLine(LINE) as unknown as { frames(encoding: LineEncoding): string };
    for (let i = 0; i < framers.length; i++) do_not_optimize(prepared.frames(TEXT));
  }).baseline(true);
  bench('a line to 100 members: the same buffer written to each', () => {
    for (const framer of framers) do_not_optimize(framer.frame(bytes, 'utf8', TEXT));
  });
  bench('a line to 100 members: framed for each', () => {
    for (let i = 0; i < framers.length; i++) do_not_optimize(frameWhole(LINE, TEXT));
  });
});

for (const size of [16_384, 32_768, 65_536]) {
  const big = { maxMessageSize: size, maxFragments: size };
  const dripped = Array.from(encodeFrame(Opcode.TEXT, Buffer.alloc(size, 'é'), { maskKey }), (byte) => Buffer.of(byte));
  bench(`linear? a message of ${size} bytes, byte by byte`, () => {
    const session = new WebSocketSession(big, asViews);
    for (const byte of dripped) session.receive(byte);
  });
  const fragments = Buffer.concat(
    Array.from({ length: size }, (_, i) =>
      encodeFrame(i === 0 ? Opcode.TEXT : Opcode.CONTINUATION, Buffer.from('x'), { maskKey, fin: i === size - 1 }),
    ),
  );
  bench(`linear? ${size} fragments of one byte`, () => new WebSocketSession(big, asViews).receive(Buffer.from(fragments)));
  bench(`linear? ${size} bytes without LF, in writes of 16`, () => {
    const framer = new LineFramer();
    for (let written = 0; written < size; written += 16) framer.frame('sixteen letters.', 'utf8', TEXT);
    do_not_optimize(framer.end(TEXT));
  });
  bench(`linear? one write of ${size} bytes without LF, then LF`, () => {
    const framer = new LineFramer();
    framer.frame('x'.repeat(size), 'utf8', TEXT);
    do_not_optimize(framer.frame('\n', 'utf8', TEXT));
  });
}

const ORIGIN = `https://${'a'.repeat(1_016)}`;
for (const [name, pattern] of [
  ['a usual pattern', 'https://*.example.com'],
  ['many *', `https://${'*a'.repeat(MAX_GLOB_SIZE / 2 - 5)}b*`],
  ['a long piece that nearly fits everywhere', `https://*${'a'.repeat(280)}b*`],
  ['many ?', `https://*${'?'.repeat(280)}b*`],
] as const) {
  const matches = compileGlob(pattern);
  bench(`origin of ${ORIGIN.length} characters: ${name}`, () => do_not_optimize(matches(ORIGIN)));
}

await run();
