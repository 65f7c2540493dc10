/**
 * The load, a process of its own: `load.js net|websocket|resume|http2 SCENARIO PORT`, driven by messages of `measure.ts`; over TLS where `BENCH_CERTIFICATE` is set.
 *
 * It has to be much cheaper than the server: raw sockets, frames masked before the clock starts, one read buffer for all sockets, replies counted in bytes and
 * never looked at.
 */
import type { ClientHttp2Stream } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { encodeFrame, Opcode } from 'ircd-websocket/protocol';
import { Http2Streams } from './http2-streams.ts';
import { BURST, FAN_OUT, GREETING, linesIn, PONG, wireSize } from './lines.ts';
import { scenarioNamed } from './scenarios.ts';
import { ServerFrames } from './server-frames.ts';

/** What the load says of itself. */
export interface LoadSample {
  readonly linesOut: number;
  readonly charactersOut: number;
  /** Bytes that came, and those that should have come by what was sent. */
  readonly bytesIn: number;
  readonly expectedBytes: number;
  readonly connections: number;
}

const [, , transport, scenarioName, portText] = process.argv as [
  string,
  string,
  'net' | 'websocket' | 'resume' | 'http2',
  string,
  string,
];
const isWebSocket = transport !== 'net';
const isResumable = transport === 'resume';
const isTls = process.env['BENCH_CERTIFICATE'] !== undefined;
const scenario = scenarioNamed(scenarioName);
const port = Number(portText);

const MASK_KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const encode = (line: string): Buffer =>
  isWebSocket ? encodeFrame(Opcode.TEXT, Buffer.from(line), { maskKey: MASK_KEY }) : Buffer.from(`${line}\r\n`);

/** A browser's. */
const UPGRADE = Buffer.from(
  [
    'GET /irc HTTP/1.1',
    'Host: bench.example',
    'Connection: Upgrade',
    'Pragma: no-cache',
    'Cache-Control: no-cache',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Upgrade: websocket',
    'Origin: http://bench.example',
    'Sec-WebSocket-Version: 13',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-GB,en;q=0.9',
    'Cookie: session=0123456789abcdef0123456789abcdef',
    ...(isResumable ? ['Sec-WebSocket-Protocol: text.ircv3.net, v1.resume.ircd-websocket'] : []),
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
    '\r\n',
  ].join('\r\n'),
);

const lines = linesIn(scenario);
const messages = lines.map(encode);
const counts = { linesOut: 0, charactersOut: 0, bytesIn: 0, expectedBytes: 0, connections: 0 };
let isStopped = false;

const http2Streams = transport === 'http2' ? new Http2Streams(port) : null;

/** One buffer for all reads: nothing is kept. */
const readBuffer = Buffer.allocUnsafe(65_536);

class Connection {
  readonly socket: Socket | ClientHttp2Stream;
  /** Bytes of replies that are still to come. */
  missing = 0;
  onReplies: () => void = () => {};
  #isOpen = !isWebSocket;
  /** What a page that can come back has to count. */
  readonly #frames: ServerFrames | null = isResumable ? new ServerFrames((ack) => this.socket.write(ack)) : null;
  #next = 0;

  /** @param stream what carries it, in place of a connection of its own */
  constructor(opened: (connection: Connection) => void, stream: ClientHttp2Stream | null) {
    if (stream !== null) {
      this.socket = stream;
      this.#take(stream, opened);
      return;
    }
    this.socket = isTls ? this.#connectTls(opened) : this.#connect(opened);
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!isStopped && error.code !== 'ECONNRESET') throw error;
    });
    this.socket.on(isTls ? 'secureConnect' : 'connect', () => {
      if (isWebSocket) this.socket.write(UPGRADE);
      else opened(this);
    });
  }

  #take(stream: ClientHttp2Stream, opened: (connection: Connection) => void): void {
    // Node emits 'response' a tick later than data that came with it.
    this.#isOpen = true;
    stream.on('response', ({ ':status': status }) => {
      if (status !== 200) throw new Error(`status ${status}`);
      opened(this);
    });
    stream.on('data', (chunk: Buffer) => this.#read(chunk.length, chunk, opened));
    stream.on('error', (error) => {
      if (!isStopped) throw error;
    });
  }

  #connect(opened: (connection: Connection) => void): Socket {
    return connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (size, buffer) => {
          this.#read(size, buffer as Buffer, opened);
          return true;
        },
      },
    });
  }

  /** Without verification: that would be the load's own time, and the certificate is nobody's. */
  #connectTls(opened: (connection: Connection) => void): Socket {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, minVersion: 'TLSv1.3' });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk.length, chunk, opened));
    return socket;
  }

  /** Sends the next line. */
  say(): void {
    const i = this.#next;
    this.#next = (i + 1) % messages.length;
    counts.linesOut++;
    counts.charactersOut += (lines[i] as string).length;
    this.socket.write(messages[i] as Buffer);
  }

  /** Goes without a Close frame. */
  leave(): void {
    if (http2Streams !== null) this.socket.end();
    else if (isTls) this.socket.destroy();
    else (this.socket as Socket).resetAndDestroy();
  }

  #read(size: number, buffer: Buffer, opened: (connection: Connection) => void): void {
    let replySize = size;
    if (!this.#isOpen) {
      // The answer to the upgrade comes in one piece: it is the first thing that is sent.
      const end = buffer.toString('latin1', 0, size).indexOf('\r\n\r\n');
      if (!buffer.toString('latin1', 0, 12).startsWith('HTTP/1.1 101') || end === -1)
        throw new Error(buffer.toString('latin1', 0, size));
      this.#isOpen = true;
      replySize = size - end - 4;
      opened(this);
    }
    if (this.#frames !== null) replySize = this.#frames.textBytes(buffer.subarray(size - replySize, size));
    if (replySize === 0) return;
    counts.bytesIn += replySize;
    this.missing -= replySize;
    if (this.missing > 0) return;
    // In a chat the others' lines may come before one's own turn.
    if (this.missing < 0 && scenario.load !== 'chat') throw new Error(`${-this.missing} bytes too many`);
    this.onReplies();
  }
}

