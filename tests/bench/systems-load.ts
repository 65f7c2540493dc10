/**
 * The load of `systems.ts`, a process of its own: `systems-load.js web|plain chat|fan MEMBERS`.
 *
 * In: `join`, which brings all members into one channel; `say`, with a number of lines. Out: an answer for each, when everybody has got everything: how many lines came.
 * In a `chat` everybody says a line, and the next when it has got one from each of the others. In a `fan`-out one member speaks at a time, in turn.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame, Opcode } from 'ircd-websocket/protocol';
import { ServerFrames } from './server-frames.ts';

const [, , door, kind, membersText] = process.argv as [string, string, 'web' | 'plain', 'chat' | 'fan', string];
const count = Number(membersText);
const isWeb = door === 'web';

const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: bench.example',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Origin: http://bench.example',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');
const MASK_KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const encode = (line: string): Buffer =>
  isWeb ? encodeFrame(Opcode.TEXT, Buffer.from(line), { maskKey: MASK_KEY }) : Buffer.from(`${line}\r\n`);

const LINE = encode(`PRIVMSG #bench :${'the quick brown fox jumps over the lazy dog '.repeat(2).slice(0, 64)}`);

class Member {
  readonly socket: Socket;
  received = 0;
  onLines: () => void = () => {};
  readonly #frames = new ServerFrames(() => {});
  #isOpen = !isWeb;

  constructor(port: number, name: string) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', (error) => {
      throw error;
    });
    this.socket.on('close', () => {
      throw new Error(`${name} was sent away`);
    });
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk));
    if (isWeb) this.socket.write(UPGRADE);
    else this.#register(name);
    this.#name = name;
  }

  readonly #name: string;

  say(): void {
    this.socket.write(LINE);
  }

  #register(name: string): void {
    for (const line of [`NICK ${name}`, `USER ${name} 0 * :Bench`]) this.socket.write(encode(line));
  }

  #read(chunk: Buffer): void {
    let bytes = chunk;
    if (!this.#isOpen) {
      const end = chunk.indexOf('\r\n\r\n');
      if (end === -1 || !chunk.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) throw new Error(chunk.toString('latin1'));
      this.#isOpen = true;
      this.#register(this.#name);
      bytes = chunk.subarray(end + 4);
    }
    const before = this.received;
    if (isWeb) {
      this.#frames.textBytes(bytes);
      this.received = this.#frames.received;
    } else {
      for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) this.received++;
    }
    if (this.received !== before) this.onLines();
  }
}

const members: Member[] = [];
const total = (): number => members.reduce((sum, { received }) => sum + received, 0);

/** Waits until nothing comes any more. */
async function settle(): Promise<void> {
  for (let before = -1, now = 0; before !== now; now = total()) {
    before = now;
    await sleep(500);
  }
}

async function join(port: number): Promise<void> {
  while (members.length < count) {
    const some = Array.from(
      { length: Math.min(250, count - members.length) },
      (_, i) => new Member(port, `b${members.length + i}`),
    );
    members.push(...some);
    // InspIRCd looks once a second who has registered.
    await Promise.all(some.map(greeted));
    for (const member of some) member.socket.write(encode('JOIN #bench'));
    await settle();
  }
}

function greeted(member: Member): Promise<void> {
  return new Promise((resolve) => {
    member.onLines = () => {
      if (member.received < 4) return;
      member.onLines = () => {};
      resolve();
    };
  });
}

/** Resolves when all lines have come; `lines` is a multiple of the members in a chat. */
async function say(lines: number): Promise<number> {
  const before = total();
  await (kind === 'chat' ? chat(lines / count) : fanOut(lines));
  return total() - before;
}

function chat(linesEach: number): Promise<void> {
  return new Promise((resolve) => {
    let behind = count;
    for (const member of members) {
      const start = member.received;
      let said = 1;
      member.onLines = () => {
        for (; said < linesEach && member.received - start >= said * (count - 1); said++) member.say();
        if (member.received - start !== linesEach * (count - 1)) return;
        member.onLines = () => {};
        if (--behind === 0) resolve();
      };
    }
    for (const member of members) member.say();
  });
}

async function fanOut(lines: number): Promise<void> {
  for (let i = 0; i < lines; i++) {
    const speaker = members[i % count] as Member;
    await new Promise<void>((resolve) => {
      let behind = count - 1;
      for (const member of members) {
        member.onLines = () => {
          if (--behind === 0) resolve();
        };
      }
      speaker.say();
    });
  }
}

process.on('message', (message: { type: 'join'; port: number } | { type: 'say'; lines: number }) => {
  const done = message.type === 'join' ? join(message.port) : say(message.lines);
  void done.then((received) => process.send?.(received ?? 0));
});
process.on('disconnect', () => process.exit());
