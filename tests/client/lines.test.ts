import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFallback } from '../../src/client/charset.ts';
import { frameWhole, type LineEncoding, LineFramer, splitMessage } from '../../src/client/lines.ts';
import { type EncodedLine, prepareLine } from '../../src/client/prepared-line.ts';

const TEXT: LineEncoding = { isText: true, fallback: undefined };
const BINARY: LineEncoding = { isText: false, fallback: undefined };
const WINDOWS: LineEncoding = { isText: true, fallback: 'windows-1252' };

function linesOf(message: string | Uint8Array): string[] {
  const bytes = Buffer.concat([Buffer.from('<<'), Buffer.from(message as string), Buffer.from('\n>>')]);
  const lines: string[] = [];
  const count = splitMessage(bytes, 2, bytes.length - 3, (start, end) => void lines.push(bytes.toString('utf8', start, end)));
  expect(count).toBe(lines.length);
  return lines;
}

/** Takes frames apart again: opcode and payload of each. */
function framesOf(byteString: string): [number, string][] {
  const bytes = Buffer.from(byteString, 'latin1');
  const frames: [number, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    expect((bytes[at] as number) & 0xf0).toBe(0x80);
    const short = bytes[at + 1] as number;
    const [size, start] = short < 126 ? [short, at + 2] : [bytes.readUInt16BE(at + 2), at + 4];
    frames.push([(bytes[at] as number) & 0x0f, bytes.toString('latin1', start, start + size)]);
    at = start + size;
  }
  return frames;
}

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

describe('inwards', () => {
  test.each([
    ['PING :x', ['PING :x']],
    ['PING :x\r\n', ['PING :x']],
    ['PING :x\n', ['PING :x']],
    ['PING :x\r', ['PING :x']],
    ['', []],
    ['\r\n', []],
    ['\n\r\n\r', []],
    ['A\r\nB', ['A', 'B']],
    ['A\rB\nC', ['A', 'B', 'C']],
    ['A\r\n\r\n\nB\r\n', ['A', 'B']],
    ['é😀', ['é😀']],
  ])('F11 %j is %j: a line end within a message ends a line, parts are never glued', (message, lines) => {
    expect(linesOf(message)).toEqual(lines);
  });

  test('nothing outside the message is looked at', () => {
    expect(linesOf('x')).toEqual(['x']);
  });
});

