/**
 * Shows: the server's side of WEBIRC. Gateways connect by TCP and say who their user is. Until the verdict is there, the
 * server holds what else the client sent.
 *
 * Run: `npm run example webirc -- 6667`
 * Try: `printf 'WEBIRC secret kiwi host.example 203.0.113.9\r\nNICK ada\r\n' | nc 127.0.0.1 6667`. The answer says
 * `You are from 203.0.113.9`.
 */
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { createWebirc, gatewaysFromTags, ircAddress, parseTags, parseWebirc } from 'ircd-websocket';

const tags = parseTags(`
  # The password is "secret", as InspIRCd's MKPASSWD writes it.
  <gateway type="webirc" name="Kiwi" mask="127.0.0.1" hash="sha256"
           password="2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b">`);
const webirc = createWebirc(gatewaysFromTags(tags));

class Client {
  readonly #socket: Socket;
  #address: string;
  /** Lines that wait for a verdict; `null` where none is pending. */
  #held: string[] | null = null;
  #isRegistering = false;
  #isRewritten = false;
  #isGone = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#address = socket.remoteAddress ?? 'unix';
    createInterface(socket).on('line', (line) => this.#receive(line));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#isGone = true;
    });
  }

  #receive(line: string): void {
    if (this.#isGone) return;
    if (this.#held !== null) {
      this.#held.push(line);
    } else if (/^WEBIRC( |$)/i.test(line)) {
      this.#held = [];
      // What is held is one packet at most: a gateway cannot fill the memory meanwhile.
      this.#socket.pause();
      void this.#authenticate(line);
    } else {
      this.#handle(line);
    }
  }

  async #authenticate(line: string): Promise<void> {
    const peer = { address: this.#socket.remoteAddress ?? 'unix', secure: false };
    const state = { registering: this.#isRegistering, rewritten: this.#isRewritten };
    const verdict = await webirc.authenticate(parseWebirc(line), peer, state);
    if (this.#isGone) return;
    console.log(`*** GATEWAY: ${verdict.notice}`);
    if (!verdict.ok) {
      // Never let on from the gateway's own address, where no ban reaches it.
      this.#isGone = true;
      this.#socket.end(`ERROR :Closing link: (*@${this.#address}) [${verdict.error}]\r\n`);
      return;
    }
    // Here a server checks bans and limits again, and looks the host name up: for this address.
    this.#address = verdict.address;
    this.#isRewritten = true;
    const held = this.#held ?? [];
    this.#held = null;
    this.#socket.resume();
    for (const next of held) this.#receive(next);
  }

  #handle(line: string): void {
    this.#isRegistering = true;
    if (/^NICK /i.test(line))
      this.#socket.write(`:irc.example.com 001 ${line.slice(5)} :You are from ${ircAddress(this.#address)}\r\n`);
  }
}

const server = createServer((socket) => new Client(socket));
server.listen(Number(process.argv[2] ?? 6667), '127.0.0.1', () => console.log('listening', server.address()));
