/** Runs of plain messages: the short ways through the parser must give what the long one does. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Opcode } from '../../src/protocol/frame.ts';
import { type FrameHandler, FrameParser } from '../../src/protocol/parser.ts';
import { WebSocketSession } from '../../src/protocol/session.ts';
import { clientFrame, clientText } from '../helpers/frames.ts';

type Way = 'frames' | 'runs' | 'joined' | 'both';

interface Recorded {
  readonly handler: FrameHandler;
  /** Payloads in latin1, whichever way they came; frames in parts with what they are. */
  readonly events: string[];
  /** How many messages came in each run. */
  readonly runs: number[];
}

/** Writes down what comes; `both` turns from runs to joined ones and back each time it is asked. */
function recording(way: Way, onPayload: (text: string) => void = () => {}): Recorded {
  const events: string[] = [];
  const runs: number[] = [];
  const payload = (opcode: Opcode, isFinal: boolean, text: string): void => {
    events.push(`${opcode} ${isFinal} ${text}`);
    onPayload(text);
  };
  const latin1 = (bytes: Uint8Array, start?: number, end?: number): string =>
    Buffer.from(bytes.subarray(start, end)).toString('latin1');
  let isTurned = false;
  const handler: FrameHandler = {
    frame: (opcode, fin, bytes, start, end) => payload(opcode, fin, latin1(bytes, start, end)),
    frameStart: (opcode, fin, size) => void events.push(`${opcode} ${fin} of ${size}`),
    framePart: (bytes, start, end) => void events.push(latin1(bytes, start, end)),
    frameEnd: () => void events.push('end'),
    ...(way === 'frames' ? {} : { maxRunFrame: 8_701 }),
    get joinsRuns() {
      isTurned = !isTurned;
      return way === 'joined' || (way === 'both' && isTurned);
    },
    run(opcode, bytes, bounds, count) {
      runs.push(count);
      for (let i = 0; i < count; i++) payload(opcode, true, latin1(bytes, bounds[2 * i], bounds[2 * i + 1]));
    },
    joinedRun(opcode, bytes, start, end) {
      const lines = latin1(bytes, start, end).split('\r\n');
      expect(lines.pop()).toBe('');
      runs.push(lines.length);
      for (const line of lines) payload(opcode, true, line);
    },
  };
  return { handler, events, runs };
}

const WAYS: readonly Way[] = ['runs', 'joined', 'both'];

/** `chunk`, lying `offset` bytes behind where words begin. */
function shifted(chunk: Uint8Array, offset: number): Uint8Array {
  const memory = new Uint8Array(chunk.length + 8).fill(0xaa);
  memory.set(chunk, offset);
  return memory.subarray(offset, offset + chunk.length);
}

function receive(way: Way, chunks: readonly Uint8Array[], offset = 0): Recorded {
  const recorded = recording(way);
  const parser = new FrameParser(recorded.handler);
  for (const chunk of chunks) parser.receive(shifted(chunk, offset));
  return recorded;
}

const manyLines = Array.from({ length: 300 }, (_, i) => `PRIVMSG #c :${i} ${'x'.repeat((i * 7) % 300)}`);

describe('runs', () => {
  test.each(WAYS)('%s: frames of every size are what they are one by one, wherever the chunk lies', (way) => {
    for (const size of [1, 2, 3, 7, 8, 15, 16, 100, 124, 125, 126, 127, 255, 256, 257, 2_000, 4_095, 4_096, 4_097, 8_701]) {
      const frames = Buffer.concat(
        Array.from({ length: 40 }, (_, i) =>
          clientFrame(Opcode.TEXT, String.fromCharCode(0x41 + i).repeat(size), {
            maskKey: Uint8Array.of(i, 37 * i, 200 - i, 255),
          }),
        ),
      );
      const plain = receive('frames', [frames]);
      expect(plain.events).toHaveLength(40);
      for (let offset = 0; offset < 4; offset++) expect(receive(way, [frames], offset).events).toEqual(plain.events);
    }
  });

  test('lie within 4 KiB, joined ones anywhere', () => {
    const frames = Buffer.concat(manyLines.map((line) => clientText(line)));
    const { runs } = receive('runs', [frames]);
    expect(runs.length).toBeGreaterThan(10);
    const recorded = recording('runs');
    const sizes: number[] = [];
    new FrameParser({
      ...recorded.handler,
      run: (_opcode, _bytes, bounds, count) => void sizes.push((bounds[2 * count - 1] as number) - (bounds[0] as number)),
    }).receive(frames);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4_096);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(4_096 - 330);
    expect(receive('joined', [Buffer.concat(manyLines.map((line) => clientText(line)))]).runs).toEqual([manyLines.length]);
  });

  test.each(WAYS)('%s: any frames, cut anywhere, are what they are one by one', (way) => {
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
        expect(receive(way, chunks, offset).events).toEqual(receive('frames', chunks).events);
      }),
      { numRuns: 300 },
    );
  });

  test.each(WAYS)('%s: nothing comes behind the one that stops', (way) => {
    const recorded = recording(way, (text) => {
      if (text === 'stop') parser.stop();
    });
    const parser: FrameParser = new FrameParser(recorded.handler);
    const line = 'a'.repeat(100);
    parser.receive(
      Buffer.concat([line, line, 'grüße', line, 'stop\n', line, 'stop\u00ff', line].map((text) => clientText(text))),
    );
    expect(recorded.events).toHaveLength(8);
    recorded.events.length = 0;
    const other = recording(way, (text) => {
      if (text === line) stopped.stop();
    });
    const stopped: FrameParser = new FrameParser(other.handler);
    stopped.receive(Buffer.concat([clientText(line), clientText('grüße'), clientText(line)]));
    expect(other.events).toHaveLength(1);
  });

  test('a handler that feeds another parser from within a run has its own run whole', () => {
    const inner = recording('runs');
    const innerParser = new FrameParser(inner.handler);
    const innerLines = Buffer.concat(manyLines.slice(0, 20).map((line) => clientText(`inner ${line}`)));
    const outer = recording('runs', () => innerParser.receive(Buffer.from(innerLines)));
    new FrameParser(outer.handler).receive(Buffer.concat(manyLines.map((line) => clientText(line))));
    expect(outer.events).toEqual(manyLines.map((line) => `1 true ${line}`));
    expect(inner.events).toHaveLength(20 * manyLines.length);
  });

  test('a Buffer that lies between words is still one to the session’s sink', () => {
    const texts: string[] = [];
    const session = new WebSocketSession(
      { maxMessageSize: 8_701, maxFragments: 1 },
      {
        write: () => {},
        message: () => {},
        closed: () => {},
        messagesIn(chunk, bounds, count) {
          for (let i = 0; i < count; i++) texts.push(chunk.toString('latin1', bounds[2 * i], bounds[2 * i + 1]));
        },
      },
    );
    const lines = manyLines.slice(0, 12);
    session.receive(Buffer.concat([Buffer.of(0), ...lines.map((line) => clientText(line))]).subarray(1));
    expect(texts).toEqual(lines);
  });

  test('a handler that throws in a run does no harm to the next', () => {
    const failing = recording('runs', () => {
      throw new Error('a fault of the server’s own');
    });
    const frames = Buffer.concat(manyLines.map((line) => clientText(line)));
    expect(() => new FrameParser(failing.handler).receive(Buffer.from(frames))).toThrow('a fault');
    expect(receive('runs', [frames]).events).toEqual(manyLines.map((line) => `1 true ${line}`));
  });
});
