/**
 * `ircd-websocket doctor wss://…`: an installation, looked at from outside, as a browser would.
 *
 * In: a URL, and the page that may connect. Out: findings in words: what was tried, what came, what to do. It tries one thing
 * after the other, and stops where the rest would say nothing more. It knows of the installation what anybody can see.
 *
 * One file, although long: it is a list of findings of a few lines each.
 */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, rootCertificates } from 'node:tls';
import { type Finding, formatFindings } from './findings.ts';
import { adviceFor } from './handshake-advice.ts';
import { dial, WebClient, type WebFrame } from './web-client.ts';

/** What the command line says. */
export interface DoctorOptions {
  readonly url: URL;
  /** The page that may connect. */
  readonly origin: string;
  /** A page that may not. */
  readonly refusedOrigin: string;
  /** Milliseconds of silence to find the idle limit of a proxy; `0`: it is not looked for. */
  readonly idle: number;
  /** Authorities to trust beside Node's, in PEM. */
  readonly ca: string | null;
}

/** Milliseconds for an answer that should come at once, and for a registration. */
const ANSWER_TIMEOUT = 5_000;
const WELCOME_TIMEOUT = 20_000;
/** A certificate that ends sooner is worth a finding. */
const RENEWAL_DAYS = 7;
/** RFC 5737: nobody has an address of 192.0.2.0/24. */
const FORGED = '192.0.2.113';

/** The fields by which proxies tell who a client is. */
const ADDRESS_FIELDS: readonly (readonly [name: string, value: string])[] = [
  ['X-Forwarded-For', FORGED],
  ['X-Real-IP', FORGED],
  ['Forwarded', `for=${FORGED}`],
  ['CF-Connecting-IP', FORGED],
  ['True-Client-IP', FORGED],
];

