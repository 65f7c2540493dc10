/**
 * What a server needs of the runtime that it is on, one check each, on the built package: Node, Bun, Deno.
 *
 * In: nothing. Out: a line of JSON for each check, `{ check, error }`, with `error: null` where it works, and `end` behind the last. Exit status 0 whatever they say: who started it
 * judges (`run.ts`). It does not know vitest: that does not run everywhere.
 */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { broadcast, createWebSocketHook, type IrcSocket, type WebSocketHook, type WebSocketHookOptions } from 'ircd-websocket';
import { createIrcGateway } from 'ircd-websocket/gateway';
import { encodeFrame, FrameParser, Opcode } from 'ircd-websocket/protocol';
import WebSocket from 'ws';
import { makeCertificate } from '../helpers/certificate.ts';

const ORIGIN = 'https://chat.example.com';
/** Milliseconds for one check. */
const LIMIT = 5_000;

const request = (origin = ORIGIN): string =>
  [
    'GET / HTTP/1.1',
    'Host: irc.example.com',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Origin: ${origin}`,
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');

const masked = (opcode: Opcode, payload: string | Uint8Array): Buffer =>
  encodeFrame(opcode, typeof payload === 'string' ? Buffer.from(payload) : payload, { maskKey: Uint8Array.of(1, 2, 3, 4) });

/** A client that writes bytes and reads frames. */
class Raw {
  readonly socket: Socket;
  readonly frames: { readonly opcode: Opcode; readonly payload: Buffer }[] = [];
  head = '';
  isEnded = false;
  #text = Buffer.alloc(0);
  readonly #parser: FrameParser;

  constructor(socket: Socket, firstBytes: string | Buffer = request()) {
    this.socket = socket;
    const parts: Buffer[] = [];
    let opcode: Opcode = Opcode.TEXT;
    this.#parser = new FrameParser(
      {
        frame: (code, _fin, bytes, start, end) =>
          void this.frames.push({ opcode: code, payload: Buffer.from(bytes.subarray(start, end)) }),
        frameStart: (code) => {
          opcode = code;
          parts.length = 0;
        },
        framePart: (bytes, start, end) => void parts.push(Buffer.from(bytes.subarray(start, end))),
        frameEnd: () => void this.frames.push({ opcode, payload: Buffer.concat(parts) }),
      },
      { masked: false },
    );
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.isEnded = true;
      });
    }
    socket.write(firstBytes);
  }

  lines(): string[] {
    return this.frames.filter(({ opcode }) => opcode <= Opcode.BINARY).map(({ payload }) => payload.toString());
  }

  closeCode(): number | undefined {
    return this.frames.find(({ opcode }) => opcode === Opcode.CLOSE)?.payload.readUInt16BE(0);
  }

  #take(chunk: Buffer): void {
    if (this.head !== '') {
      if (this.head.startsWith('HTTP/1.1 101')) this.#parser.receive(Buffer.from(chunk));
      return;
    }
    this.#text = Buffer.concat([this.#text, chunk]);
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return;
    this.head = this.#text.toString('latin1', 0, end + 4);
    if (this.head.startsWith('HTTP/1.1 101')) this.#parser.receive(Buffer.from(this.#text.subarray(end + 4)));
  }
}

const undo: (() => unknown)[] = [];

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

interface Running {
  readonly hook: WebSocketHook;
  readonly sockets: IrcSocket[];
}

function makeHook(options: Partial<WebSocketHookOptions> = {}): Running {
  const sockets: IrcSocket[] = [];
  const hook = createWebSocketHook({
    origins: [ORIGIN],
    serverName: 'irc.example.com',
    ...options,
    onConnection: (socket, incoming) => {
      sockets.push(socket);
      if (options.onConnection !== undefined) options.onConnection(socket, incoming);
      else socket.onLine((line: string) => void socket.writeLine(`echo ${line}`));
    },
  });
  undo.push(() => void hook.close());
  return { hook, sockets };
}

async function start(options: Partial<WebSocketHookOptions> = {}): Promise<Running & { port: number; raw: () => Raw }> {
  const running = makeHook(options);
  const port = await listen(running.hook.createListener());
  return { ...running, port, raw: () => open(port) };
}

function open(port: number, firstBytes?: string | Buffer): Raw {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  undo.push(() => socket.destroy());
  return new Raw(socket, firstBytes);
}

/** Looks every few milliseconds: which events a runtime emits is what is under test. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + LIMIT;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`did not come: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function same(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`${JSON.stringify(actual)} in place of ${JSON.stringify(expected)}`);
}

async function echoes(raw: Raw, opcode: Opcode = Opcode.TEXT): Promise<void> {
  await until('101', () => raw.head !== '');
  same(raw.head.split('\r\n')[0], 'HTTP/1.1 101 Switching Protocols');
  raw.socket.write(masked(opcode, 'PRIVMSG #a :grüße'));
  await until('echo', () => raw.lines().length === 1);
  same(raw.lines(), ['echo PRIVMSG #a :grüße']);
}

