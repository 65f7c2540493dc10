/**
 * A peer that comes back: the page's half of docs/resume.md, on the wire.
 *
 * In: steps. Out: the lines that it heard over all its transports, and what was wrong on any of them. Like {@link WirePeer} it
 * shares no code with the library.
 */
import type { Socket } from 'node:net';
import { Op, type Place, request, WirePeer, wireFrame } from '../helpers/wire.ts';
import { turns } from '../helpers/world.ts';
import type { LOSSES, RETURNS, VAIN_CLAIMS } from './steps.ts';

const RESUME = 'v1.resume.ircd-websocket';
const OFFER = `text.ircv3.net, ${RESUME}`;
const SESSION = /^session (\d+) ([\w-]+\.[\w-]{11}\.[\w-]{32})$/;
const RESUMED = /^resumed (\d+) (\d+) ([\w-]+\.[\w-]{11}\.[\w-]{32})$/;
const ACK = /^ack (\d+)$/;

const control = (text: string): Buffer => wireFrame(Op.BINARY, text);

/** A peer of one session, over one transport after the other. */
export class Wanderer {
  readonly lines: string[] = [];
  /** Milliseconds, as the server said. */
  window = 0;
  /** Whether a good claim was refused: the session is over. */
  isRefused = false;
  /** Whether it may be refused: the server's client is gone, or on its way. */
  mayBeRefused: () => boolean = () => false;
  /** Whether it has said what is wrong: counts may then be anything. */
  hasGarbled = false;
  readonly #place: Place;
  readonly #url: string;
  readonly #transports: WirePeer[] = [];
  readonly #own: string[] = [];
  /** The transport whose messages count. */
  #transport!: WirePeer;
  #isAttached = false;
  #token: string | null = null;
  /** Tokens older than one that the server has seen since. */
  readonly #dead: string[] = [];
  /** The token of the last claim that was answered. */
  #shown: string | null = null;
  /** Transports on which the session, or its resumption, was announced. */
  readonly #answered = new WeakSet<WirePeer>();
  #attempt = 0;
  /** The highest attempt that the server has answered, and the count that came with it. */
  #answeredAttempt = 0;
  #answeredCount = 0;
  #withholdsAck = false;
  /** How many `ack` have come. */
  #answers = 0;
  /** What the server has not acknowledged, as frames; one each. */
  readonly #unacknowledged: Buffer[] = [];
  #acknowledged = 0;

  private constructor(place: Place, url: string) {
    this.#place = place;
    this.#url = url;
  }

