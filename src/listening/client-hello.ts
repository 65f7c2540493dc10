/**
 * The ClientHello, the first message of a TLS client: RFC 8446 section 4.1.2.
 *
 * In: the first bytes of a connection. Out: the application protocols (RFC 7301) and the server name (RFC 6066) that the client
 * offers. It does not know sockets, it checks nothing that TLS itself checks, and it answers nobody.
 *
 * Laws of this file:
 * 1. If any byte cannot be part of a ClientHello, the result is `null`. The caller hands the bytes to TLS unchanged, which
 *    answers with its own alert.
 * 2. No length beyond {@link MAX_HELLO_SIZE} is believed. Nothing is allocated for a length that was only announced.
 */

/** What a client offers before anything is encrypted. */
export interface ClientHello {
  /** RFC 7301: the names of the ALPN extension in the client's order, each byte one character; empty without the extension. */
  readonly protocols: readonly string[];
  /** RFC 6066 section 3: the first host name, as it was sent; `null` without one. */
  readonly serverName: string | null;
}

/** More bytes are needed: at least so many altogether. */
export interface HelloIncomplete {
  readonly needed: number;
}

/**
 * Bytes that are looked at, record headers included. A hello with a post-quantum key share and an encrypted hello takes about
 * two thousand.
 */
export const MAX_HELLO_SIZE = 16_384;

/** 5.1: "struct { ContentType type; ProtocolVersion legacy_record_version; uint16 length; … } TLSPlaintext". */
const RECORD_HEADER_SIZE = 5;
const CONTENT_TYPE_HANDSHAKE = 22;
/** 5.1: "The length MUST NOT exceed 2^14 bytes." */
const MAX_FRAGMENT_SIZE = 16_384;

/** 4: "struct { HandshakeType msg_type; uint24 length; … } Handshake". */
const HANDSHAKE_HEADER_SIZE = 4;
const CLIENT_HELLO = 1;

const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const NAME_TYPE_HOST = 0;

/**
 * Reads a ClientHello, over any number of records.
 *
 * @returns `null` where the bytes are something else, or the hello is larger than {@link MAX_HELLO_SIZE}
 */
export function readClientHello(bytes: Uint8Array): ClientHello | HelloIncomplete | null {
  /** The handshake message, as far as it is there: the fragments of the records. */
  const fragments: Uint8Array[] = [];
  /** The header of the handshake message: its type, and its size in three bytes. It may be cut by records, too. */
  const header: number[] = [];
  let size = 0;
  let at = 0;
  for (;;) {
    const record = bytes.subarray(at, at + RECORD_HEADER_SIZE);
    if (!beginsLikeHandshakeRecord(record)) return null;
    if (record.length < RECORD_HEADER_SIZE) return incomplete(at + RECORD_HEADER_SIZE);
    const length = uint16(record, 3);
    // 5.1: "Implementations MUST NOT send zero-length fragments of Handshake types".
    if (length === 0 || length > MAX_FRAGMENT_SIZE) return null;
    const start = at + RECORD_HEADER_SIZE;
    at = start + length;
    if (at > MAX_HELLO_SIZE) return null;
    const fragment = bytes.subarray(start, at);
    fragments.push(fragment);
    size += fragment.length;
    for (let i = 0; i < fragment.length && header.length < HANDSHAKE_HEADER_SIZE; i++) header.push(fragment[i] as number);
    const [type = CLIENT_HELLO, high = 0, middle = 0, low = 0] = header;
    if (type !== CLIENT_HELLO) return null;
    const messageSize = HANDSHAKE_HEADER_SIZE + high * 65_536 + middle * 256 + low;
    // This fragment and what is still to come of the message, without the headers of further records.
    const remaining = messageSize - (size - fragment.length);
    if (start + remaining > MAX_HELLO_SIZE) return null;
    if (bytes.length < at) return incomplete(at);
    if (header.length < HANDSHAKE_HEADER_SIZE || size < messageSize) continue;
    // No other handshake message follows in the same record: the client waits for the server's answer first.
    return size > messageSize ? null : readBody(Buffer.concat(fragments).subarray(HANDSHAKE_HEADER_SIZE));
  }
}

/** Returns whether a result says that more bytes are needed. */
export function isIncomplete(hello: ClientHello | HelloIncomplete | null): hello is HelloIncomplete {
  return hello !== null && 'needed' in hello;
}