/** Looks at an installation; resolves with the exit code: 1 where something is not as it should be. */
export async function runDoctor(options: DoctorOptions, stdout: (text: string) => void): Promise<number> {
  const findings: Finding[] = [];
  try {
    await new Examination(options, findings).run();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  stdout(formatFindings(findings));
  return findings.every(({ isGood }) => isGood) ? 0 : 1;
}

const ENDED = 'The server has ended the connection, and its reason says why. Try ircd-websocket gateway --config FILE --probe.';
const NO_PONG = 'RFC 6455 section 5.5.3 demands a pong: the server, or something in between, breaks WebSockets.';

/** Thrown where the rest would say nothing more. */
class Stop extends Error {}

class Examination {
  readonly #options: DoctorOptions;
  readonly #findings: Finding[];

  constructor(options: DoctorOptions, findings: Finding[]) {
    this.#options = options;
    this.#findings = findings;
  }

  async run(): Promise<void> {
    await this.#checkAddresses();
    await this.#checkCertificate();
    const client = await this.#checkHandshake();
    await this.#checkOrigin();
    await this.#checkSubprotocols();
    await this.#checkPing(client);
    const identity = await this.#register(client);
    if (identity !== null) await this.#checkForgedAddresses(identity);
    if (this.#options.idle > 0) await this.#checkIdle(client);
    client.close();
  }

  #good(tried: string, came: string): void {
    this.#findings.push({ isGood: true, tried, came, toDo: null });
  }

  #bad(tried: string, came: string, toDo: string): void {
    this.#findings.push({ isGood: false, tried, came, toDo });
  }

  async #checkAddresses(): Promise<void> {
    const { url } = this.#options;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    let addresses: string[];
    try {
      addresses = (await lookup(host, { all: true })).map(({ address }) => address);
    } catch (error) {
      this.#bad(`look up ${host}`, (error as Error).message, 'Correct the name, or give it an A or AAAA record.');
      throw new Stop();
    }
    let reached = 0;
    for (const address of addresses) {
      const tried = `connect to ${address}`;
      try {
        (await dial(new URL(`ws://x:${url.port || (url.protocol === 'wss:' ? 443 : 80)}`), address)).destroy();
        reached++;
        this.#good(tried, 'it answers');
      } catch (error) {
        const toDo = 'Start the server, open its port in the firewall, or remove the address from the DNS.';
        this.#bad(tried, (error as Error).message, toDo);
      }
    }
    if (reached === 0) throw new Stop();
  }

  async #checkCertificate(): Promise<void> {
    const { url, ca } = this.#options;
    if (url.protocol === 'ws:') {
      const isLocal = /^(localhost|127\.|\[::1\])/.test(url.hostname);
      if (isLocal) return;
      this.#bad('TLS', 'the URL is ws://', 'Use wss://: a page from https:// may not open ws://, and passwords travel in clear.');
      return;
    }
    let socket: Socket;
    try {
      socket = await dial(url);
    } catch (error) {
      const toDo = 'This port does not speak TLS. Give the <bind> certificate and key, or let the proxy end TLS here.';
      this.#bad('TLS handshake', (error as Error).message, toDo);
      throw new Stop();
    }
    socket.destroy();
    const problem = await certificateProblem(url, ca);
    if (problem === null) this.#good('TLS certificate', `trusted, and valid for ${url.hostname}`);
    else this.#bad('TLS certificate', problem.came, problem.toDo);
  }

  async #checkHandshake(): Promise<WebClient> {
    const { url, origin } = this.#options;
    const tried = `WebSocket handshake from ${origin}`;
    let client: WebClient;
    try {
      client = await WebClient.open(url, { Origin: origin });
    } catch (error) {
      this.#bad(tried, (error as Error).message, 'This port speaks no HTTP. Check the port, and `ws` against `wss`.');
      throw new Stop();
    }
    const { status, headers, isAccepted } = client.answer;
    if (status !== 101) {
      const { came, toDo } = adviceFor(client.answer, origin);
      this.#bad(tried, came, toDo);
      throw new Stop();
    }
    if (!isAccepted) {
      this.#bad(
        tried,
        '101 with a wrong Sec-WebSocket-Accept',
        'A proxy answers by itself or from a cache: let it pass the request on.',
      );
      throw new Stop();
    }
    const protocol = headers.get('sec-websocket-protocol');
    if (protocol !== undefined) {
      const toDo = 'Browsers refuse a subprotocol that they have not asked for: remove the field from the proxy or the server.';
      this.#bad(tried, `101 with the subprotocol ${protocol}, which was not asked for`, toDo);
    } else if (headers.has('sec-websocket-extensions')) {
      this.#bad(tried, '101 with an extension, which was not asked for', 'Browsers refuse this: remove the field.');
    } else {
      this.#good(tried, '101');
    }
    return client;
  }

  async #checkOrigin(): Promise<void> {
    const { url, refusedOrigin } = this.#options;
    const tried = `WebSocket handshake from ${refusedOrigin}, which must be refused`;
    const { answer } = await this.#attempt(tried, { Origin: refusedOrigin }, url);
    if (answer.status === 101) {
      const toDo = 'Any web page can connect with its visitor’s address and cookies: name your pages in <wsorigin allow="…">.';
      this.#bad(tried, '101', toDo);
    } else {
      this.#good(tried, `${answer.status}`);
    }
    const native = await this.#attempt('a native client, without Origin', {}, url);
    const isIn = native.answer.status === 101;
    this.#good(
      'a native client, without Origin',
      isIn ? '101' : `${native.answer.status}: <websocket allowmissingorigin="yes"> lets it in`,
    );
  }

  async #checkSubprotocols(): Promise<void> {
    const { url, origin } = this.#options;
    for (const protocol of ['text.ircv3.net', 'binary.ircv3.net']) {
      const tried = `the subprotocol ${protocol}`;
      const { answer } = await this.#attempt(tried, { Origin: origin, 'Sec-WebSocket-Protocol': protocol }, url);
      const chosen = answer.headers.get('sec-websocket-protocol');
      if (answer.status === 101 && chosen === protocol) {
        this.#good(tried, 'chosen');
      } else {
        const toDo = 'Let the proxy pass Sec-WebSocket-Protocol on, both ways; check <websocket charset> where text is refused.';
        this.#bad(tried, `${answer.status}, ${chosen === undefined ? 'no subprotocol' : chosen}`, toDo);
      }
    }
  }

  /** Opens a connection that is closed at once: its answer is what is looked at. */
  async #attempt(tried: string, fields: Readonly<Record<string, string>>, url: URL): Promise<WebClient> {
    try {
      const client = await WebClient.open(url, fields);
      if (client.answer.status === 101) client.close();
      return client;
    } catch (error) {
      this.#bad(tried, (error as Error).message, 'Read the log of the proxy and of the gateway.');
      throw new Stop();
    }
  }

  async #checkPing(client: WebClient): Promise<void> {
    const payload = randomBytes(4).toString('hex');
    client.ping(payload);
    const pong = await client.next(({ type }) => type === 'pong' || type === 'fault' || type === 'close', ANSWER_TIMEOUT);
    if (pong?.type === 'pong' && pong.text === payload) this.#good('ping', 'pong');
    else if (pong?.type === 'close') this.#bad('ping', describe(pong), ENDED);
    else this.#bad('ping', describe(pong), NO_PONG);
    if (pong !== null && pong.type !== 'pong') throw new Stop();
  }

  /** Registers, and asks who it is; returns that, or `null` where it cannot be known. */
  async #register(client: WebClient): Promise<string | null> {
    const tried = 'register, and WHOIS on itself';
    const found = await identify(client);
    if (found.problem !== null) {
      this.#bad(tried, found.problem, found.toDo);
      return null;
    }
    this.#good(tried, found.identity === '' ? 'the server welcomed the user; WHOIS tells no address' : found.identity);
    return found.identity;
  }

  async #checkForgedAddresses(own: string): Promise<void> {
    const { url, origin } = this.#options;
    for (const [name, value] of ADDRESS_FIELDS) {
      const tried = `${name}: ${value}, which must not be believed`;
      const client = await WebClient.open(url, { Origin: origin, [name]: value });
      if (client.answer.status !== 101) {
        this.#good(tried, `refused by ${client.answer.status}`);
        continue;
      }
      const { identity, problem } = await identify(client);
      client.close();
      if (problem !== null) {
        this.#good(tried, `the server did not tell the address: ${problem}`);
      } else if (identity === own) {
        this.#good(tried, 'not believed');
      } else {
        const toDo = `Let the proxy overwrite ${name}, or set <websocket proxyheader> to the field that it does overwrite.`;
        this.#bad(tried, `believed: the user was ${own || 'without an address'}, and is now ${identity}`, toDo);
      }
    }
  }

  async #checkIdle(client: WebClient): Promise<void> {
    const seconds = this.#options.idle / 1_000;
    const tried = `${seconds} s of silence`;
    const startedAt = performance.now();
    const end = await client.next(({ type }) => type === 'close' || type === 'fault', this.#options.idle);
    if (end === null) {
      this.#good(tried, 'still connected');
      return;
    }
    const after = Math.round((performance.now() - startedAt) / 100) / 10;
    const toDo =
      end.type === 'end'
        ? 'A proxy cuts silent connections: raise its limit (nginx: proxy_read_timeout), and keep <websocket pinginterval> below it.'
        : 'The server has closed it: its reason says why.';
    this.#bad(tried, `after ${after} s: ${describe(end)}`, toDo);
  }
}

