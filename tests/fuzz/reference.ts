/**
 * What RFC 6455 says of a whole stream, by a decoder that is as plain as it can be: nothing is kept between chunks, nothing is fast, and UTF-8 is the WHATWG
 * decoder's word.
 *
 * Where the RFC leaves a choice, or where `ws` leaves the RFC, there is a rule in {@link Rules}. This library must do what the reference says by
 * {@link OUR_RULES}, and `ws` what it says by {@link WS_RULES}, exactly: a difference that is no rule is a fault of one of them.
 */

export interface Outcome {
  /** `text:hex`, `binary:hex`, `ping:hex`, `pong:hex`, in order. */
  readonly events: readonly string[];
  /** `null` while the connection is open; `closed` with the peer's code, or `failed` with ours. */
  readonly end: { readonly kind: 'closed' | 'failed'; readonly code: number } | null;
}

/** A data message that is not whole yet. */
interface Message {
  readonly opcode: number;
  readonly bytes: Buffer;
  readonly frames: number;
}

export interface Limits {
  readonly maxMessageSize: number;
  readonly maxFragments: number;
}

/** The differences that are meant to be. */
export interface Rules {
  /** A first byte that is wrong is 1002 alone; ws waits for the second. Either may: 7.1.7 gives no time. */
  readonly judgesFirstByte: boolean;
  /** 5.2: "the minimal number of bytes MUST be used to encode the length". ws takes any. */
  readonly refusesLongLengths: boolean;
  /** 5.2: of 64 bits "the most significant bit MUST be 0", so 1002; to ws any length over 2^53 is 1009. */
  readonly refusesTopBit: boolean;
  /** A fragment out of order, or a message too long, is found when the header is whole; ws does not wait for the masking key. */
  readonly waitsForKey: boolean;
  /** A Close frame of one byte is 1002 when it is whole; ws knows from its length. */
  readonly waitsForClose: boolean;
  /** A fragment too many is 1008 at its header, before its length is looked at; ws looks at the length first, and counts when the payload is whole. */
  readonly countsAtHeader: boolean;
  /** 8.1: text is 1007 at the first byte that cannot be; ws looks at the whole message. */
  readonly failsFast: boolean;
}

export const OUR_RULES: Rules = {
  judgesFirstByte: true,
  refusesLongLengths: true,
  refusesTopBit: true,
  waitsForKey: true,
  waitsForClose: true,
  countsAtHeader: true,
  failsFast: true,
};

export const WS_RULES: Rules = {
  judgesFirstByte: false,
  refusesLongLengths: false,
  refusesTopBit: false,
  waitsForKey: false,
  waitsForClose: false,
  countsAtHeader: false,
  failsFast: false,
};

/** Returns the outcome of all of `stream`, which ends where nothing more has come yet. */
export function decodeStream(stream: Buffer, limits: Limits, rules: Rules): Outcome {
  const events: string[] = [];
  let at = 0;
  let message: Message | null = null;
  const open = (): Outcome => ({ events, end: null });
  const fail = (code: number): Outcome => ({ events, end: { kind: 'failed', code } });

  while (at < stream.length) {
    const before = message as Message | null;
    const first = stream[at] as number;
    const opcode = first & 15;
    const isControl = opcode >= 8;
    const isLast = first >= 128;
    const isWrong = (first & 0x70) !== 0 || ![0, 1, 2, 8, 9, 10].includes(opcode) || (isControl && !isLast);
    if (isWrong && rules.judgesFirstByte) return fail(1002);
    if (at + 2 > stream.length) return open();
    if (isWrong) return fail(1002);
    const isOutOfOrder = !isControl && (opcode === 0) !== (before !== null);
    if (isOutOfOrder && !rules.waitsForKey) return fail(1002);
    const second = stream[at + 1] as number;
    if (second < 128) return fail(1002);
    const short = second & 127;
    if (isControl && short > 125) return fail(1002);
    if (opcode === 8 && short === 1 && !rules.waitsForClose) return fail(1002);

    const lengthSize = short < 126 ? 0 : short === 126 ? 2 : 8;
    const keyAt = at + 2 + lengthSize;
    if (keyAt > stream.length) return open();
    const size =
      lengthSize === 0 ? BigInt(short) : lengthSize === 2 ? BigInt(stream.readUInt16BE(at + 2)) : stream.readBigUInt64BE(at + 2);
    if (size >= 1n << 63n && rules.refusesTopBit) return fail(1002);
    if ((lengthSize === 2 && size < 126n) || (lengthSize === 8 && size < 65_536n)) {
      if (rules.refusesLongLengths) return fail(1002);
    }
    const isTooLong = !isControl && BigInt(before?.bytes.length ?? 0) + size > BigInt(limits.maxMessageSize);
    if (isTooLong && !rules.waitsForKey) return fail(1009);

    const payloadAt = keyAt + 4;
    if (payloadAt > stream.length) return open();
    if (isOutOfOrder) return fail(1002);
    const frames: number = isControl ? 0 : (before?.frames ?? 0) + 1;
    if (frames > limits.maxFragments && rules.countsAtHeader) return fail(1008);
    if (isTooLong) return fail(1009);

    const isWhole = BigInt(stream.length - payloadAt) >= size;
    const end = isWhole ? payloadAt + Number(size) : stream.length;
    const key = stream.subarray(keyAt, payloadAt);
    const payload = Buffer.from(stream.subarray(payloadAt, end));
    for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (key[i % 4] as number);
    at = end;

    if (isControl) {
      if (!isWhole) return open();
      if (opcode === 9) events.push(`ping:${payload.toString('hex')}`);
      if (opcode === 10) events.push(`pong:${payload.toString('hex')}`);
      if (opcode !== 8) continue;
      if (payload.length === 0) return { events, end: { kind: 'closed', code: 1005 } };
      if (payload.length === 1) return fail(1002);
      const code = payload.readUInt16BE(0);
      if (!isCloseCode(code)) return fail(1002);
      return isUtf8(payload.subarray(2), false) ? { events, end: { kind: 'closed', code } } : fail(1007);
    }

    if (isWhole && frames > limits.maxFragments) return fail(1008);
    message = { opcode: before?.opcode ?? opcode, bytes: Buffer.concat([before?.bytes ?? Buffer.alloc(0), payload]), frames };
    const isComplete = isWhole && isLast;
    if (message.opcode === 1 && (isComplete || rules.failsFast) && !isUtf8(message.bytes, !isComplete)) return fail(1007);
    if (!isWhole) return open();
    if (!isComplete) continue;
    events.push(`${message.opcode === 1 ? 'text' : 'binary'}:${message.bytes.toString('hex')}`);
    message = null;
  }
  return open();
}

/** 7.4.1 and 7.4.2, with the codes that were registered since: 1012, 1013, 1014. */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

function isUtf8(bytes: Buffer, mayGoOn: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: mayGoOn });
    return true;
  } catch {
    return false;
  }
}
