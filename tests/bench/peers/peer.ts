/** What a benchmark knows of a server: the same for plain TCP, ws, uWebSockets and both faces of this library. */

/** One client of the server under test. */
export interface BenchClient {
  /** Who the client is. */
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

/** A way to serve lines, written as its users would write it. */
export interface Peer {
  /** Serves `app` on a free port of the loopback; resolves with the port. */
  listen(app: App): Promise<number>;
  /** Sends one line to all clients that are in, the cheapest way that the peer has. */
  broadcast(clients: Iterable<BenchClient>, line: string): void;
}

/** The names of `--peers`. */
export const PEERS = ['net', 'ws', 'uws', 'line', 'stream'] as const;

/** A name of {@link PEERS}: `line` and `stream` are the two faces of this library. */
export type PeerName = (typeof PEERS)[number];
