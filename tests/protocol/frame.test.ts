import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame, frameHeader, Opcode } from '../../src/protocol/frame.ts';
import { FrameParser } from '../../src/protocol/parser.ts';

describe('encodeFrame', () => {
  test('writes the examples of RFC 6455 section 5.7', () => {
    expect(encodeFrame(Opcode.TEXT, Buffer.from('Hello')).toString('hex')).toBe('810548656c6c6f');
    const maskKey = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
    expect(encodeFrame(Opcode.TEXT, Buffer.from('Hello'), { maskKey }).toString('hex')).toBe('818537fa213d7f9f4d5158');
    expect(encodeFrame(Opcode.TEXT, Buffer.from('Hel'), { fin: false }).toString('hex')).toBe('010348656c');
    expect(encodeFrame(Opcode.CONTINUATION, Buffer.from('lo')).toString('hex')).toBe('80026c6f');
    expect(encodeFrame(Opcode.PING, Buffer.from('Hello')).toString('hex')).toBe('890548656c6c6f');
    expect(encodeFrame(Opcode.BINARY, Buffer.alloc(256)).toString('hex', 0, 4)).toBe('827e0100');
    expect(encodeFrame(Opcode.BINARY, Buffer.alloc(65_536)).toString('hex', 0, 10)).toBe('827f0000000000010000');
  });

  test.each([
    [0, '8200'],
    [1, '8201'],
    [125, '827d'],
    [126, '827e007e'],
    [127, '827e007f'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
  ])('a payload of %i bytes has the shortest header', (size, header) => {
    const frame = encodeFrame(Opcode.BINARY, Buffer.alloc(size, 0x61));
    expect(frame.toString('hex', 0, header.length / 2)).toBe(header);
    expect(frame.length).toBe(header.length / 2 + size);
    expect(Buffer.from(frameHeader(Opcode.BINARY, size), 'latin1').toString('hex')).toBe(header);
  });

  test('a length beyond 32 bits is written high word first', () => {
    expect(Buffer.from(frameHeader(Opcode.TEXT, 2 ** 32 * 3 + 5), 'latin1').toString('hex')).toBe('817f0000000300000005');
  });

  test('masking leaves the payload as it was', () => {
    const payload = Buffer.from('mine');
    encodeFrame(Opcode.TEXT, payload, { maskKey: Uint8Array.of(1, 2, 3, 4) });
    expect(payload.toString()).toBe('mine');
  });
});

test('decode(encode(x)) = x under any chunking', () => {
  const frame = fc.record({
    opcode: fc.constantFrom(Opcode.TEXT, Opcode.BINARY, Opcode.CONTINUATION),
    fin: fc.boolean(),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(125, 126, 127, 65_535, 65_536).map((n) => new Uint8Array(n).fill(0xc3)),
    ),
    maskKey: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.boolean(),
      fc.infiniteStream(fc.integer({ min: 1, max: 5_000 })),
      (frames, masked, sizes) => {
        const bytes = Buffer.concat(
          frames.map(({ opcode, fin, payload, maskKey }) => encodeFrame(opcode, payload, masked ? { fin, maskKey } : { fin })),
        );
        const seen: { opcode: number; fin: boolean; payload: string; content: number }[] = [];
        let open = { opcode: 0, fin: false, payload: '', content: 0 };
        const parser = new FrameParser(
          {
            frame: (opcode, fin, b, start, end, content) =>
              void seen.push({ opcode, fin, payload: Buffer.from(b.subarray(start, end)).toString('hex'), content }),
            frameStart: (opcode, fin) => {
              open = { opcode, fin, payload: '', content: 0 };
            },
            framePart: (b, start, end, content) => {
              open.payload += Buffer.from(b.subarray(start, end)).toString('hex');
              open.content |= content;
            },
            frameEnd: () => void seen.push(open),
          },
          { masked },
        );
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value as number;
          parser.receive(Buffer.from(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(seen).toEqual(
          frames.map(({ opcode, fin, payload }) => ({
            opcode,
            fin,
            payload: Buffer.from(payload).toString('hex'),
            content: (payload.some((byte) => byte < 0x0e) ? 1 : 0) + (payload.some((byte) => byte > 0x7f) ? 2 : 0),
          })),
        );
      },
    ),
    { numRuns: 150 },
  );
});
