/**
 * One connection of an IRC server that gateways may use: WEBIRC first, and lines after the verdict.
 *
 * In: a socket, and what the server does. Out: lines, each from a client whose address is known.
 */
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { parseWebirc, type Webirc } from 'ircd-websocket';

/** The rest of the server. */
export interface IrcServer {
  readonly webirc: Webirc;
  tellOpers(notice: string): void;
  /** Takes a line that is not WEBIRC. */
  handle(client: Client, line: string): void;
}

export class Client {
  readonly socket: Socket;
  readonly id: string;
  /** The gateway's until WEBIRC was accepted, then the user's. */
  address: string;
  readonly #server: IrcServer;
  /** Lines that wait for a verdict; `null` where none is pending. */
  #held: string[] | null = null;
  #isRegistering = false;
  #isRewritten = false;
  #isGone = false;

  constructor(socket: Socket, server: IrcServer, id = '*') {
    this.socket = socket;
    this.id = id;
    this.address = socket.remoteAddress ?? 'unix';
    this.#server = server;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#isGone = true;
    });
    createInterface(socket)
      .on('line', (line) => this.#receive(line))
      // Node hands the socket's errors on to the interface, too. Without a listener here they end the process.
      .on('error', () => {});
  }

  #receive(line: string): void {
    if (this.#isGone) return;
    if (this.#held !== null) {
      this.#held.push(line);
    } else if (/^WEBIRC( |$)/i.test(line)) {
      this.#held = [];
      // What is held is one packet at most: a gateway cannot fill the memory meanwhile.
      this.socket.pause();
      void this.#authenticate(line);
    } else {
      this.#isRegistering = true;
      this.#server.handle(this, line);
    }
  }

  async #authenticate(line: string): Promise<void> {
    const peer = { address: this.socket.remoteAddress ?? 'unix', secure: false };
    const state = { client: this.id, registering: this.#isRegistering, rewritten: this.#isRewritten };
    const verdict = await this.#server.webirc.authenticate(parseWebirc(line), peer, state);
    if (this.#isGone) return;
    this.#server.tellOpers(`*** GATEWAY: ${verdict.notice}`);
    if (!verdict.ok) {
      // Never let on from the gateway's own address, where no ban reaches it.
      this.#isGone = true;
      this.socket.end(`ERROR :Closing link: (${this.id}@${this.address}) [${verdict.error}]\r\n`);
      return;
    }
    // Here a server checks bans and limits again, and looks the host name up: for this address.
    this.address = verdict.address;
    this.#isRewritten = true;
    const held = this.#held ?? [];
    this.#held = null;
    this.socket.resume();
    for (const next of held) this.#receive(next);
  }
}