function incomplete(needed: number): HelloIncomplete | null {
  return needed > MAX_HELLO_SIZE ? null : { needed };
}

/** Returns whether the header, as far as it is there, is that of a handshake record of SSL 3.0 or any TLS. */
function beginsLikeHandshakeRecord(header: Uint8Array): boolean {
  return (header[0] ?? CONTENT_TYPE_HANDSHAKE) === CONTENT_TYPE_HANDSHAKE && (header[1] ?? 3) === 3;
}

/** Reads the body of a ClientHello; `null` where a length in it does not fit. */
function readBody(body: Uint8Array): ClientHello | null {
  const reader = new Reader(body);
  // legacy_version, random
  reader.skip(2 + 32);
  // opaque legacy_session_id<0..32>; CipherSuite cipher_suites<2..2^16-2>; opaque legacy_compression_methods<1..2^8-1>
  reader.skip(reader.uint8());
  reader.skip(reader.uint16());
  reader.skip(reader.uint8());
  // Before TLS 1.3 extensions may be missing altogether.
  if (reader.isAtEnd) return reader.hasOverrun ? null : { protocols: [], serverName: null };
  const extensions = reader.vector(reader.uint16());
  if (reader.hasOverrun || !reader.isAtEnd) return null;
  let protocols: readonly string[] | null = null;
  let serverName: string | null | undefined;
  while (!extensions.isAtEnd) {
    const type = extensions.uint16();
    const data = extensions.vector(extensions.uint16());
    if (extensions.hasOverrun) return null;
    // 4.2: "There MUST NOT be more than one extension of the same type in a given extension block."
    if (type === EXTENSION_ALPN) {
      if (protocols !== null) return null;
      protocols = readProtocols(data);
      if (protocols === null) return null;
    } else if (type === EXTENSION_SERVER_NAME) {
      if (serverName !== undefined) return null;
      serverName = readServerName(data);
      if (serverName === undefined) return null;
    }
  }
  return { protocols: protocols ?? [], serverName: serverName ?? null };
}

/**
 * RFC 7301 section 3.1: "opaque ProtocolName<1..2^8-1>; struct { ProtocolName protocol_name_list<2..2^16-1> }
 * ProtocolNameList".
 */
function readProtocols(data: Reader): readonly string[] | null {
  const list = data.vector(data.uint16());
  if (data.hasOverrun || !data.isAtEnd || list.isAtEnd) return null;
  const names: string[] = [];
  while (!list.isAtEnd) {
    const name = list.text(list.uint8());
    if (list.hasOverrun || name === '') return null;
    names.push(name);
  }
  return names;
}

/**
 * RFC 6066 section 3: "struct { NameType name_type; … HostName: opaque<1..2^16-1> } ServerName; ServerName
 * server_name_list<1..2^16-1>".
 */
function readServerName(data: Reader): string | null | undefined {
  const list = data.vector(data.uint16());
  if (data.hasOverrun || !data.isAtEnd || list.isAtEnd) return undefined;
  let name: string | null = null;
  while (!list.isAtEnd) {
    const type = list.uint8();
    const text = list.text(list.uint16());
    if (list.hasOverrun || text === '') return undefined;
    if (type === NAME_TYPE_HOST) name ??= text;
  }
  return name;
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) * 256 + (bytes[at + 1] as number);
}

/** Reads numbers and vectors one after another. Past the end it returns zeros, and sets `hasOverrun`. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  hasOverrun = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  uint8(): number {
    return this.#take(1)[0] ?? 0;
  }

  uint16(): number {
    const bytes = this.#take(2);
    return bytes.length < 2 ? 0 : uint16(bytes, 0);
  }

  skip(size: number): void {
    this.#take(size);
  }

  vector(size: number): Reader {
    return new Reader(this.#take(size));
  }

  /** Each byte becomes one character. */
  text(size: number): string {
    return Buffer.from(this.#take(size)).toString('latin1');
  }

  #take(size: number): Uint8Array {
    const start = this.#at;
    if (size > this.#bytes.length - start) this.hasOverrun = true;
    this.#at = Math.min(this.#bytes.length, start + size);
    return this.#bytes.subarray(start, this.#at);
  }
}
