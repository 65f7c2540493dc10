/** What the protocol of `docs/resume.md` fixes: names, codes and control messages. It does not know sockets. */

/** The subprotocol, offered behind every other one. */
export const RESUME = 'v1.resume.ircd-websocket';

/**
 * Offered with {@link RESUME} where the page asks for no subprotocol: a server built on `ws` chooses the first, which must be one
 * of IRC.
 */
export const TEXT = 'text.ircv3.net';

/** Offered last, and only to resume: `v1.session.<token>.<received>.<attempt>`. */
export const SESSION = 'v1.session.';

/**
 * The page closes a transport that it has given up. The session is suspended: without a code of its own a living server would end
 * it.
 */
export const GIVEN_UP = 4902;

/** The page found a fault in what the server sent. RFC 6455 has 1002 for that, but a page may send only 1000 and 3000 to 4999. */
export const PROTOCOL_ERROR = 4903;

/**
 * RFC 6455 section 7.1.5: "If … no such Close control frame was received … _The WebSocket Connection Close Code_ is considered to
 * be 1006."
 */
export const ABNORMAL = 1006;

/**
 * Whether a connection that ended so was lost: 1006, or what a proxy sends that restarts (1012), is overloaded (1013) or has lost
 * the server (1014).
 */
export function isLoss(code: number): boolean {
  return code === ABNORMAL || (code > 1011 && code < 1015);
}

/** Whether a subprotocol that a page asks for carries IRC lines as text. */
export function isText(protocol: string): boolean {
  return /^text\.(ircv3\.net|inspircd\.org)$/i.test(protocol);
}

/**
 * A control message from the server: `ack <count>`, `session <window> <token>`, `resumed <count> <window> <token>`; a token is
 * `<node>.<id>.<secret>`. Groups: 1 the count of an `ack`; 2 that of a `resumed`, absent in a `session`; 3 the window; 4 the
 * token.
 */
const CONTROL = /^(?:ack (\d+)|(?:session|resumed (\d+)) (\d+) ([\w-]+\.[\w-]+\.[\w-]+))$/;

/** The groups of a control message; none of them where it is malformed. */
export function parseControl(bytes: ArrayBuffer): readonly (string | undefined)[] {
  return CONTROL.exec(decode(bytes)) ?? [];
}

export function formatControl(message: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(message) as Uint8Array<ArrayBuffer>;
}

/** UTF-8 to text; a byte order mark is a character like any other, as in a text message. */
export function decode(bytes: ArrayBuffer | ArrayBufferView): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes as ArrayBuffer);
}
