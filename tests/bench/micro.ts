/**
 * Micro-benchmarks: `npm run bench:micro`. Ratios within one run are what counts; the peer is `ws`, on the same bytes.
 *
 * Decoding: 100-byte ASCII lines from a chunk of 64 KiB to strings. Framing: a 100-byte ASCII line. Globs: the worst patterns that are accepted, on the longest origin
 * that is matched.
 */
import { bench, do_not_optimize, run, summary } from 'mitata';
import * as ws from 'ws';
import { compileGlob, MAX_GLOB_SIZE } from '../../src/glob.ts';
import { frameWhole } from '../../src/irc/lines.ts';
import { encodeFrame, Opcode } from '../../src/protocol/frame.ts';
import { WebSocketSession } from '../../src/protocol/session.ts';

/** Exported by ws, and missing in its types. */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => NodeJS.EventEmitter & { write(chunk: Buffer): void };
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};

const LINE = `:ada!ada@203.0.113.9 PRIVMSG #chat :${'a'.repeat(64)}`;
const maskKey = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const frame = encodeFrame(Opcode.TEXT, Buffer.from(LINE), { maskKey });
const FRAMES = Math.floor(65_536 / frame.length);
const chunk = Buffer.concat(Array<Buffer>(FRAMES).fill(frame));
/** Both unmask in place: each pass needs the masked bytes again. The copy is in both figures. */
const work = Buffer.allocUnsafe(chunk.length);

summary(() => {
  let characters = 0;
  const session = new WebSocketSession(
    { maxMessageSize: 8_701, maxFragments: 16 },
    {
      write: () => {},
      message: () => {},
      messageIn: (bytes, start, end, _isText, content) => {
        characters += bytes.toString(content === 0 ? 'latin1' : 'utf8', start, end).length;
      },
      closed: () => {},
    },
  );
  const receiver = new Receiver({ isServer: true, allowSynchronousEvents: true, maxPayload: 8_701 });
  receiver.on('message', (data: unknown) => {
    characters += String(data).length;
  });
  bench(`decode ${FRAMES} frames, ircd-websocket`, () => {
    chunk.copy(work);
    session.receive(work);
    do_not_optimize(characters);
  }).baseline(true);
  bench(`decode ${FRAMES} frames, ws`, () => {
    chunk.copy(work);
    receiver.write(work);
    do_not_optimize(characters);
  });
});

summary(() => {
  bench('frame a line, ircd-websocket', () => do_not_optimize(frameWhole(LINE, { isText: true, fallback: undefined }))).baseline(
    true,
  );
  bench('frame a line, ws', () =>
    do_not_optimize(Sender.frame(Buffer.from(LINE), { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: false })),
  );
});

const ORIGIN = `https://${'a'.repeat(1_016)}`;
for (const [name, pattern] of [
  ['a usual pattern', 'https://*.example.com'],
  ['many *', `https://${'*a'.repeat(MAX_GLOB_SIZE / 2 - 5)}b*`],
  ['a long piece that nearly fits everywhere', `https://*${'a'.repeat(280)}b*`],
  ['many ?', `https://*${'?'.repeat(280)}b*`],
] as const) {
  const matches = compileGlob(pattern);
  bench(`origin of ${ORIGIN.length} characters, ${name}`, () => do_not_optimize(matches(ORIGIN)));
}

await run();
