/** Streams of frames as clients send them, and as nobody should: valid ones, then mutated. */
import { encodeFrame, type Opcode } from '../../src/protocol/frame.ts';
import type { Random } from './random.ts';

const TEXTS = ['', 'PING :x', 'héllo', '😀', 'a'.repeat(124), 'é'.repeat(63), '\u{10ffff}\ufeff\u0000'].map((text) =>
  Buffer.from(text),
);
const BAD_TEXTS = ['c080', 'eda080', 'f4908080', '80', 'e282', 'ff', '61c3', 'f09f98', 'e09f80', 'c3c3'].map((hex) =>
  Buffer.from(hex, 'hex'),
);
const SIZES = [0, 1, 2, 5, 124, 125, 126, 127, 128, 255, 256];
const CODES = [0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65_535];

/** Makes a stream, and counts its frames. */
export function makeStream(random: Random): { bytes: Buffer; frames: number } {
  const parts: Buffer[] = [];
  const count = 1 + random.below(8);
  while (parts.length < count) parts.push(...makeFrames(random));
  const mutated = random.chance(0.7) ? mutate(parts, random) : parts;
  let bytes: Buffer = Buffer.concat(mutated);
  if (random.chance(0.4)) bytes = scratch(bytes, random);
  return { bytes, frames: mutated.length };
}

/** Cuts a stream anywhere: whole, in a few parts, or byte by byte. */
export function cut(bytes: Buffer, random: Random): Buffer[] {
  const most = random.pick([1, 3, 17, 200, bytes.length + 1]);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(most);
    // A copy each: receivers unmask in place.
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

function payload(random: Random): Buffer {
  const kind = random.below(10);
  if (kind < 4) return random.pick(TEXTS);
  if (kind < 5) return random.pick(BAD_TEXTS);
  if (kind < 8) return Buffer.alloc(random.pick(SIZES), 0x61);
  return random.bytes(random.below(40));
}

function frame(random: Random, opcode: number, bytes: Buffer, fin = true): Buffer {
  return encodeFrame(opcode as Opcode, bytes, { fin, maskKey: random.chance(0.1) ? Buffer.alloc(4) : random.bytes(4) });
}

/** One frame, or a message in fragments with control frames in between. */
function makeFrames(random: Random): Buffer[] {
  const kind = random.below(12);
  if (kind < 5) return [frame(random, random.chance(0.6) ? 1 : 2, payload(random))];
  if (kind < 9) {
    const bytes = payload(random);
    const fragments: Buffer[] = [];
    const opcode = random.chance(0.6) ? 1 : 2;
    const count = 1 + random.below(11);
    for (let i = 0; i < count; i++) {
      const part = bytes.subarray(Math.floor((bytes.length * i) / count), Math.floor((bytes.length * (i + 1)) / count));
      fragments.push(frame(random, i === 0 ? opcode : 0, part, i === count - 1));
      if (random.chance(0.2)) fragments.push(frame(random, random.chance(0.5) ? 9 : 10, payload(random).subarray(0, 125)));
    }
    return fragments;
  }
  if (kind < 11) return [frame(random, random.chance(0.5) ? 9 : 10, payload(random).subarray(0, 125))];
  const reason = payload(random).subarray(0, 123);
  const code = Buffer.alloc(2);
  code.writeUInt16BE(random.pick(CODES));
  return [frame(random, 8, random.chance(0.2) ? payload(random).subarray(0, 3) : Buffer.concat([code, reason]))];
}

/** Doubles, drops, swaps and rewrites whole frames. */
function mutate(frames: readonly Buffer[], random: Random): Buffer[] {
  const out: Buffer[] = frames.map((one) => Buffer.from(one));
  for (let times = 1 + random.below(2); times > 0 && out.length > 0; times--) {
    const at = random.below(out.length);
    const one = out[at] as Buffer;
    switch (random.below(6)) {
      case 0:
        out.splice(at, 0, Buffer.from(one));
        break;
      case 1:
        out.splice(at, 1);
        break;
      case 2:
        one[0] = random.below(256);
        break;
      case 3:
        if (one.length > 1) one[1] = (one[1] as number) ^ (1 << random.below(8));
        break;
      case 4:
        // Another form of the length: 16 or 64 bits, minimal or not, true or not.
        out[at] = relength(one, random);
        break;
      default:
        out[at] = one.subarray(0, random.below(one.length + 1));
    }
  }
  return out;
}

function relength(one: Buffer, random: Random): Buffer {
  const wide = random.chance(0.5);
  const length = Buffer.alloc(wide ? 8 : 2);
  const size = random.pick([0, 5, 125, 126, 200, 513, 65_535]);
  if (wide) {
    length.writeUInt32BE(random.chance(0.3) ? random.below(2 ** 32) : 0, 0);
    length.writeUInt32BE(random.chance(0.3) ? 65_536 + random.below(2 ** 31) : size, 4);
  } else {
    length.writeUInt16BE(size);
  }
  return Buffer.concat([Buffer.of(one[0] ?? 0x81, 0x80 | (wide ? 127 : 126)), length, one.subarray(2)]);
}

/** Flips, drops and inserts single bytes. */
function scratch(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return bytes;
  const at = random.below(bytes.length);
  switch (random.below(3)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ (1 << random.below(8));
      return flipped;
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1), bytes.subarray(at)]);
  }
}