/** Registers under a nick of chance; returns what WHOIS says of host and address, with the nick taken out. */
async function identify(client: WebClient): Promise<{ identity: string; problem: string | null; toDo: string }> {
  const nick = `doctor${randomBytes(2).toString('hex')}`;
  client.sendLine(`NICK ${nick}`);
  client.sendLine(`USER doctor 0 * :ircd-websocket doctor`);
  const said: string[] = [];
  const deadline = performance.now() + WELCOME_TIMEOUT;
  for (;;) {
    const frame = await client.next(() => true, Math.max(0, deadline - performance.now()));
    const toDo = 'Read the log of the IRC server: it did not welcome the user.';
    if (frame === null) return { identity: '', problem: said.at(-1) ?? 'no line from an IRC server', toDo };
    if (frame.type === 'ping' || frame.type === 'pong') continue;
    if (frame.type === 'binary' || (frame.type === 'text' && /[\r\n]/.test(frame.text))) {
      const problem = frame.type === 'binary' ? 'a binary message instead of text' : 'a message with a line end in it';
      return { identity: '', problem, toDo: 'IRCv3’s WebSocket specification wants one line a message, as text, without CR LF.' };
    }
    const isError = /^(?::\S+ )?ERROR /.test(frame.text);
    if (frame.type !== 'text' || isError) return { identity: '', problem: isError ? frame.text : describe(frame), toDo };
    const [, numeric = ''] = /^(?:@\S+ )?:\S+ (\d{3}) /.exec(frame.text) ?? [];
    const ping = /^(?:@\S+ )?(?::\S+ )?PING (.*)$/.exec(frame.text);
    if (ping !== null) client.sendLine(`PONG ${ping[1]}`);
    if (numeric === '001') client.sendLine(`WHOIS ${nick} ${nick}`);
    // 311 user and host; 338, 378 "actually using host", "is connecting from".
    if (['311', '338', '378'].includes(numeric))
      said.push(
        frame.text
          .replace(/^\S+ \d+ /, '')
          .replaceAll(nick, '')
          .trim(),
      );
    if (numeric === '318') return { identity: said.join(' | '), problem: null, toDo: '' };
  }
}

