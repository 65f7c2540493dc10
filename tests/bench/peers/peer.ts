/** What a benchmark knows of a server: the same for plain TCP, ws, uWebSockets and both faces of this library. */

/** One client of the server under test. */
export interface BenchClient {
  /** The identity of the client. */
  readonly address: string | undefined;
  /** Sends one line, given without CR LF. */
  send(line: string): void;
}

/** What the server under test does with its clients: the same code for all peers. */
export interface App {
  /** Whether it asks who a client is, when it comes. */
  readonly asksForAddress: boolean;
  opened(client: BenchClient): void;
  line(client: BenchClient, line: string): void;
  closed(client: BenchClient): void;
}

/** A certificate and its key, in PEM, for `--tls`. All peers take what Node takes by default: TLS 1.3, TLS_AES_256_GCM_SHA384. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The files that both came from. */
  readonly certFile: string;
  readonly keyFile: string;
}

/** A way to serve lines, written as its users would write it. */
export interface Peer {
  /** Serves `app` on a free port of the loopback, over TLS where there is a certificate. Resolves with the port. */
  listen(app: App, certificate?: Certificate): Promise<number>;
  /** Sends one line to all clients that are in, the cheapest way that the peer has. */
  broadcast(clients: Iterable<BenchClient>, line: string): void;
}

const EXTRAS = ['resume', 'http2', 'relay', 'gateway', 'worker', 'before-line', 'before-stream'] as const;

/** The names of `--peers`. */
export const PEERS = ['net', 'ws', 'uws', 'line', 'stream', ...EXTRAS] as const;

/** The peers that take part only where they are named. */
export const EXTRA_PEERS: ReadonlySet<string> = new Set(EXTRAS);

/** The peers that stand in front of an IRC server; the figure is their own, without the server's. */
export const GATEWAYS: ReadonlySet<string> = new Set(['relay', 'gateway', 'worker']);

/**
 * A name of {@link PEERS}: `line` and `stream` are the two faces of this library, `resume` is `line` with clients that can come back, `http2` is `line` with a
 * hundred clients on each HTTP/2 connection, for runs with `--tls`. `gateway` is its gateway in front of
 * a plain IRC server, `worker` the same with the arguments of Node that the command gives its workers, `relay` two sockets tied together in the same place.
 * `before-line` and `before-stream` are the faces of another version of this library: the folder of its built benchmark is in `BENCH_BEFORE`.
 */
export type PeerName = (typeof PEERS)[number];
