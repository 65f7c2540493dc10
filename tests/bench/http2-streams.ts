/**
 * WebSockets over HTTP/2 for the load: a hundred streams on each connection, one after the other or at once.
 *
 * Out: streams whose request has been sent. A connection is closed when its hundred streams have ended, so that `handshake` pays for a hundredth of a TLS handshake each time.
 */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';

const STREAMS_A_CONNECTION = 100;

const REQUEST = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':scheme': 'https',
  ':path': '/irc',
  ':authority': 'bench.example',
  pragma: 'no-cache',
  'cache-control': 'no-cache',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  origin: 'http://bench.example',
  'sec-websocket-version': '13',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-GB,en;q=0.9',
  cookie: 'session=0123456789abcdef0123456789abcdef',
  'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
};

/** Streams of as many connections as they need. */
export class Http2Streams {
  readonly #port: number;
  #session: Promise<ClientHttp2Session> | null = null;
  #opened = 0;
  /** Streams of a connection that have ended. */
  readonly #ended = new WeakMap<ClientHttp2Session, number>();

  constructor(port: number) {
    this.#port = port;
  }

  async open(): Promise<ClientHttp2Stream> {
    if (this.#session === null || this.#opened === STREAMS_A_CONNECTION) {
      this.#opened = 0;
      this.#session = connectSession(this.#port);
    }
    this.#opened++;
    const session = await this.#session;
    const stream = session.request(REQUEST, { endStream: false });
    stream.once('close', () => {
      const ended = (this.#ended.get(session) ?? 0) + 1;
      this.#ended.set(session, ended);
      if (ended === STREAMS_A_CONNECTION) session.destroy();
    });
    return stream;
  }
}

async function connectSession(port: number): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  // Only then is it known that the server takes CONNECT with a protocol.
  await once(session, 'remoteSettings');
  return session;
}