function describe(frame: WebFrame | null): string {
  if (frame === null) return 'nothing';
  switch (frame.type) {
    case 'end':
      return 'the connection was cut without a Close frame';
    case 'close':
      return `Close ${frame.code ?? 'without a code'}${frame.text === '' ? '' : `: ${frame.text}`}`;
    case 'fault':
      return `bytes that are not a frame from a server: ${frame.text}`;
    default:
      return `${frame.type} ${frame.text}`;
  }
}

/** Returns what is wrong with a certificate, as a browser would see it. */
function certificateProblem(url: URL, ca: string | null): Promise<{ came: string; toDo: string } | null> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connectTls({
      host,
      port: Number(url.port || 443),
      servername: /^[\d.]+$|:/.test(host) ? '' : host,
      rejectUnauthorized: false,
      ...(ca === null ? {} : { ca: [...rootCertificates, ca] }),
    });
    socket.once('error', (error) => resolve({ came: error.message, toDo: 'Check the certificate and its key.' }));
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate();
      const mismatch = checkServerIdentity(host, certificate);
      const untrusted = socket.authorizationError as unknown as string | null;
      const daysLeft = Math.floor((Date.parse(certificate.valid_to) - Date.now()) / 86_400_000);
      socket.destroy();
      if (daysLeft < 0) {
        resolve({ came: `it ended on ${certificate.valid_to}`, toDo: 'Renew it, and reload (SIGHUP) whatever serves it.' });
      } else if (mismatch !== undefined) {
        resolve({ came: mismatch.message, toDo: `Get a certificate for ${host}, or use a name that is in the certificate.` });
      } else if (untrusted != null) {
        const toDo = 'Serve the whole chain (fullchain.pem), from an authority that browsers trust.';
        resolve({ came: `not trusted: ${untrusted}`, toDo });
      } else if (daysLeft < RENEWAL_DAYS) {
        resolve({
          came: `it ends in ${daysLeft} days, on ${certificate.valid_to}`,
          toDo: 'Renew it, and make sure that it is renewed automatically.',
        });
      } else {
        resolve(null);
      }
    });
  });
}
