/**
 * The errors of this library: one class a kind, a `code` each.
 *
 * In: what went wrong, in words and numbers. Out: an `Error` whose class says whose fault it is:
 *
 * - `ConfigError`: the program's or the operator's. It is thrown at the caller.
 * - `HandshakeError`: a peer's, before the 101. It becomes an HTTP answer (`listening/upgrade.ts`).
 * - `ProtocolError`: a peer's, after the 101. It becomes a Close frame, RFC 6455 section 7.4 (`protocol/session.ts`).
 */

/** The close codes of RFC 6455 section 7.4.1 that this library sends or reports. */
export const CloseCode = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  UNSUPPORTED_DATA: 1003,
  /** Never on the wire: the Close frame had no code (7.1.5). */
  NO_STATUS: 1005,
  /** Never on the wire: the connection ended without a Close frame (7.1.5). */
  ABNORMAL: 1006,
  INVALID_PAYLOAD: 1007,
  POLICY_VIOLATION: 1008,
  MESSAGE_TOO_BIG: 1009,
  INTERNAL_ERROR: 1011,
  TRY_AGAIN_LATER: 1013,
} as const;

/** A close code of {@link CloseCode}. */
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** The base of every error that this library throws. `code` is stable; the message is for people. */
export class WebSocketError extends Error {
  /** A stable name for programs, e.g. `ERR_CONFIG`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The place of a fault in a configuration. */
export interface ConfigErrorPlace {
  /** The tag as InspIRCd writes it, e.g. `wsorigin`. */
  readonly tag: string;
  /** The key within the tag, e.g. `allow`; absent where the whole tag is at fault. */
  readonly key?: string | undefined;
  /** The value as it was given. */
  readonly value?: unknown;
  /** The line of the configuration text, from 1; absent where the configuration did not come from text. */
  readonly line?: number | undefined;
  /** The file that the text is from, where there are several. */
  readonly file?: string | undefined;
}

/** The error of a configuration that cannot work. It names the tag, the key, the value and, where there is one, the line. */
export class ConfigError extends WebSocketError {
  readonly tag: string;
  readonly key: string | undefined;
  readonly value: unknown;
  readonly line: number | undefined;
  readonly file: string | undefined;
  /** What is wrong, without the place. */
  readonly problem: string;
  readonly #errors: readonly ConfigError[] | undefined;

  /** @param problem what is wrong, without the place: `"is not a CIDR range, glob or address"` */
  constructor(place: ConfigErrorPlace, problem: string, options?: ErrorOptions & { readonly errors?: readonly ConfigError[] }) {
    const { errors } = options ?? {};
    super('ERR_CONFIG', errors === undefined ? `${describePlace(place)}${problem}` : describeAll(errors), options);
    this.tag = place.tag;
    this.key = place.key;
    this.value = place.value;
    this.line = place.line;
    this.file = place.file;
    this.problem = problem;
    this.#errors = errors;
  }

  /**
   * All errors of the configuration. The message tells each of them; tag, key, value, line and problem are those of the first.
   */
  get errors(): readonly ConfigError[] {
    return this.#errors ?? [this];
  }
}

/** The error that refuses an HTTP request before it becomes a WebSocket. The peer gets `status` and `reason`. */
export class HandshakeError extends WebSocketError {
  /** The HTTP status code, 400 to 599. */
  readonly status: number;
  /** The body of the answer, one line; InspIRCd's words where it has some. */
  readonly reason: string;
  /** Header fields that the answer must carry, e.g. `Sec-WebSocket-Version` with a 426. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, reason: string, headers: Readonly<Record<string, string>> = {}, options?: ErrorOptions) {
    super('ERR_HANDSHAKE', reason, options);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }
}

/** The error that fails a WebSocket connection. The peer gets `closeCode` and the message in a Close frame. */
export class ProtocolError extends WebSocketError {
  /** The code of the Close frame, RFC 6455 section 7.4.1. */
  readonly closeCode: number;

  constructor(closeCode: number, reason: string) {
    super('ERR_PROTOCOL', reason);
    this.closeCode = closeCode;
  }
}

/**
 * Writes the place before a problem: `line 3: <wsorigin:allow> "https://chat.example.com/" `. Text that is outside of every tag
 * has the tag ''.
 */
function describePlace({ tag, key, value, line, file }: ConfigErrorPlace): string {
  const where = `${file === undefined ? '' : `${file}: `}${line === undefined ? '' : `line ${line}: `}`;
  const field = tag === '' ? '' : key === undefined ? `<${tag}> ` : `<${tag}:${key}> `;
  const shown = value === undefined ? '' : `${JSON.stringify(value)?.slice(0, 200) ?? String(value)} `;
  return `${where}${field}${shown}`;
}

function describeAll(errors: readonly ConfigError[]): string {
  return [`${errors.length} errors:`, ...errors.map(({ message }) => message)].join('\n');
}
