/** The parser's fast ways (words of a chunk, whole frames) must find what the slow way (byte by byte) finds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/frame.ts';
import { type FrameHandler, FrameParser } from '../../src/protocol/parser.ts';
import { WebSocketSession } from '../../src/protocol/web-socket-session.ts';
import { clientFrame, clientText } from '../helpers/frames.ts';

interface Recorded {
  readonly handler: FrameHandler;
  /** Opcode, FIN, size and payload in latin1 of each frame that came whole or in parts, and nothing of one that did not. */
  readonly frames: string[];
}

function recording(onPayload: (text: string) => void = () => {}): Recorded {
  const frames: string[] = [];
  let begun = '';
  let payload = '';
  const take = (head: string, text: string): void => {
    frames.push(`${head} ${text}`);
    onPayload(text);
  };
  const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
    Buffer.from(bytes.subarray(start, end)).toString('latin1');
  const handler: FrameHandler = {
    frame: (opcode, fin, bytes, start, end) => take(`${opcode} ${fin} ${end - start}`, latin1(bytes, start, end)),
    frameStart: (opcode, fin, size) => {
      begun = `${opcode} ${fin} ${size}`;
      payload = '';
    },
    framePart: (bytes, start, end) => {
      payload += latin1(bytes, start, end);
    },
    frameEnd: () => take(begun, payload),
  };
  return { handler, frames };
}

/** `chunk`, lying `offset` bytes behind where words begin. */
function shifted(chunk: Uint8Array, offset: number): Uint8Array {
  const memory = new Uint8Array(chunk.length + 8).fill(0xaa);
  memory.set(chunk, offset);
  return memory.subarray(offset, offset + chunk.length);
}

function receive(chunks: readonly Uint8Array[], offset = 0): string[] {
  const { handler, frames } = recording();
  const parser = new FrameParser(handler);
  for (const chunk of chunks) parser.receive(shifted(chunk, offset));
  return frames;
}

const byteByByte = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, (byte) => Uint8Array.of(byte));

const manyLines = Array.from({ length: 300 }, (_, i) => `PRIVMSG #c :${i} ${'x'.repeat((i * 7) % 300)}`);

describe('many frames in a chunk', () => {
  test('of every size, wherever the chunk lies, are what they are byte by byte', () => {
    for (const size of [0, 1, 2, 3, 7, 8, 15, 16, 100, 124, 125, 126, 127, 255, 256, 257, 2_000]) {
      const frames = Buffer.concat(
        Array.from({ length: 20 }, (_, i) =>
          clientFrame(Opcode.TEXT, String.fromCharCode(0x41 + i).repeat(size), {
            maskKey: Uint8Array.of(i, 37 * i, 200 - i, 255),
          }),
        ),
      );
      const plain = receive(byteByByte(frames));
      expect(plain).toHaveLength(20);
      for (let offset = 0; offset < 4; offset++) expect(receive([frames], offset)).toEqual(plain);
    }
  });

  test('cut anywhere, with any payload, are the same frames', () => {
    const payload = fc.oneof(
      { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 160 }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
      { weight: 1, arbitrary: fc.constantFrom('', 'a\nb', '\u0001ACTION\u0001', 'x'.repeat(700), 'y'.repeat(4_200)) },
    );
    const frame = fc.record({
      opcode: fc.constantFrom(Opcode.TEXT, Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.CONTINUATION),
      payload,
      fin: fc.constantFrom(true, true, true, true, false),
      maskKey: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 40 }), fc.array(fc.nat(6_000)), fc.nat(3), (frames, cuts, offset) => {
        const bytes = Buffer.concat(frames.map((each) => clientFrame(each.opcode, each.payload, each)));
        const bounds = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = bounds.slice(1).map((end, i) => bytes.subarray(bounds[i], end));
        expect(receive(chunks, offset)).toEqual(receive(byteByByte(bytes)));
      }),
      { numRuns: 150 },
    );
  });

  test('nothing comes behind the one at which a handler stops the parser', () => {
    const recorded = recording((text) => {
      if (text === 'stop') parser.stop();
    });
    const parser: FrameParser = new FrameParser(recorded.handler);
    parser.receive(Buffer.concat(['a', 'b', 'stop', 'c'].map((text) => clientText(text))));
    parser.receive(clientText('d'));
    expect(recorded.frames).toHaveLength(3);
  });

  test('a handler may feed another parser from within a frame', () => {
    const inner = recording();
    const innerParser = new FrameParser(inner.handler);
    const innerLines = Buffer.concat(manyLines.slice(0, 20).map((line) => clientText(`inner ${line}`)));
    const outer = recording(() => innerParser.receive(Buffer.from(innerLines)));
    new FrameParser(outer.handler).receive(Buffer.concat(manyLines.map((line) => clientText(line))));
    expect(outer.frames).toEqual(manyLines.map((line) => `1 true ${line.length} ${line}`));
    expect(inner.frames).toHaveLength(20 * manyLines.length);
  });

  test('a Buffer that lies between words is still one to the session’s sink', () => {
    const texts: string[] = [];
    const session = new WebSocketSession(
      { maxMessageSize: 8_701, maxFragments: 1 },
      { write: () => {}, message: (bytes) => void texts.push(bytes.toString('latin1')), closed: () => {} },
    );
    const lines = manyLines.slice(0, 12);
    session.receive(Buffer.concat([Buffer.of(0), ...lines.map((line) => clientText(line))]).subarray(1));
    expect(texts).toEqual(lines);
  });
});