async function open(): Promise<Connection> {
  const stream = (await http2Streams?.open()) ?? null;
  return new Promise((resolve) => {
    new Connection((connection) => {
      counts.connections++;
      resolve(connection);
    }, stream);
  });
}

async function openAll(count: number): Promise<Connection[]> {
  const connections: Connection[] = [];
  // A hundred at a time: the backlog is finite.
  while (connections.length < count)
    connections.push(...(await Promise.all(Array.from({ length: Math.min(100, count - connections.length) }, open))));
  return connections;
}

const replySize = (): number => {
  if (scenario.app === 'echo') return wireSize(PONG, isWebSocket);
  return BURST.reduce((sum, line) => sum + wireSize(line, isWebSocket), 0);
};

const loads: Record<typeof scenario.load, (connections: readonly Connection[]) => void> = {
  /** As fast as the server reads, in writes of 256 KiB: each of its reads is full. */
  pipelined([connection]) {
    const block: Buffer[] = [];
    let characters = 0;
    let count = 0;
    for (let size = 0; size < 256 * 1_024; count++) {
      const i = count % messages.length;
      block.push(messages[i] as Buffer);
      size += (messages[i] as Buffer).length;
      characters += (lines[i] as string).length;
    }
    const bytes = Buffer.concat(block);
    const write = (): void => {
      if (isStopped) return;
      counts.linesOut += count;
      counts.charactersOut += characters;
      (connection as Connection).socket.write(bytes, write);
    };
    write();
    write();
  },

  /** A line on each connection every millisecond: below what the slowest peer can take, so that each comes in a read of its own. */
  paced(connections) {
    const timer = setInterval(() => {
      if (isStopped) clearInterval(timer);
      else for (const connection of connections) connection.say();
    }, 1);
  },

  /** One line in flight on each connection. */
  'closed-loop'(connections) {
    const size = replySize();
    for (const connection of connections) {
      connection.onReplies = () => {
        if (isStopped) return;
        connection.missing = size;
        counts.expectedBytes += size;
        connection.say();
      };
      connection.onReplies();
    }
  },

  /** Everybody says a line, and the next when it has got as many lines as there are members. All lines are of one size. */
  chat(connections) {
    const size = connections.length * wireSize(lines[0] as string, isWebSocket);
    for (const connection of connections) {
      connection.onReplies = () => {
        while (!isStopped && connection.missing <= 0) {
          connection.missing += size;
          counts.expectedBytes += size;
          connection.say();
        }
      };
      connection.onReplies();
    }
  },

  /** The next turn when all have got the last one. */
  'fan-out'(connections) {
    const size = FAN_OUT.slice(0, scenario.replies).reduce((sum, line) => sum + wireSize(line, isWebSocket), 0);
    let behind = 0;
    const go = (): void => {
      if (isStopped) return;
      behind = connections.length;
      for (const connection of connections) connection.missing = size;
      counts.expectedBytes += size * connections.length;
      (connections[0] as Connection).say();
    };
    for (const connection of connections)
      connection.onReplies = () => {
        if (--behind === 0) go();
      };
    go();
  },

  /** A few at a time connect, are greeted, and go: by a reset, over TLS by FIN, over HTTP/2 by the end of the stream. */
  handshakes() {
    const size = wireSize(GREETING, isWebSocket);
    const next = async (): Promise<void> => {
      const stream = (await http2Streams?.open()) ?? null;
      if (isStopped) return;
      counts.connections++;
      counts.expectedBytes += size;
      const connection = new Connection(() => {}, stream);
      connection.missing = size;
      connection.onReplies = () => {
        connection.leave();
        void next();
      };
    };
    for (let i = 0; i < (scenario.concurrency ?? 1); i++) void next();
  },

  idle() {},
};

let connections: readonly Connection[] = [];

process.on('message', (message: { type: 'connect'; count: number } | { type: 'start' | 'stop' | 'sample' }) => {
  if (message.type === 'connect') {
    void openAll(message.count).then((opened) => {
      connections = [...connections, ...opened];
      process.send?.({ type: 'connected' });
    });
    return;
  }
  if (message.type === 'start') loads[scenario.load](connections);
  if (message.type === 'stop') isStopped = true;
  process.send?.({ type: 'sample', ...counts } satisfies { type: 'sample' } & LoadSample);
});
process.on('disconnect', () => process.exit());
process.send?.({ type: 'ready' });
