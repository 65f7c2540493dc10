/**
 * `npm run soak:lost-network -- [--clients 10000] [--losses 3]`: all clients lose their network in the same second, and come back.
 *
 * The server (this file with `server` as its argument) says a numbered line to everybody, up to ten times a second, and answers each line. Every client checks that each line
 * reaches it once and in order, and that each of its own is answered once and in order, over all losses. Exit status 1 where a line is missing, twice or out of order,
 * or where the server saw a client leave.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { broadcast, createWebSocketHook, type IrcClient } from 'ircd-websocket';
import { encodeFrame, Opcode, WebSocketSession } from 'ircd-websocket/protocol';

/** What the server says of itself. */
interface ServerLook {
  readonly type: 'look';
  /** Microseconds of processor time since it began. */
  readonly cpu: number;
  readonly heap: number;
  readonly said: number;
  readonly left: number;
  readonly suspended: number;
  readonly resumed: number;
}

function serve(): void {
  const clients = new Set<IrcClient>();
  let said = 0;
  let left = 0;
  const hook = createWebSocketHook({
    origins: ['http://load.example'],
    onClient: (client) => {
      clients.add(client);
      client.onLine((line) => client.writeLine(`answer ${line}`));
      client.onClose(() => {
        left++;
        clients.delete(client);
      });
    },
  });
  setInterval(() => broadcast(clients, `said ${said++}`), Number(process.argv[3]));
  const server = hook.createListener();
  server.listen(0, '0.0.0.0', 8_192, () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.on('message', () => {
    (globalThis as { gc?: () => void }).gc?.();
    const { user, system } = process.cpuUsage();
    const { suspended, resumed } = hook.stats();
    const heap = process.memoryUsage().heapUsed;
    process.send?.({ type: 'look', cpu: user + system, heap, said, left, suspended, resumed } satisfies ServerLook);
  });
  process.on('disconnect', () => process.exit());
}

/** One page, as docs/resume.md has it. */
class Page {
  /** What is wrong, in words. */
  static readonly broken: string[] = [];
  readonly #port: number;
  readonly #index: number;
  #socket: Socket | null = null;
  #token = '';
  #attempt = 0;
  #received = 0;
  #nextSaid = -1;
  /** Lines of its own: how many were said, the first that the server has not acknowledged, how many were answered. */
  #said = 0;
  #acknowledged = 0;
  #answered = 0;
  isOpen = false;

  constructor(port: number, index: number) {
    this.#port = port;
    this.#index = index;
  }

  /** Connects, or connects again. Resolves when the server has let it in. */
  async connect(): Promise<void> {
    const claim = this.#token === '' ? '' : `, v1.session.${this.#token}.${this.#received}.${++this.#attempt}`;
    const socket = connect({ port: this.#port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (this.#index % 8)}` });
    this.#socket = socket;
    socket.on('error', () => {});
    const session = this.#session();
    let head = '';
    socket.on('data', (chunk: Buffer) => {
      if (head.endsWith('\r\n\r\n')) {
        session.receive(chunk);
        return;
      }
      const end = chunk.indexOf('\r\n\r\n');
      if (end < 0) throw new Error(`an answer in two parts: ${chunk.toString('latin1')}`);
      head = chunk.toString('latin1', 0, end + 4);
      if (!head.startsWith('HTTP/1.1 101')) Page.broken.push(`client ${this.#index}: ${head}`);
      session.receive(chunk.subarray(end + 4));
    });
    await once(socket, 'connect');
    socket.write(
      `GET / HTTP/1.1\r\nHost: load.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://load.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: text.ircv3.net, v1.resume.ircd-websocket${claim}\r\n\r\n`,
    );
    while (!this.isOpen) await sleep(5);
  }

  lose(): void {
    this.isOpen = false;
    this.#socket?.resetAndDestroy();
  }

  say(): void {
    this.#send(Opcode.TEXT, `${this.#said++}`);
  }

  acknowledge(): void {
    if (this.isOpen) this.#send(Opcode.BINARY, `ack ${this.#received}`);
  }

  get isAnswered(): boolean {
    return this.#answered === this.#said;
  }

  #send(opcode: Opcode, text: string): void {
    if (this.isOpen) this.#socket?.write(encodeFrame(opcode, Buffer.from(text), { maskKey: Uint8Array.of(1, 2, 3, 4) }));
  }

  #session(): WebSocketSession {
    return new WebSocketSession(
      { maxMessageSize: 1_048_576, maxFragments: 1 },
      {
        write: () => {},
        message: (bytes, isText) => (isText ? this.#line(bytes.toString()) : this.#control(bytes.toString().split(' '))),
        closed: (code, reason) => {
          if (this.isOpen || code !== 1006) Page.broken.push(`client ${this.#index}: closed, ${code} ${reason}`);
        },
      },
      { maskKey: () => Uint8Array.of(1, 2, 3, 4) },
    );
  }

  #control([word, first, second, third]: readonly (string | undefined)[]): void {
    if (word === 'ack') {
      this.#acknowledged = Number(first);
      return;
    }
    this.isOpen = true;
    this.#token = (word === 'session' ? second : third) as string;
    this.acknowledge();
    if (word !== 'resumed') return;
    this.#acknowledged = Number(first);
    for (let i = this.#acknowledged; i < this.#said; i++) this.#send(Opcode.TEXT, `${i}`);
  }

  #line(line: string): void {
    this.#received++;
    const [kind, what, number] = line.split(' ') as [string, string, string | undefined];
    if (kind === 'said') {
      if (this.#nextSaid !== -1 && Number(what) !== this.#nextSaid)
        Page.broken.push(`client ${this.#index}: ${line} for ${this.#nextSaid}`);
      this.#nextSaid = Number(what) + 1;
    } else {
      if (number !== undefined || Number(what) !== this.#answered)
        Page.broken.push(`client ${this.#index}: ${line} for ${this.#answered}`);
      this.#answered++;
    }
  }
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { clients: { type: 'string', default: '10000' }, losses: { type: 'string', default: '3' } },
  });
  const [clients, losses] = [Number(values.clients), Number(values.losses)];
  // Ten thousand lines to clients in a second, and two hundred from them, however many clients there are.
  const everyMs = Math.max(100, clients / 10);
  const talkative = Math.min(0.02, 20 / clients);
  const server = fork(fileURLToPath(import.meta.url), ['server', String(everyMs)], { execArgv: ['--expose-gc'] });
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const pages = Array.from({ length: clients }, (_, index) => new Page(port, index));
  await inTurns(pages, (page) => page.connect());
  const talk = setInterval(() => {
    for (const page of pages) if (Math.random() < talkative) page.say();
  }, 100);
  const acks = setInterval(() => {
    for (const page of pages) page.acknowledge();
  }, 4_000);
  const first = await look(server);
  for (let loss = 1; loss <= losses; loss++) {
    await sleep(3_000);
    const before = await look(server);
    const beganAt = performance.now();
    for (const page of pages) page.lose();
    const away = await lookWhen(server, ({ suspended }) => suspended === clients);
    await inTurns(pages, (page) => page.connect());
    const seconds = ((performance.now() - beganAt) / 1_000).toFixed(1);
    const after = await look(server);
    console.log(
      `loss ${loss}: ${away.suspended} suspended, all ${clients} back after ${seconds} s; server: ${((after.cpu - before.cpu) / 1e6).toFixed(2)} s of processor time, ` +
        `heap ${mebibytes(before)} before, ${mebibytes(away)} while they were away, ${mebibytes(after)} after`,
    );
  }
  clearInterval(talk);
  await sleep(1_000);
  for (let tries = 0; tries < 200 && !pages.every((page) => page.isAnswered); tries++) await sleep(50);
  clearInterval(acks);
  const last = await look(server);
  if (!pages.every((page) => page.isAnswered)) Page.broken.push('some lines were never answered');
  if (last.left > 0) Page.broken.push(`the server saw ${last.left} clients leave`);
  if (last.resumed < clients * losses) Page.broken.push(`${last.resumed} came back, of ${clients * losses}`);
  console.log(`${last.said - first.said} lines to each of ${clients} clients; ${Page.broken.length} promises broken`);
  for (const broken of Page.broken.slice(0, 20)) console.log(broken);
  server.kill('SIGKILL');
  process.exit(Page.broken.length === 0 ? 0 : 1);
}

/** Two hundred at a time: the backlog is finite. */
async function inTurns(pages: readonly Page[], turn: (page: Page) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < pages.length) await turn(pages[next++] as Page);
  };
  await Promise.all(Array.from({ length: 200 }, worker));
}

/** Looks until `condition` holds: a busy machine takes its time. */
async function lookWhen(server: ChildProcess, condition: (look: ServerLook) => boolean): Promise<ServerLook> {
  for (let tries = 0; ; tries++) {
    const seen = await look(server);
    if (condition(seen) || tries > 500) return seen;
    await sleep(50);
  }
}

async function look(server: ChildProcess): Promise<ServerLook> {
  server.send('look');
  const [message] = (await once(server, 'message')) as [ServerLook];
  return message;
}

function mebibytes({ heap }: ServerLook): string {
  return `${(heap / 1_048_576).toFixed(1)} MiB`;
}

if (process.argv[2] === 'server') serve();
else await run();
