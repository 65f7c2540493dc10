/**
 * A client as the server of the model has it: what it wrote, what it read, what became of both.
 *
 * In: steps. Out: two texts to compare with what the peer has. It knows the public API alone.
 */
import { StringDecoder } from 'node:string_decoder';
import { broadcast, type CloseStatus, type IrcClient, type IrcSocket } from '../../src/index.ts';
import type { LAST_ACTS, LINE_ACTS, Place, Step } from './steps.ts';

/** Thrown by the model's own listeners. */
export class Fault extends Error {}

/** What the model knows of a client, whichever face the server has of it. */
export interface Served {
  /** What came in, whichever way it came; lines end by CR LF. */
  readonly input: string;
  /** Whole lines that were written. */
  readonly lines: readonly string[];
  /** What was written behind the last LF. */
  readonly rest: string;
  readonly closes: number;
  readonly ends: number;
  readonly errors: readonly string[];
  /** Callbacks of writes that were not called yet. */
  readonly owed: number;
  /** Whether something may be lost: the client was ended by force, or by a fault. */
  isHarsh: boolean;
  /** Whether the server has begun to end it: what the peer still says may be dropped. */
  isLeaving: boolean;
  readonly mayFail: boolean;
  /** How many of its listeners have thrown. */
  readonly faults: number;
  readonly closeStatus: CloseStatus | null;
  readonly isGone: boolean;
  /** What the hook gave the server. */
  readonly face: object;
  act(step: Step): void;
  /** Reads and writes all that there is, from now on. */
  readOn(): void;
  end(): void;
}

export class ServedSocket implements Served {
  readonly socket: IrcSocket;
  /** What came in, whichever way it came; lines end by CR LF. */
  input = '';
  /** Whole lines that were written. */
  readonly lines: string[] = [];
  /** What was written behind the last LF. */
  rest = '';
  closes = 0;
  ends = 0;
  readonly errors: string[] = [];
  /** Callbacks of writes that were not called yet. */
  owed = 0;
  /** Whether something may be lost: the client was ended by force, or by a fault. */
  isHarsh = false;
  /** Whether the server has begun to end it: what the peer still says may be dropped. */
  isLeaving = false;
  mayFail = false;
  /** How many of its listeners have thrown. */
  faults = 0;
  readonly #armed = new Set<Place>();
  #hasData = false;
  #hasLines = false;
  #count = 0;
  #inEnd: (typeof LAST_ACTS)[number] | null = null;
  #inLine: (typeof LINE_ACTS)[number] | null = null;
  readonly #decoder = new StringDecoder('utf8');

