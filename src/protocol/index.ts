/** The public entry point `ircd-websocket/protocol`: RFC 6455's server side without I/O. */
export { CloseCode, ProtocolError } from '../errors.ts';
export { encodeFrame, type FrameOptions, Opcode } from './frame.ts';
export { acceptKey } from './handshake.ts';
export { type FrameHandler, FrameParser, type FrameParserOptions } from './parser.ts';
export { ReadyState, type SessionLimits, type SessionOptions } from './session.ts';
export { type SessionSink, WebSocketSession } from './web-socket-session.ts';
