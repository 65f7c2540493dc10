/**
 * The payload of Close frames, RFC 6455 sections 5.5.1 and 7.4.
 *
 * In: a code and a reason, or the payload that a peer sent. Out: the other. It does not know the closing handshake.
 */
import { isUtf8 } from 'node:buffer';
import { CloseCode, ProtocolError } from '../errors.ts';
import { MAX_CONTROL_SIZE } from './frame.ts';
import { truncateUtf8 } from './utf8.ts';

/** What a Close frame says. */
export interface ClosePayload {
  /** 1005 where the frame had no code (7.1.5). */
  readonly code: number;
  readonly reason: string;
}

/** A Close frame's payload is two bytes of code and the reason. */
const MAX_REASON_SIZE = MAX_CONTROL_SIZE - 2;

/**
 * Encodes a code and a reason; a reason over 123 bytes is cut at a code point, as ban reasons are users' text of any length.
 *
 * @param code 1005 makes an empty payload, as 7.4.1 forbids it on the wire
 */
export function encodeClosePayload(code: number, reason: string): Buffer {
  if (code === CloseCode.NO_STATUS) return Buffer.alloc(0);
  const text = truncateUtf8(reason, MAX_REASON_SIZE);
  const payload = Buffer.allocUnsafe(2 + text.length);
  payload.writeUInt16BE(code, 0);
  payload.set(text, 2);
  return payload;
}

/** @throws ProtocolError with the close code to answer with */
export function decodeClosePayload(payload: Uint8Array): ClosePayload {
  if (payload.length === 0) return { code: CloseCode.NO_STATUS, reason: '' };
  // 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
  if (payload.length === 1)
    throw new ProtocolError(CloseCode.PROTOCOL_ERROR, 'WebSocket protocol violation: close payload of 1 byte');
  const code = ((payload[0] as number) << 8) | (payload[1] as number);
  if (!isSendableCloseCode(code))
    throw new ProtocolError(CloseCode.PROTOCOL_ERROR, `WebSocket protocol violation: close code ${code}`);
  const reason = payload.subarray(2);
  // 5.5.1: the reason is "UTF-8-encoded data"; 8.1: what is not "MUST _Fail the WebSocket Connection_".
  if (!isUtf8(reason)) throw new ProtocolError(CloseCode.INVALID_PAYLOAD, 'WebSocket: close reason is not UTF-8');
  return { code, reason: Buffer.from(reason.buffer, reason.byteOffset, reason.length).toString('utf8') };
}

/**
 * Returns whether a code may stand in a Close frame, RFC 6455 section 7.4: registered (1000–1003, 1007–1014) or of the ranges for
 * libraries (3000–3999) and for applications (4000–4999).
 */
export function isSendableCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== CloseCode.NO_STATUS && code !== CloseCode.ABNORMAL) ||
    (code >= 3000 && code <= 4999 && Number.isInteger(code))
  );
}