  constructor(socket: IrcSocket) {
    this.socket = socket;
    socket.on('close', () => {
      this.closes++;
      this.#mayThrow('close');
    });
    socket.on('end', () => {
      this.ends++;
      if (this.#inEnd !== null) this.last(this.#inEnd);
      this.#mayThrow('end');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => void this.errors.push(error.code ?? error.message));
    socket.on('drain', () => this.#mayThrow('drain'));
    socket.on('timeout', () => this.#mayThrow('timeout'));
  }

  /** Whether what the server writes now should arrive. */
  get canWrite(): boolean {
    return this.socket.writable && this.socket.closeStatus === null && !this.socket.destroyed;
  }

  /** All that was written, as lines: what `end()` makes of the rest included. */
  nextLine(): string {
    return `S${++this.#count} ${'.'.repeat(this.#count % 7)}`;
  }

  write(text: string, how: 'string' | 'Buffer' | 'callback' = 'string'): void {
    if (!this.canWrite) return;
    const parts = (this.rest + text).split('\r\n');
    this.rest = parts.pop() as string;
    this.lines.push(...parts);
    if (how === 'string') this.socket.write(text);
    else if (how === 'Buffer') this.socket.write(Buffer.from(text));
    else {
      this.owed++;
      this.socket.write(text, () => {
        this.owed--;
        this.#mayThrow('written');
      });
    }
  }

  writeLines(count: number, how: 'writeLine' | 'broadcast'): void {
    if (!this.canWrite) return;
    const lines = Array.from({ length: count }, () => this.nextLine());
    this.lines.push(...lines);
    if (how === 'writeLine') this.socket.writeLine(lines.join('\r\n'));
    else for (const line of lines) broadcast([this.socket], line);
  }

  throwIn(place: Place): void {
    this.#armed.add(place);
    if (place === 'pong') this.socket.ping(() => this.#mayThrow('pong'));
    if (place === 'timeout') this.socket.setTimeout(5);
  }

  actInEnd(act: (typeof LAST_ACTS)[number]): void {
    this.#inEnd = act;
  }

  actInLine(act: (typeof LINE_ACTS)[number]): void {
    this.#inLine = act;
  }

  /** Ends the client. */
  last(act: (typeof LAST_ACTS)[number]): void {
    const { socket } = this;
    if (act === 'write') {
      if (this.canWrite) this.write(`${this.nextLine()}\r\n`);
      return;
    }
    this.isLeaving = true;
    if (act === 'end' || act === 'closeWebSocket' || act === 'end with a line') {
      if (act === 'end with a line' && this.canWrite) this.rest += 'the last';
      if (this.canWrite && this.rest !== '') {
        this.lines.push(this.rest);
        this.rest = '';
      }
    } else this.isHarsh = true;
    if (act === 'end') socket.end();
    // As on any stream, it is an error to write behind the end.
    else if (act === 'end with a line') this.canWrite ? socket.end('the last') : socket.end();
    else if (act === 'destroy') socket.destroy();
    else if (act === 'destroySoon') socket.destroySoon();
    else if (act === 'resetAndDestroy') socket.resetAndDestroy();
    else socket.closeWebSocket(4_000, 'of the model');
  }

  onLine(encoding: 'utf8' | 'latin1' | 'buffer' | null): void {
    // Back to 'data': somebody has to take it.
    if (encoding === null) {
      this.listen();
      this.socket.onLine(null);
      this.#hasLines = false;
      return;
    }
    this.#hasLines = true;
    // A server that changes over: what its stream holds already is lines, too.
    this.socket.off('data', this.#take);
    this.#hasData = false;
    if (encoding === 'buffer') this.socket.onLine((line: Buffer) => this.#takeLine(line.toString()), 'buffer');
    else
      this.socket.onLine(
        (line: string) => this.#takeLine(encoding === 'latin1' ? Buffer.from(line, 'latin1').toString() : line),
        encoding,
      );
  }

  listen(): void {
    if (this.#hasData) return;
    this.#hasData = true;
    this.socket.on('data', this.#take);
  }

  stopListening(): void {
    // What flows with no listener is lost, on any stream.
    if (!this.#hasLines) this.socket.pause();
    this.socket.off('data', this.#take);
    this.#hasData = false;
  }

  listenReadable(): void {
    this.socket.on('readable', () => {
      this.#mayThrow('readable');
      for (let data = this.socket.read(); data !== null; data = this.socket.read()) if (!this.#hasData) this.#take(data);
    });
  }

  resume(): void {
    if (!this.#hasLines) this.listen();
    this.socket.resume();
  }

  get closeStatus(): CloseStatus | null {
    return this.socket.closeStatus;
  }

  get isGone(): boolean {
    return this.socket.destroyed;
  }

  get face(): object {
    return this.socket;
  }

  end(): void {
    this.socket.end();
  }

  act(step: Step): void {
    const { socket } = this;
    switch (step.do) {
      case 'write a line':
        return this.write(`${this.nextLine()}\r\n`);
      case 'write a line with a callback':
        return this.write(`${this.nextLine()}\r\n`, 'callback');
      case 'write half a line':
        return this.write('half ');
      case 'write a Buffer':
        return this.write(`${this.nextLine()}\r\n`, 'Buffer');
      case 'write lines':
        for (let i = 0; i < step.count; i++) this.write(`${this.nextLine()}\r\n`);
        return undefined;
      case 'write much':
        for (let i = 0; i < 6; i++) this.write(`${this.nextLine()}${'w'.repeat(60_000)}\r\n`, 'callback');
        return undefined;
      case 'write a thousand lines':
        for (let i = 0; i < 1_000; i++) this.write(`${this.nextLine()}\r\n`);
        return undefined;
      case 'writeLine':
        return this.writeLines(1, 'writeLine');
      case 'writeLine of two lines':
        return this.writeLines(2, 'writeLine');
      case 'broadcast':
        return this.writeLines(1, 'broadcast');
      case 'cork':
        return void socket.cork();
      case 'uncork':
        return void socket.uncork();
      case 'pause':
        return void socket.pause();
      case 'resume':
        return this.resume();
      case 'onLine':
        return this.onLine('utf8');
      case 'onLine latin1':
        return this.onLine('latin1');
      case 'onLine buffer':
        return this.onLine('buffer');
      case 'onLine null':
        return this.onLine(null);
      case "listen for 'data'":
        return this.listen();
      case "stop listening for 'data'":
        return this.stopListening();
      case "listen for 'readable'":
        return this.listenReadable();
      case 'setEncoding':
        return void socket.setEncoding('utf8');
      case 'ping':
        return void socket.ping(() => {});
      case 'setTimeout':
        return void socket.setTimeout(10_000, () => {});
      case 'setTimeout off':
        return void socket.setTimeout(0);
      case 'look':
        return look(socket);
      case 'throw':
        return this.throwIn(step.where);
      case "act in 'end'":
        return this.actInEnd(step.act);
      case 'act in a line':
        return this.actInLine(step.act);
      case 'destroy with an error':
        this.mayFail = true;
        this.isHarsh = true;
        return void socket.destroy(new Error('of the server'));
      case 'write after end':
        if (!socket.writableEnded) return undefined;
        this.mayFail = true;
        this.isHarsh = true;
        return void socket.write('too late\r\n');
      case 'closeWebSocket twice':
        this.last('closeWebSocket');
        return socket.closeWebSocket(4_001, 'again');
      case 'end':
      case 'end with a line':
      case 'destroy':
      case 'destroySoon':
      case 'resetAndDestroy':
      case 'closeWebSocket':
      case 'write':
        return this.last(step.do);
      default:
        throw new Error(`no such step: ${step.do}`);
    }
  }

  readOn(): void {
    this.#inLine = null;
    for (let i = 0; i < 20; i++) this.socket.uncork();
    if (!this.#hasLines) {
      if (this.socket.listenerCount('readable') > 0) this.socket.removeAllListeners('readable');
      this.listen();
    }
    this.socket.resume();
  }

  readonly #take = (chunk: Buffer | string): void => {
    this.input += typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
    this.#acted();
    this.#mayThrow('data');
  };

  #takeLine(line: string): void {
    this.input += `${line}\r\n`;
    this.#acted();
    this.#mayThrow('line');
  }

  #acted(): void {
    const act = this.#inLine;
    this.#inLine = null;
    if (act === null) return;
    if (act === 'go back to data') this.onLine(null);
    else if (act === 'read lines') this.onLine('utf8');
    else if (act === 'pause') this.socket.pause();
    else if (act === 'pause, and resume soon') {
      this.socket.pause();
      setImmediate(() => this.resume());
    } else this.last(act);
  }

  #mayThrow(place: Place): void {
    if (!this.#armed.delete(place)) return;
    this.faults++;
    this.isHarsh = true;
    throw new Fault(place);
  }
}

/** Whatever a server may look at can be looked at, at any time. */
function look(socket: IrcSocket): void {
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(socket) as object)) void (socket as never)[name];
  for (const name of [
    'readyState',
    'bufferSize',
    'writableLength',
    'readableLength',
    'remoteAddress',
    'closeStatus',
    'websocket',
  ])
    void (socket as never)[name];
  socket.address();
}

/** A client of lines. Steps that it has no word for are the nearest that it has. */
export class ServedLines implements Served {
  readonly client: IrcClient;
  input = '';
  readonly lines: string[] = [];
  readonly rest = '';
  closes = 0;
  readonly ends = 0;
  readonly errors: readonly string[] = [];
  readonly owed = 0;
  isHarsh = false;
  isLeaving = false;
  readonly mayFail = false;
  faults = 0;
  #count = 0;
  #inLine: (typeof LINE_ACTS)[number] | null = null;
  readonly #armed = new Set<Place>();

  constructor(client: IrcClient) {
    this.client = client;
    client.onClose(() => {
      this.closes++;
      this.#mayThrow('close');
    });
    client.onDrain(() => this.#mayThrow('drain'));
  }

  get closeStatus(): CloseStatus | null {
    return this.client.closeStatus;
  }

  get face(): object {
    return this.client;
  }

  get isGone(): boolean {
    return this.client.closeStatus !== null && !this.client.writable;
  }

  readOn(): void {
    this.#inLine = null;
    this.#listen('utf8');
  }

  end(): void {
    this.client.close();
  }

  act(step: Step): void {
    const { client } = this;
    switch (step.do) {
      case 'write a line':
      case 'write a line with a callback':
      case 'write half a line':
      case 'write a Buffer':
      case 'writeLine':
      case 'write':
        return this.#write(1);
      case 'write lines':
        return this.#write(step.count);
      case 'writeLine of two lines':
        return this.#write(2);
      case 'broadcast':
        return this.#write(1, 'broadcast');
      case 'write a thousand lines':
        return this.#write(1_000);
      case 'write much':
        return this.#write(6, 'much');
      case 'pause':
        return void client.pause();
      case 'resume':
        return void client.resume();
      case "listen for 'data'":
      case 'onLine':
        return this.#listen('utf8');
      case 'onLine latin1':
        return this.#listen('latin1');
      case 'onLine buffer':
        return this.#listen('buffer');
      case "stop listening for 'data'":
      case 'onLine null':
        return void client.onLine(null);
      case 'ping':
        return void client.ping(() => {});
      case 'look':
        return void [client.facts, client.writable, client.queuedSize, client.closeStatus];
      case 'throw':
        this.#armed.add(step.where);
        if (step.where === 'pong') client.ping(() => this.#mayThrow('pong'));
        return undefined;
      case 'act in a line':
        this.#inLine = step.act;
        return undefined;
      case 'end':
      case 'end with a line':
      case 'destroySoon':
      case 'closeWebSocket':
      case 'resetAndDestroy':
      case 'destroy':
        return this.#last(step.do);
      case 'closeWebSocket twice':
        this.#last('closeWebSocket');
        return client.close(4_001, 'again');
      case 'destroy with an error':
        return this.#last('destroy');
      default:
        return undefined;
    }
  }

  #last(act: (typeof LAST_ACTS)[number]): void {
    this.isLeaving = true;
    if (act === 'destroy' || act === 'resetAndDestroy') {
      this.isHarsh = true;
      this.client.destroy();
    } else this.client.close(4_000, 'of the model');
  }

  #write(count: number, how: 'line' | 'broadcast' | 'much' = 'line'): void {
    if (!this.client.writable) return;
    for (let i = 0; i < count; i++) {
      const line = `S${++this.#count} ${how === 'much' ? 'w'.repeat(60_000) : ''}`;
      this.lines.push(line);
      if (how === 'broadcast') broadcast([this.client], line);
      else this.client.writeLine(line);
    }
  }

  #listen(encoding: 'utf8' | 'latin1' | 'buffer'): void {
    if (encoding === 'buffer') this.client.onLine((line: Buffer) => this.#take(line.toString()), 'buffer');
    else if (encoding === 'utf8') this.client.onLine((line) => this.#take(line));
    else this.client.onLine((line) => this.#take(Buffer.from(line, 'latin1').toString()), 'latin1');
    this.client.resume();
  }

  #take(line: string): void {
    this.input += `${line}\r\n`;
    const act = this.#inLine;
    this.#inLine = null;
    if (act === 'go back to data') this.client.onLine(null);
    else if (act === 'pause') this.client.pause();
    else if (act === 'pause, and resume soon') {
      this.client.pause();
      setImmediate(() => this.client.resume());
    } else if (act === 'read lines') this.#listen('buffer');
    else if (act === 'write') this.#write(1);
    else if (act !== null) this.#last(act);
    this.#mayThrow('line');
  }

  #mayThrow(place: Place): void {
    if (!this.#armed.delete(place)) return;
    this.faults++;
    this.isHarsh = true;
    throw new Fault(place);
  }
}
