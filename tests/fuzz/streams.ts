/** Streams of frames as clients send them, and as nobody should: valid ones, then mutated. */
import { encodeFrame, type Opcode } from '../../src/protocol/frame.ts';
import type { Random } from './random.ts';

const TEXTS = ['', 'PING :x', 'héllo', '😀', 'a'.repeat(124), 'é'.repeat(63), '\u{10ffff}\ufeff\u0000'].map((text) =>
  Buffer.from(text),
);
const BAD_TEXTS = ['c080', 'eda080', 'f4908080', '80', 'e282', 'ff', '61c3', 'f09f98', 'e09f80', 'c3c3'].map((hex) =>
  Buffer.from(hex, 'hex'),
);
/** The first and last of each length of UTF-8, and what stands beside the surrogates. */
const CHARACTERS = ['a', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'];
const SIZES = [0, 1, 2, 5, 124, 125, 126, 127, 128, 255, 256];
const CODES = [0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65_535];

/** Makes a stream for a receiver with this limit, and counts its frames. */
export function makeStream(random: Random, maxMessageSize: number): { bytes: Buffer; frames: number } {
  let parts: Buffer[] = [];
  const count = 1 + random.below(8);
  while (parts.length < count) {
    const frames = makeFrames(random, maxMessageSize);
    parts = random.chance(0.02) ? interleave(parts, frames, random) : [...parts, ...frames];
  }
  const mutated = random.chance(0.5) ? mutate(parts, random) : parts;
  let bytes: Buffer = Buffer.concat(mutated);
  if (random.chance(0.25)) bytes = scratch(bytes, random);
  // Most often within the last frame: what is known before it is whole?
  if (random.chance(0.2))
    bytes = bytes.subarray(0, Math.max(0, bytes.length - random.below(random.chance(0.8) ? 12 : bytes.length + 1)));
  return { bytes, frames: mutated.length };
}

/** Cuts a stream anywhere: whole, in a few parts, or byte by byte. */
export function cut(bytes: Buffer, random: Random): Buffer[] {
  const most = random.pick(bytes.length < 4_096 ? [1, 3, 17, 200, bytes.length + 1] : [1_000, 65_536]);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(most);
    // A copy each: receivers unmask in place.
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

function payload(random: Random, opcode: number): Buffer {
  const kind = random.below(opcode === 1 ? 9 : 10);
  if (kind < 4) return random.pick(TEXTS);
  if (kind < 7) return Buffer.alloc(random.pick(SIZES), 'a');
  if (kind > 8) return random.bytes(random.below(40));
  if (random.chance(0.1)) return random.pick(BAD_TEXTS);
  const text = Buffer.from(Array.from({ length: random.below(30) }, () => random.pick(CHARACTERS)).join(''));
  return random.chance(0.1) ? scratch(text, random) : text;
}

/** A payload about as long as the limit allows. */
function longPayload(random: Random, maxMessageSize: number): Buffer {
  return Buffer.alloc(random.pick([65_535, 65_536, maxMessageSize - 1, maxMessageSize, maxMessageSize + 1]), 'a');
}

function frame(random: Random, opcode: number, bytes: Buffer, fin = true): Buffer {
  return encodeFrame(opcode as Opcode, bytes, { fin, maskKey: random.chance(0.1) ? Buffer.alloc(4) : random.bytes(4) });
}

/** One frame, or a message in fragments with control frames in between. */
function makeFrames(random: Random, maxMessageSize: number): Buffer[] {
  const opcode = random.chance(0.6) ? 1 : 2;
  if (random.chance(0.005)) return [frame(random, opcode, longPayload(random, maxMessageSize))];
  const kind = random.below(24);
  if (kind < 10) return [frame(random, opcode, payload(random, opcode))];
  if (kind < 19) return fragmentedMessage(random, opcode);
  return [kind < 23 ? pingOrPong(random) : closeFrame(random)];
}

function fragmentedMessage(random: Random, opcode: number): Buffer[] {
  const bytes = payload(random, opcode);
  const frames: Buffer[] = [];
  const count = 1 + random.below(random.chance(0.2) ? 11 : 4);
  for (let i = 0; i < count; i++) {
    const part = bytes.subarray(Math.floor((bytes.length * i) / count), Math.floor((bytes.length * (i + 1)) / count));
    frames.push(frame(random, i === 0 ? opcode : 0, part, i === count - 1));
    if (random.chance(0.2)) frames.push(pingOrPong(random));
  }
  return frames;
}

function pingOrPong(random: Random): Buffer {
  return frame(random, random.chance(0.5) ? 9 : 10, payload(random, 2).subarray(0, 125));
}

function closeFrame(random: Random): Buffer {
  if (random.chance(0.3)) return frame(random, 8, random.bytes(random.below(4)));
  const code = Buffer.alloc(2);
  code.writeUInt16BE(random.pick(CODES));
  return frame(random, 8, Buffer.concat([code, payload(random, 1).subarray(0, 123)]));
}

/** Shuffles frames into others, both in their own order: the fragments of two messages stand between one another. */
function interleave(some: readonly Buffer[], others: readonly Buffer[], random: Random): Buffer[] {
  const queues = [[...some], [...others]];
  const out: Buffer[] = [];
  while (queues.some(({ length }) => length > 0)) {
    const next = random.pick(queues).shift();
    if (next !== undefined) out.push(next);
  }
  return out;
}

/** Doubles, drops, swaps and rewrites whole frames. */
function mutate(frames: readonly Buffer[], random: Random): Buffer[] {
  const out: Buffer[] = frames.map((one) => Buffer.from(one));
  for (let times = 1 + random.below(2); times > 0 && out.length > 0; times--) {
    const at = random.below(out.length);
    const one = out[at] as Buffer;
    switch (random.below(7)) {
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
      case 5:
        out.splice(random.below(out.length), 0, ...out.splice(at, 1));
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
