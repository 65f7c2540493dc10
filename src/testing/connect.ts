/**
 * A client for a hook, without a port: a connection in memory, read by Node's own HTTP parser, upgraded by the hook, spoken to in
 * frames.
 *
 * In: a hook, who the client is. Out: a {@link TestClient}, or a {@link ConnectionRejectedError}. It does not know what the hook
 * checks.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { clientOf } from '../client/client-of.ts';
import type { IrcClient } from '../client/irc-client.ts';
import type { IrcSocket } from '../client/irc-socket.ts';
import { diagnostics } from '../diagnostics.ts';
import type { WebSocketHook } from '../hook.ts';
import { ClientConnection, type TestClient } from './client.ts';
import { checkAnswer, formatRequest, parseAnswer } from './handshake.ts';
import { MemorySocket } from './memory-socket.ts';
import { ConnectionRejectedError } from './rejected.ts';

/** The client that connects, and its request. */
export interface ConnectOptions {
  /** The page that connects, as its `Origin` header field; absent: none is sent, as by a native client. */
  readonly origin?: string;
  /** Subprotocols to offer, the best first. @defaultValue `[]` */
  readonly protocols?: readonly string[];
  /**
   * Where the connection comes from: the client's address, or its proxy's; `unix`: a Unix domain socket. @defaultValue
   * `'127.0.0.1'`
   */
  readonly address?: string;
  /** The request target. @defaultValue `'/'` */
  readonly path?: string;
  /** More header fields, or other values for the usual ones; an array is a field sent several times, `null` leaves one out. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>;
  /** Whether the connection is TLS, as far as the hook can see. @defaultValue `false` */
  readonly secure?: boolean;
}

/** A hook or a gateway: whatever a client can be connected to. */
export type Connectable = Pick<WebSocketHook, 'handleUpgrade'> & Partial<Pick<WebSocketHook, 'handleRequest'>>;

/**
 * Connects a client to a hook. It resolves when the client is connected: `onConnection`, or `onClient`, has been called by then.
 *
 * @throws ConnectionRejectedError where the hook refuses
 * @throws ProtocolError for a 101 that RFC 6455 does not let clients accept
 * @throws TypeError for a path or a header field that HTTP cannot carry
 * @example
 * ```ts
 * const client = await connect(hook, { origin: 'https://chat.example.com' });
 * client.send('PING 1');
 * await client.nextLine();   // 'PONG 1'
 * ```
 */
export async function connect(hook: Connectable, options: ConnectOptions = {}): Promise<TestClient> {
  const { origin, protocols = [], address = '127.0.0.1', path = '/', headers = {}, secure = false } = options;
  const { request, key } = formatRequest({ path, origin, protocols, headers });
  const [near, far] = connection(address, secure);
  const accepted = serve(hook, far);
  near.write(request, 'latin1');
  const { block, body } = await readAnswer(near);
  const answer = parseAnswer(block);
  const side = accepted();
  if (answer.status !== 101) {
    near.destroy();
    throw new ConnectionRejectedError(answer.status, body, answer.headers);
  }
  let protocol: string | null;
  try {
    protocol = checkAnswer(answer, key, protocols);
  } catch (error) {
    near.destroy();
    throw error;
  }
  const client = new ClientConnection(near, protocol);
  if (side === null) {
    // A Close frame and no client: that is `rejectMode: 'close-frame'`.
    const { code, reason } = await client.closed;
    throw new ConnectionRejectedError(answer.status, reason, answer.headers, code);
  }
  return withServerSide(client, side);
}

/** What the hook made of a request: `socket` with `onConnection`, `client` with `onClient`; the other one is `null`. */
interface Opened {
  readonly socket: IrcSocket | null;
  readonly client: IrcClient | null;
  readonly request: IncomingMessage;
}

function withServerSide(connection: ClientConnection, side: Opened): TestClient {
  const client = side.client ?? clientOf(side.socket as IrcSocket);
  // A getter: a server of lines has no stream, unless a test asks for it.
  return Object.defineProperties(connection, {
    client: { value: client, enumerable: true },
    socket: { get: () => client.toSocket(), enumerable: true },
  }) as ClientConnection & Pick<TestClient, 'client' | 'socket'>;
}

/** The ports of both ends: what an ephemeral one and a server's look like. */
const CLIENT_PORT = 50_000;
const SERVER_PORT = 8_067;

function connection(address: string, encrypted: boolean): [near: MemorySocket, far: MemorySocket] {
  // A stream that stands for a Unix domain socket says so: without any address it would be trusted by no range.
  if (address === 'unix') return MemorySocket.pair({ encrypted }, { remoteAddress: 'unix', encrypted });
  const serverAddress = address.includes(':') ? '::1' : '127.0.0.1';
  const client = { remoteAddress: serverAddress, remotePort: SERVER_PORT, localAddress: address, localPort: CLIENT_PORT };
  const server = { remoteAddress: address, remotePort: CLIENT_PORT, localAddress: serverAddress, localPort: SERVER_PORT };
  return MemorySocket.pair({ ...client, encrypted }, { ...server, encrypted });
}

/**
 * Has the request on `far` read and handed to the hook. Returns a function that returns what the hook made of it; it is called
 * once.
 */
function serve(hook: Connectable, far: Duplex): () => Opened | null {
  let request: IncomingMessage | null = null;
  let accepted: Opened | null = null;
  // The hook may have other connections: ours is the one with our request.
  const onOpen = (message: unknown): void => {
    const opened = message as Opened;
    if (opened.request === request) accepted = opened;
  };
  diagnostics.open.subscribe(onOpen);
  // It never listens: a server that does not has no timers either.
  const server = createServer((incoming, response) => hook.handleRequest?.(incoming, response));
  server.on('upgrade', (incoming, socket, head) => {
    request = incoming;
    hook.handleUpgrade(incoming, socket, head);
  });
  server.emit('connection', far);
  return () => {
    diagnostics.open.unsubscribe(onOpen);
    return accepted;
  };
}

/** Reads an answer's header block; behind it the body, which a 101 has none of: what follows there is left in the stream. */
function readAnswer(stream: Duplex): Promise<{ readonly block: string; readonly body: string }> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    let block = '';
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (block !== '') return;
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      block = received.toString('latin1', 0, end);
      received = received.subarray(end + 4);
      if (!block.startsWith('HTTP/1.1 101 ')) return;
      stream.pause();
      if (received.length > 0) stream.unshift(received);
      finish();
    };
    const finish = (): void => {
      stream.off('data', onData).off('end', finish).off('close', finish);
      resolve({ block, body: block.startsWith('HTTP/1.1 101 ') ? '' : received.toString('utf8') });
    };
    stream.on('data', onData).on('end', finish).on('close', finish);
  });
}