const CHECKS: Readonly<Record<string, () => Promise<void>>> = {
  'http.createServer, hook.handleUpgrade: text lines': async () => {
    const { hook } = makeHook();
    await echoes(open(await listen(createHttpServer().on('upgrade', hook.handleUpgrade).on('request', hook.handleRequest))));
  },
  'createListener: text lines': async () => echoes((await start()).raw()),
  'createListener: binary lines': async () => echoes((await start()).raw(), Opcode.BINARY),
  'createListener over TLS': async () => {
    const { hook } = makeHook();
    const port = await listen(hook.createListener({ tls: makeCertificate() }));
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    undo.push(() => socket.destroy());
    await echoes(new Raw(socket));
  },
  'net.createServer(hook.accept)': async () => {
    const { hook } = makeHook();
    await echoes(open(await listen(createTcpServer((socket) => hook.accept(socket)))));
  },
  'accept behind the PROXY protocol, and plain IRC on the same port': async () => {
    const { hook, sockets } = makeHook({ proxyRanges: ['loopback'] });
    const plainLines: string[] = [];
    const plain = (socket: Socket): void => void socket.on('data', (chunk) => void plainLines.push(String(chunk)));
    const port = await listen(hook.createListener({ proxyProtocol: true, plain }));
    const header = 'PROXY TCP4 192.0.2.7 192.0.2.1 5555 443\r\n';
    await echoes(open(port, header + request()));
    same(sockets[0]?.remoteAddress, '192.0.2.7');
    open(port, `${header}NICK alice\r\n`);
    await until('plain line', () => plainLines.length > 0);
    same(plainLines.join(''), 'NICK alice\r\n');
  },
  'the ws client: lines both ways, its close': async () => {
    const { port, sockets } = await start();
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, ['text.ircv3.net'], { origin: ORIGIN });
    const lines: string[] = [];
    client.on('message', (data) => void lines.push(String(data)));
    await once(client, 'open');
    client.send('NICK alice');
    await until('echo', () => lines.length === 1);
    same(lines, ['echo NICK alice']);
    client.close(4000, 'bye');
    await until('close', () => sockets[0]?.closeStatus !== null);
    same(sockets[0]?.closeStatus, { code: 4000, reason: 'bye', clean: true });
  },
  'a stranger’s origin is a 403, a plain request the documented 501': async () => {
    const { port } = await start();
    const refused = open(port, request('https://evil.test'));
    await until('answer', () => refused.head !== '');
    same(refused.head.split('\r\n')[0], 'HTTP/1.1 403 Forbidden');
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { Origin: ORIGIN } });
    await answer.text();
    // Where `fetch` does not send an Origin, the answer is 400.
    if (answer.status !== 501 && answer.status !== 400) throw new Error(`status ${answer.status}`);
  },
  'a rejecting authorize, and one that is pending while frames come': async () => {
    let isFirst = true;
    const { raw } = await start({
      authorize: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (isFirst) {
          isFirst = false;
          throw new Error('no');
        }
      },
    });
    const refused = raw();
    await until('answer', () => refused.head !== '');
    same(refused.head.split('\r\n')[0], 'HTTP/1.1 403 Forbidden');
    const client = raw();
    client.socket.write(masked(Opcode.TEXT, 'early'));
    await until('echo', () => client.lines().length === 1);
    same(client.lines(), ['echo early']);
  },
  'pings both ways': async () => {
    const { raw, sockets } = await start({ pingInterval: 50 });
    const client = raw();
    const has = (opcode: Opcode): boolean => client.frames.some((frame) => frame.opcode === opcode);
    await until('native ping', () => has(Opcode.PING));
    client.socket.write(masked(Opcode.PONG, 'irc.example.com'));
    client.socket.write(masked(Opcode.PING, 'x'));
    await until('pong', () => has(Opcode.PONG));
    let trip = -1;
    sockets[0]?.ping((milliseconds) => {
      trip = milliseconds;
    });
    client.socket.write(masked(Opcode.PONG, ''));
    await until('round trip', () => trip >= 0);
  },
  'a silent client is closed: ping timeout': async () => {
    const { raw, sockets } = await start({ pingInterval: 50, pingTimeout: 50 });
    const client = raw();
    await until('Close', () => client.closeCode() !== undefined);
    same(client.closeCode(), 1001);
    await until('end', () => sockets[0]?.closeStatus?.reason.startsWith('Ping timeout') === true);
  },
  'closeWebSocket, the peer’s answer, both FINs': async () => {
    const { raw, sockets, hook } = await start();
    const client = raw();
    await echoes(client);
    sockets[0]?.closeWebSocket(4001, 'K-lined');
    await until('Close', () => client.closeCode() !== undefined);
    same(client.closeCode(), 4001);
    client.socket.write(masked(Opcode.CLOSE, Buffer.of(4001 >> 8, 4001 & 0xff)));
    await until('FIN', () => client.isEnded);
    client.socket.end();
    await until('gone', () => hook.clients.size === 0);
    same(sockets[0]?.closeStatus, { code: 4001, reason: '', clean: true });
  },
  'FIN without Close, and a reset': async () => {
    const { raw, sockets } = await start();
    const [fin, reset] = [raw(), raw()];
    await echoes(fin);
    await echoes(reset);
    fin.socket.end();
    reset.socket.resetAndDestroy();
    await until('both ends', () => sockets.length === 2 && sockets.every(({ closeStatus }) => closeStatus?.code === 1006));
    await until('FIN', () => fin.isEnded);
  },
  'a slow reader: SendQ exceeded': async () => {
    const { raw, sockets } = await start({ sendQueueLimit: 100_000 });
    const client = raw();
    await echoes(client);
    client.socket.pause();
    const socket = sockets[0] as IrcSocket;
    for (let i = 0; i < 20_000 && !socket.destroyed; i++) {
      socket.writeLine('x'.repeat(8_000));
      if (i % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until('close', () => socket.closeStatus !== null);
    same(socket.closeStatus, { code: 1008, reason: 'SendQ exceeded', clean: false });
  },
  'back-pressure: write is false, drain comes': async () => {
    const { raw, sockets } = await start({ sendQueueLimit: 64 * 1024 * 1024 });
    const client = raw();
    await echoes(client);
    client.socket.pause();
    const socket = sockets[0] as IrcSocket;
    let written = 0;
    while (written < 4_000 && socket.write(`${'x'.repeat(8_000)}\r\n`)) {
      written++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (written === 4_000) throw new Error('32 MB were taken, and nobody read them');
    let isDrained = false;
    socket.once('drain', () => {
      isDrained = true;
    });
    client.socket.resume();
    await until('drain', () => isDrained);
  },
  'broadcast to text, binary and TCP': async () => {
    const { raw, sockets } = await start();
    const [text, binary] = [raw(), raw()];
    await echoes(text);
    await echoes(binary, Opcode.BINARY);
    const accepted: Socket[] = [];
    const tcp = connect(await listen(createTcpServer((socket) => void accepted.push(socket))), '127.0.0.1');
    undo.push(() => tcp.destroy());
    let plain = '';
    tcp.on('data', (chunk) => {
      plain += String(chunk);
    });
    await until('TCP client', () => accepted.length === 1);
    broadcast([...sockets, ...accepted], ':a PRIVMSG #b :hi');
    await until('all three', () => text.lines().length === 2 && binary.lines().length === 2 && plain !== '');
    same([text.lines()[1], binary.lines()[1], plain], [':a PRIVMSG #b :hi', ':a PRIVMSG #b :hi', ':a PRIVMSG #b :hi\r\n']);
  },
  'hook.close: 1001 for clients, 503 for newcomers': async () => {
    const { raw, hook } = await start({ closeTimeout: 500 });
    const client = raw();
    await echoes(client);
    const closed = hook.close('Back in a minute');
    const late = raw();
    await until('Close', () => client.closeCode() !== undefined);
    same(client.closeCode(), 1001);
    await until('503', () => late.head !== '');
    same(late.head.split('\r\n')[0], 'HTTP/1.1 503 Service Unavailable');
    await closed;
  },
  'the gateway to an IRC server, with WEBIRC': async () => {
    const heard: string[] = [];
    const port = await listen(
      createTcpServer((socket) => {
        socket.write(':irc.example.com NOTICE * :hello\r\n');
        socket.on('data', (chunk) => void heard.push(String(chunk)));
      }),
    );
    const gateway = createIrcGateway({
      hook: { origins: [ORIGIN] },
      upstreams: [{ host: '127.0.0.1', port, webirc: { password: 'secret', gateway: 'web' } }],
    });
    undo.push(() => void gateway.close());
    const client = open(await listen(gateway.createListener()));
    await until('the server’s line', () => client.lines().length === 1);
    client.socket.write(masked(Opcode.TEXT, 'NICK alice'));
    await until('the client’s line', () => heard.join('').includes('NICK alice\r\n'));
    if (!heard.join('').startsWith('WEBIRC secret web ')) throw new Error(heard.join(''));
  },
};

for (const [check, run] of Object.entries(CHECKS)) {
  let error: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      run(),
      new Promise((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error('took too long')), 2 * LIMIT);
      }),
    ]);
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
  }
  clearTimeout(timer);
  console.log(JSON.stringify({ check, error }));
  for (const step of undo.splice(0).reverse()) step();
}
console.log(JSON.stringify({ check: 'end', error: null }));
process.exit(0);
