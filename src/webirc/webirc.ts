/**
 * The WEBIRC line: `WEBIRC password gateway hostname ip [:options]`.
 *
 * In: the line of a gateway. Out: a request; and back, for the gateway's own side. Sources: the WebIRC document ("Method") and
 * IRCv3's WebIRC extension ("Format"). It does not know who may send it (`gateways.ts`).
 */

import { canonicalAddress, ircAddress } from '../address/ranges.ts';
import { WebSocketError } from '../errors.ts';
import { formatOptions, parseOptions } from './options.ts';

/** What a gateway asks for: to be taken for somebody else. Nothing of it is checked. */
export interface WebircRequest {
  /** What the gateway proves itself by. Never log it. */
  readonly password: string;
  /** What the gateway calls itself; older documents say `user`. */
  readonly gateway: string;
  /** The user's host name, or the address again where there is none. */
  readonly hostname: string;
  /** The user's address, as it was sent: `0::1` is not yet `::1`, and it need not be an address at all. */
  readonly address: string;
  /** What else the gateway tells; a flag without a value has `''`. Values may hold any character, line ends included. */
  readonly options: ReadonlyMap<string, string>;
}

/** RFC 1459 section 2.3: a line is 512 bytes, CR LF among them. */
const MAX_LINE_SIZE = 510;

/** A line is looked at up to here: InspIRCd takes 8,191 bytes of tags, then 512. What is longer is not read. */
const MAX_READ_SIZE = 16_384;

/**
 * Reads a WEBIRC line.
 *
 * @param line the whole line, with or without CR LF, or its parameters without the word WEBIRC
 * @returns `null` for another command, and for fewer than four parameters: hand it to `authenticate` all the same, which refuses
 *   it @example
 * ```ts
 * parseWebirc('WEBIRC secret kiwi host.example.net 203.0.113.9 :secure')?.address;   // '203.0.113.9'
 * ```
 */
export function parseWebirc(line: string | readonly string[]): WebircRequest | null {
  const params = typeof line === 'string' ? paramsOf(line) : line;
  const [password, gateway, hostname, address, options = ''] = params;
  if (password === undefined || gateway === undefined || hostname === undefined || address === undefined) return null;
  return { password, gateway, hostname, address, options: parseOptions(options) };
}

/**
 * Writes a WEBIRC line, without CR LF.
 *
 * The address is sent so that every server reads it: "If the IP address is an IPv6 address beginning with a colon, it MUST be
 * sent with a canonically-acceptable preceding zero", and "IPv4-in-IPv6 addresses … should not be sent". An empty `hostname`
 * means that there is none.
 *
 * @throws WebSocketError `ERR_WEBIRC` for what is no address, what cannot be a parameter, and a line of more than 510 bytes; the
 *   password is not in the message @example
 * ```ts
 * const options = new Map([['secure', '']]);
 * formatWebirc({ password: 'secret', gateway: 'kiwi', hostname: 'host.example.net', address: '203.0.113.9', options });
 * ```
 */
export function formatWebirc(request: WebircRequest): string {
  const address = toParameter(request.address);
  if (address === null)
    throw new WebSocketError('ERR_WEBIRC', `not an address: ${JSON.stringify(request.address.slice(0, 100))}`);
  const params = [
    checkParameter('password', request.password),
    checkParameter('gateway', request.gateway),
    // "If the IP address cannot be resolved to a DNS name, the IP address MUST be sent as both the hostname and ip".
    request.hostname === '' ? address : (toParameter(request.hostname) ?? checkParameter('hostname', request.hostname)),
    address,
  ];
  const options = formatOptions(request.options);
  const line = `WEBIRC ${params.join(' ')}${options === '' ? '' : ` :${options}`}`;
  const size = Buffer.byteLength(line);
  if (size > MAX_LINE_SIZE) throw new WebSocketError('ERR_WEBIRC', `WEBIRC line of ${size} bytes, limit ${MAX_LINE_SIZE}`);
  return line;
}

/**
 * Returns the canonical address that a gateway meant: `0::1` and `[::1]` are `::1`, mapped IPv4 is IPv4.
 *
 * @returns `null` for what `canonicalAddress` refuses: names, short forms, the unspecified address, and InspIRCd's wildcard `*`
 */
export function readWebircAddress(text: string): string | null {
  // Some gateways send IPv6 as in a URL.
  return canonicalAddress(/^\[(.*:.*)\]$/.exec(text)?.[1] ?? text);
}

function toParameter(address: string): string | null {
  const canonical = readWebircAddress(address);
  return canonical === null ? null : ircAddress(canonical);
}

function checkParameter(name: string, value: string): string {
  if (/^[^\0\r\n :][^\0\r\n ]*$/.test(value)) return value;
  throw new WebSocketError(
    'ERR_WEBIRC',
    `the ${name} cannot be a parameter of an IRC line: it is empty, begins with a colon or has spaces`,
  );
}

/**
 * Returns the parameters of a WEBIRC line; none for another command. It takes linear time, whatever the line is: anybody may send
 * one.
 *
 * A client's tags and prefix mean nothing, and InspIRCd accepts them: the command is the word behind them.
 */
function paramsOf(line: string): string[] {
  const text = withoutLineEnds(line);
  if (text.length > MAX_READ_SIZE) return [];
  if (/[\0\r\n]/.test(text)) return [];
  let at = 0;
  for (const mark of ['@', ':']) if (text[at] === mark) at = afterBlanks(text, wordEnd(text, at));
  const end = wordEnd(text, at);
  if (text.slice(at, end).toUpperCase() !== 'WEBIRC') return [];
  const rest = text.slice(afterBlanks(text, end));
  const last = ` ${rest}`.indexOf(' :');
  const params = (last === -1 ? rest : rest.slice(0, last)).split(' ').filter((param) => param !== '');
  return last === -1 ? params : [...params, rest.slice(last + 1)];
}

function wordEnd(text: string, from: number): number {
  const end = text.indexOf(' ', from);
  return end === -1 ? text.length : end;
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ') at++;
  return at;
}

function withoutLineEnds(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === '\r' || line[end - 1] === '\n')) end--;
  return line.slice(0, end);
}
