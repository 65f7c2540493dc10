/**
 * What RFC 6455 says of a whole stream, by a decoder that is as plain as it can be: no state kept between chunks, no fast paths, and for UTF-8 the WHATWG decoder.
 *
 * `peculiar` names the rule by which a stream is refused that `ws` does not have, or has at another moment; with `null` both must agree in everything.
 */

export interface Outcome {
  /** `text:hex`, `binary:hex`, `ping:hex`, `pong:hex`, in order. */
  readonly events: readonly string[];
  /** `null` while the connection is open; `closed` with the peer's code, or `failed` with ours. */
  readonly end: { readonly kind: 'closed' | 'failed'; readonly code: number } | null;
}

export interface Expected extends Outcome {
  readonly peculiar: 'non-minimal length' | 'length out of range' | 'early UTF-8' | 'known by one byte' | 'fragment count' | null;
}

export interface Limits {
  readonly maxMessageSize: number;
  readonly maxFragments: number;
}

export function decodeStream(stream: Buffer, limits: Limits): Expected {
  const events: string[] = [];
  let at = 0;
  let message: { opcode: number; parts: Buffer[]; frames: number } | null = null;
  const fail = (code: number, peculiar: Expected['peculiar'] = null): Expected => ({
    events,
    end: { kind: 'failed', code },
    peculiar,
  });
  const open = (): Expected => ({ events, end: null, peculiar: null });

  while (at < stream.length) {
    const first = stream[at] as number;
    const opcode = first & 15;
    const fin = first >= 128;
    if ((first & 0x70) !== 0 || ![0, 1, 2, 8, 9, 10].includes(opcode) || (opcode >= 8 && !fin)) {
      // One byte is enough for us; ws waits for the second.
      return fail(1002, at + 1 === stream.length ? 'known by one byte' : null);
    }
    if (at + 2 > stream.length) return open();
    const second = stream[at + 1] as number;
    if (second < 128) return fail(1002);
    let size = BigInt(second & 127);
    if (opcode >= 8 && size > 125n) return fail(1002);
    let header = 2;
    if (size === 126n) {
      if (at + 4 > stream.length) return open();
      size = BigInt(stream.readUInt16BE(at + 2));
      header = 4;
      if (size < 126n) return fail(1002, 'non-minimal length');
    } else if (size === 127n) {
      if (at + 10 > stream.length) return open();
      size = stream.readBigUInt64BE(at + 2);
      header = 10;
      if (size >= 1n << 63n) return fail(1002, 'length out of range');
      if (size < 65_536n) return fail(1002, 'non-minimal length');
    }
    if (at + header + 4 > stream.length) return open();
    const key = stream.subarray(at + header, at + header + 4);
    const start = at + header + 4;
    const isWhole = BigInt(stream.length - start) >= size;
    const end = isWhole ? start + Number(size) : stream.length;
    const payload = Buffer.from(stream.subarray(start, end).map((byte, i) => byte ^ (key[i % 4] as number)));
    at = end;

    if (opcode >= 8) {
      if (!isWhole) return open();
      if (opcode === 9) events.push(`ping:${payload.toString('hex')}`);
      if (opcode === 10) events.push(`pong:${payload.toString('hex')}`);
      if (opcode !== 8) continue;
      if (payload.length === 0) return { events, end: { kind: 'closed', code: 1005 }, peculiar: null };
      if (payload.length === 1) return fail(1002);
      const code = payload.readUInt16BE(0);
      const isKnown = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
      if (!isKnown) return fail(1002);
      return isUtf8(payload.subarray(2), false) ? { events, end: { kind: 'closed', code }, peculiar: null } : fail(1007);
    }

    if (opcode === 0 ? message === null : message !== null) return fail(1002);
    message ??= { opcode, parts: [], frames: 0 };
    message.frames++;
    const before = message.parts.reduce((sum, part) => sum + part.length, 0);
    if (message.frames > limits.maxFragments) return fail(1008, 'fragment count');
    if (BigInt(before) + size > BigInt(limits.maxMessageSize)) return fail(1009);
    message.parts.push(payload);
    const sofar = Buffer.concat(message.parts);
    const isDone = isWhole && fin;
    if (message.opcode === 1 && !isUtf8(sofar, !isDone)) return fail(1007, isDone ? null : 'early UTF-8');
    if (!isDone) {
      if (!isWhole) return open();
      continue;
    }
    events.push(`${message.opcode === 1 ? 'text' : 'binary'}:${sofar.toString('hex')}`);
    message = null;
  }
  return open();
}

function isUtf8(bytes: Buffer, mayGoOn: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: mayGoOn });
    return true;
  } catch {
    return false;
  }
}