describe('outwards', () => {
  test('one line is one frame, without CR LF, in the client’s mode', () => {
    expect(framesOf(new LineFramer().frame(':a PRIVMSG b :hi\r\n', 'utf8', TEXT))).toEqual([[1, ':a PRIVMSG b :hi']]);
    expect(framesOf(new LineFramer().frame(':a PRIVMSG b :hi\r\n', 'utf8', BINARY))).toEqual([[2, ':a PRIVMSG b :hi']]);
  });

  test('U5 U6 several lines in one write are several frames, and empty ones none', () => {
    expect(framesOf(new LineFramer().frame('A\r\nB\nC\r\r\n\r\n\nD\n', 'utf8', TEXT))).toEqual([
      [1, 'A'],
      [1, 'B'],
      [1, 'C'],
      [1, 'D'],
    ]);
  });

  test('U5 a part without LF waits, however small the writes', () => {
    const framer = new LineFramer();
    let frames = '';
    for (const byte of Buffer.from(':x é\r\n:y 😀\r\n:z')) frames += framer.frame(Uint8Array.of(byte), 'utf8', TEXT);
    expect(framesOf(frames)).toEqual([
      [1, utf8(':x é')],
      [1, utf8(':y 😀')],
    ]);
    expect(framer.size).toBe(2);
    expect(framesOf(framer.end(TEXT))).toEqual([[1, ':z']]);
    expect(framer.end(TEXT)).toBe('');
  });

  test('strings of any encoding become the bytes they stand for', () => {
    const framer = new LineFramer();
    expect(framesOf(framer.frame('é\n', 'utf8', BINARY))).toEqual([[2, '\xc3\xa9']]);
    expect(framesOf(framer.frame('\xe9\n', 'latin1', BINARY))).toEqual([[2, '\xe9']]);
    expect(framesOf(framer.frame('QQo=', 'base64', BINARY))).toEqual([[2, 'A']]);
    expect(framesOf(framer.frame('42430a', 'hex', BINARY))).toEqual([[2, 'BC']]);
  });

  test('U3 text mode: what is not UTF-8 leaves as U+FFFD, as the WHATWG decoder counts it; binary mode leaves bytes alone', () => {
    const R = utf8('\ufffd');
    for (const [bytes, text] of [
      ['c080', R + R],
      ['eda080', R + R + R],
      ['f4908080', R + R + R + R],
      ['80', R],
      ['e282', R],
      ['ff', R],
      ['efbfbe', '\xef\xbf\xbe'],
      ['efbbbf41', '\xef\xbb\xbfA'],
    ] as const) {
      const line = Buffer.concat([Buffer.from('x'), Buffer.from(bytes, 'hex'), Buffer.from('y\r\n')]);
      expect(framesOf(new LineFramer().frame(line, 'utf8', TEXT)), bytes).toEqual([[1, `x${text}y`]]);
      expect(framesOf(new LineFramer().frame(line, 'utf8', BINARY))).toEqual([
        [2, `x${Buffer.from(bytes, 'hex').toString('latin1')}y`],
      ]);
    }
  });

  test('a lone surrogate in a string is U+FFFD', () => {
    expect(framesOf(new LineFramer().frame('a\ud800b\n', 'utf8', TEXT))).toEqual([[1, utf8('a\ufffdb')]]);
  });

  test('U2 U4 a line that grows to over 65,535 bytes has the 64-bit form, and nothing is cut', () => {
    const line = Buffer.alloc(30_000, 0xff);
    const bytes = Buffer.from(frameWhole(line, TEXT), 'latin1');
    expect(bytes.toString('hex', 0, 10)).toBe('817f0000000000015f90');
    expect(bytes.length).toBe(10 + 90_000);
  });

  test('fallbackEncoding is taken for the whole line, and only where the line is not UTF-8', () => {
    expect(framesOf(frameWhole(Buffer.from('caf\xe9 \x80 \x93', 'latin1'), WINDOWS))).toEqual([[1, utf8('café € “')]]);
    expect(framesOf(frameWhole(Buffer.from('café'), WINDOWS))).toEqual([[1, utf8('café')]]);
    expect(decodeFallback(Buffer.from('d0', 'hex'), 'koi8-r')).toBe('п');
  });

  test('what was framed last is remembered, and never given for anything else', () => {
    const piece = fc.constantFrom('', 'a\n', 'b\n', 'a', '\n', '\r\n', 'é\n', 'a\nb\n', 'Ã©\n');
    const write = fc.record({
      client: fc.nat(2),
      text: piece,
      isBuffer: fc.boolean(),
      encoding: fc.constantFrom('utf8', 'latin1'),
    });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 40 }), (writes) => {
        const clients = [TEXT, BINARY, TEXT].map((encoding) => ({ encoding, framer: new LineFramer(), rest: '' }));
        for (const { client, text, isBuffer, encoding } of writes) {
          const to = clients[client] as (typeof clients)[number];
          const bytes = Buffer.from(text, encoding as BufferEncoding);
          const frames = to.framer.frame(isBuffer ? bytes : text, encoding as BufferEncoding, to.encoding);
          const lines = (to.rest + bytes.toString('latin1')).split('\n');
          to.rest = lines.pop() as string;
          const whole = lines.map((line) => frameWhole(Buffer.from(line, 'latin1'), to.encoding)).join('');
          expect(frames).toBe(whole);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('nothing written is nothing sent, whatever another client was sent before, as bytes', () => {
    new LineFramer().frame(Buffer.from('NOTICE ada :secret\r\n'), 'utf8', TEXT);
    expect(new LineFramer().frame('', 'utf8', TEXT)).toBe('');
  });

  test('frameWhole takes a line with or without its end, and cuts at every LF', () => {
    expect(framesOf(frameWhole('A', TEXT))).toEqual([[1, 'A']]);
    expect(framesOf(frameWhole('A\r\n', TEXT))).toEqual([[1, 'A']]);
    expect(framesOf(frameWhole('A\r\n\nB\n', TEXT))).toEqual([
      [1, 'A'],
      [1, 'B'],
    ]);
    expect(frameWhole('', TEXT)).toBe('');
    expect(frameWhole('\r\n', TEXT)).toBe('');
  });
});

describe('prepareLine', () => {
  test('encodes for text, binary and TCP, and keeps a copy', () => {
    const bytes = Buffer.from('caf\xe9', 'latin1');
    const line = prepareLine(bytes) as EncodedLine;
    bytes.fill(0);
    expect(line.tcp.toString('latin1')).toBe('caf\xe9\r\n');
    expect(framesOf(line.frames(BINARY))).toEqual([[2, 'caf\xe9']]);
    expect(framesOf(line.frames(TEXT))).toEqual([[1, utf8('caf\ufffd')]]);
    expect(framesOf(line.frames(WINDOWS))).toEqual([[1, utf8('café')]]);
    expect(framesOf(line.frames(TEXT))).toEqual([[1, utf8('caf\ufffd')]]);
  });

  test('its line ends are those of a line, whatever it was given', () => {
    for (const line of ['A', 'A\n', 'A\r\n']) expect(prepareLine(line).tcp.toString()).toBe('A\r\n');
    expect(prepareLine('A\nB').tcp.toString()).toBe('A\r\nB\r\n');
    expect(prepareLine('').tcp.length).toBe(0);
  });
});