  /** Connects, and waits for the session or a refusal. */
  static async open(place: Place, url: string): Promise<Wanderer> {
    const wanderer = new Wanderer(place, url);
    const transport = await wanderer.#connect();
    wanderer.#listen(transport);
    transport.send(Buffer.from(request(url, { protocols: OFFER })));
    await transport.until(() => wanderer.#token !== null || isOver(transport));
    return wanderer;
  }

  // What a WirePeer has, too.

  get problems(): readonly string[] {
    return [...this.#own, ...this.#transports.flatMap(({ problems }) => problems)];
  }

  get socket(): Socket {
    return this.#transport.socket;
  }

  get sockets(): readonly Socket[] {
    return this.#transports.map(({ socket }) => socket);
  }

  get isPolite(): boolean {
    return this.#transport.isPolite;
  }

  set isPolite(isPolite: boolean) {
    for (const transport of isPolite ? this.#transports : [this.#transport]) transport.isPolite = isPolite;
  }

  /** Whether what it sends now goes to the server. */
  get canSend(): boolean {
    return this.#isAttached && !isOver(this.#transport);
  }

  /** Sends what is no message; without a transport it is nothing. */
  send(bytes: Uint8Array): void {
    if (this.canSend) this.#transport.send(bytes);
  }

  /** Sends messages, one frame or several fragments each: now, and again until they have arrived. */
  tell(...messages: readonly Buffer[]): void {
    this.#unacknowledged.push(...messages);
    this.send(Buffer.concat(messages));
  }

  async tellInParts(message: Buffer, cut: number): Promise<void> {
    this.#unacknowledged.push(message);
    if (this.canSend) await this.#transport.tellInParts(message, cut);
  }

  close(code?: number, reason?: string): void {
    if (this.canSend) this.#transport.close(code, reason);
  }

  /** Whether its last transport is gone, or it has none any more. */
  get hasEnded(): boolean {
    return isOver(this.#transport);
  }

  // What only this one has.

  /** Whether it has a session, or had one. */
  get isIn(): boolean {
    return this.#token !== null;
  }

  acknowledge(count = this.lines.length): void {
    this.send(control(`ack ${count}`));
  }

  /** Asks what the server has. Returns `false` where the transport ends before it says so. */
  async ask(): Promise<boolean> {
    const transport = this.#transport;
    const before = this.#answers;
    this.send(control('ping'));
    await transport.until(() => this.#answers > before || isOver(transport) || !this.canSend);
    return this.#answers > before;
  }

  lose(how: (typeof LOSSES)[number]): void {
    if (!this.canSend) return;
    const transport = this.#transport;
    this.#isAttached = false;
    if (how === 'RST') transport.reset();
    else if (how === 'silence') transport.socket.pause();
    else {
      if (how === 'FIN within a frame') transport.send(wireFrame(Op.TEXT, 'never whole').subarray(0, 9));
      else if (how !== 'FIN') transport.close(Number(how));
      transport.socket.end();
    }
  }

  /** Claims the session. What still comes on an older transport does not count from now on. */
  async comeBack(how: (typeof RETURNS)[number], after: number): Promise<void> {
    if (this.#token === null || this.isRefused) return;
    this.#isAttached = false;
    const claim = (): Buffer => {
      this.#attempt++;
      return this.#claim(`${this.#token}.${this.lines.length}.${this.#attempt}`);
    };
    const transport = await this.#connect();
    if (how === 'answer lost') {
      transport.onMessage = () => {};
      transport.send(claim());
      await turns(after);
      transport.reset();
      return;
    }
    let current = transport;
    if (how === 'twice') {
      current = await this.#connect();
      transport.onMessage = () => {};
      transport.send(claim());
      await turns(after);
    }
    this.#withholdsAck = how === 'ack lost';
    const [attempt, count, token] = [this.#attempt + 1, this.lines.length, this.#token];
    this.#listen(current);
    current.send(claim());
    await current.until(() => this.#isAttached || isOver(current));
    if (!this.#isAttached) {
      this.#refused(current);
      return;
    }
    this.#answeredAttempt = attempt;
    this.#answeredCount = count;
    // The claim acknowledged the token that it showed.
    if (this.#shown !== null && token !== this.#shown) this.#dead.push(this.#shown);
    this.#shown = token;
    if (how === 'ack lost') {
      this.#isAttached = false;
      await turns(after);
      current.reset();
    }
  }

  /** Makes a claim that is to be refused. */
  async claimInVain(how: (typeof VAIN_CLAIMS)[number]): Promise<void> {
    const claim = this.#vainClaim(how);
    if (claim === null || this.isRefused) return;
    const transport = await this.#connect();
    let answer = '';
    transport.onMessage = (text) => {
      answer ||= text;
    };
    transport.send(claim);
    await transport.until(() => answer !== '' || isOver(transport));
    if (answer !== '') this.#own.push(`an answer to a claim in vain, ${how}: ${answer}`);
    else if (transport.isIn && transport.closeFrame !== null && transport.closeFrame.code !== 4900)
      this.#own.push(`Close ${transport.closeFrame.code} for a claim in vain, ${how}`);
  }

  #vainClaim(how: (typeof VAIN_CLAIMS)[number]): Buffer | null {
    const token = this.#token;
    if (token === null) return null;
    const [node, id, secret] = token.split('.') as [string, string, string];
    const count = this.lines.length;
    switch (how) {
      case 'an old attempt':
        return this.#answeredAttempt === 0 ? null : this.#claim(`${token}.${count}.${this.#answeredAttempt}`);
      case 'a dead token':
        return this.#dead.length === 0 ? null : this.#claim(`${this.#dead.at(-1)}.${count}.${Number.MAX_SAFE_INTEGER}`);
      case 'a forged token':
        return this.#claim(`${node}.${id}.${secret.split('').reverse().join('')}.${count}.${Number.MAX_SAFE_INTEGER}`);
      case 'an unknown session':
        return this.#claim(`${node}.${id.split('').reverse().join('')}.${secret}.${count}.${Number.MAX_SAFE_INTEGER}`);
      case 'more than was sent':
        return this.#claim(`${token}.${count + 1_000_000}.${++this.#attempt}`);
      case 'less than was acknowledged':
        return this.#answeredCount === 0 ? null : this.#claim(`${token}.${this.#answeredCount - 1}.${++this.#attempt}`);
      case 'malformed':
        return this.#claim(`${token}.${count}.0${this.#attempt + 1}`);
      case 'two claims':
        return this.#claim(`${token}.${count}.1, v1.session.${token}.${count}.${Number.MAX_SAFE_INTEGER}`);
      case 'another origin':
        return this.#claim(`${token}.${count}.${++this.#attempt}`, 'https://other.example.com');
      default:
        throw new Error(`no such claim: ${how}`);
    }
  }

  #claim(claim: string, origin?: string): Buffer {
    const protocols = `${OFFER}, v1.session.${claim}`;
    return Buffer.from(request(this.#url, origin === undefined ? { protocols } : { protocols, origin }));
  }

  async #connect(): Promise<WirePeer> {
    const transport = await WirePeer.connect(this.#place);
    this.#transports.push(transport);
    return transport;
  }

  #listen(transport: WirePeer): void {
    this.#transport = transport;
    transport.onMessage = (text, isText) => {
      if (transport !== this.#transport) return;
      if (!isText) this.#obey(text);
      else if (this.#isAnswered(transport)) this.lines.push(text);
    };
  }

  #isAnswered(transport: WirePeer): boolean {
    if (this.#answered.has(transport)) return true;
    this.#own.push('a line before the session');
    return false;
  }

  #obey(text: string): void {
    const transport = this.#transport;
    const ack = ACK.exec(text);
    if (ack !== null) {
      this.#answers++;
      if (this.#isAnswered(transport)) this.#drop(Number(ack[1]), text);
      return;
    }
    const [, window, token] = SESSION.exec(text) ?? [];
    const [, received, windowAgain, next] = RESUMED.exec(text) ?? [];
    const isFirst = this.#token === null;
    if (this.#answered.has(transport) || (isFirst ? token : next) === undefined) {
      this.#own.push(`control message ${text}`);
      return;
    }
    this.#answered.add(transport);
    this.#token = token ?? (next as string);
    this.window = Number(window ?? windowAgain);
    this.#isAttached = true;
    if (!isFirst) this.#drop(Number(received), text);
    if (this.#withholdsAck) return;
    transport.send(Buffer.concat([control(`ack ${this.lines.length}`), ...this.#unacknowledged]));
  }

  #drop(count: number, text: string): void {
    const dropped = count - this.#acknowledged;
    if ((dropped < 0 || dropped > this.#unacknowledged.length) && !this.hasGarbled)
      this.#own.push(`${text}, between ${this.#acknowledged} and ${this.#acknowledged + this.#unacknowledged.length}`);
    this.#unacknowledged.splice(0, Math.max(0, dropped));
    this.#acknowledged = count;
  }

  /** A claim was not answered by `resumed`. */
  #refused({ closeFrame, head }: WirePeer): void {
    // Lost, before it was answered: the server's pings take what stands still.
    if (closeFrame === null && head.startsWith('HTTP/1.1 101 ')) return;
    if (closeFrame === null && head === '') return;
    if (!this.mayBeRefused()) this.#own.push(`refused: ${closeFrame?.reason ?? head}`);
    this.isRefused = true;
  }
}

function isOver({ closeFrame, hasEnded, isClosed }: WirePeer): boolean {
  return closeFrame !== null || hasEnded || isClosed;
}
