/**
 * What becomes of a client that came through a gateway, or said so.
 *
 * In: what was found. Out: a frozen verdict with the words for the client, for operators and for WHOIS; InspIRCd's words where it
 * has some. It does not know how anything was found, nor who carries the verdict out.
 */
import { ircAddress } from '../address/ranges.ts';
import type { WebircClaims } from './claims.ts';
import type { WebircPeer } from './gateway-block.ts';

/** A verdict: the client is somebody else from now on, or it is gone. */
export type WebircVerdict = WebircAccepted | WebircRefused;

/** The client is the gateway's user: take the address over before anything looks at it (bans, limits, lookups). */
export interface WebircAccepted extends WebircClaims {
  readonly ok: true;
  /** Canonical, as Node writes it: `::1`, and IPv4 where a mapped address was sent. In IRC parameters: `ircAddress(address)`. */
  readonly address: string;
  /** The user's host name, where the gateway's policy lets one be used; `null`: look it up, or use the address. */
  readonly hostname: string | null;
  /** The gateway's name: the operator's for it, else its own. */
  readonly gateway: string;
  /** The gateway itself, as the connection came; the first two parameters of numeric 350 are its host name and address. */
  readonly via: { readonly address: string; readonly hostname: string };
  /** The text of WHOIS numeric 350: `is connected via the goodgw WebIRC gateway`. */
  readonly whoisGateway: string;
  /** What operators are to be told, behind `*** GATEWAY: `. */
  readonly notice: string;
}

/** The client is that of a username gateway. */
export interface UsernameAccepted extends WebircAccepted {
  /** The username that takes the place of the digits. */
  readonly username: string;
}

/** The client is nobody that may go on: send the ERROR, tell the operators, end the connection. */
export interface WebircRefused {
  readonly ok: false;
  /** Why, for programs. */
  readonly reason: WebircRefusal;
  /** The reason in `ERROR :Closing link: (user@host) [reason]`. */
  readonly error: string;
  /** What operators are to be told, behind `*** GATEWAY: `. */
  readonly notice: string;
}

/**
 * Why a client is refused: fewer than four parameters; after registration began; after the address was changed before; no gateway
 * with this mask, password and fingerprint; text that is no address.
 */
export type WebircRefusal = 'parameters' | 'registering' | 'rewritten' | 'gateway' | 'address';

/** What a verdict says of the client and of the gateway. */
export interface VerdictContext {
  /** The client's id or nick, for notices. */
  readonly client: string;
  readonly peer: WebircPeer;
}

type Found = WebircClaims & Pick<WebircAccepted, 'address' | 'hostname' | 'gateway'>;

const NOTICES: Readonly<Record<WebircRefusal, string>> = {
  parameters: 'tried to use WEBIRC but did not send enough parameters.',
  registering: 'tried to use WEBIRC after registration began.',
  rewritten: 'tried to use WEBIRC after their IP was already changed.',
  gateway: "tried to use WEBIRC but didn't match any configured WebIRC hosts.",
  address: 'tried to use WEBIRC but gave an invalid IP address.',
};

const ERRORS: Readonly<Record<WebircRefusal, string>> = {
  parameters: 'WEBIRC: not enough parameters.',
  registering: 'WEBIRC: must be sent before PASS, CAP, NICK and USER.',
  rewritten: 'WEBIRC: your IP address was already changed.',
  gateway: "WEBIRC: you don't match any configured WebIRC hosts.",
  address: 'WEBIRC: IP address is invalid: ',
};

/** Refuses a client; `address` is what it sent, where that is the reason. */
export function refuse(reason: WebircRefusal, { client, peer }: VerdictContext, address = ''): WebircRefused {
  return Object.freeze({
    ok: false,
    reason,
    error: `${ERRORS[reason]}${printable(address)}`,
    notice: `Connecting user ${client} (${ircAddress(peer.address)}) ${NOTICES[reason]}`,
  });
}

/** Accepts the user of a WEBIRC gateway. */
export function accept(found: Found, { client, peer }: VerdictContext): WebircAccepted {
  const gateway = printable(found.gateway);
  const [from, to] = [ircAddress(peer.address), ircAddress(found.address)];
  return Object.freeze({
    ...found,
    ok: true,
    gateway,
    via: viaOf(peer),
    whoisGateway: `is connected via the ${gateway} WebIRC gateway`,
    notice: `Connecting user ${client} is using the ${gateway} WebIRC gateway; changing their IP from ${from} to ${to}.`,
  });
}

/** Accepts the user of a username gateway. */
export function acceptUsername(
  found: Found,
  names: { readonly old: string; readonly new: string },
  { client, peer }: VerdictContext,
): UsernameAccepted {
  const [from, to] = [ircAddress(peer.address), ircAddress(found.address)];
  return Object.freeze({
    ...found,
    ok: true,
    username: names.new,
    via: viaOf(peer),
    whoisGateway: 'is connected via a username gateway',
    notice: `Connecting user ${client} is using a username gateway; changing their IP from ${from} to ${to} and their real username from ${names.old} to ${names.new}.`,
  });
}

function viaOf({ address, hostname }: WebircPeer): WebircAccepted['via'] {
  return Object.freeze({ address, hostname: hostname ?? address });
}

/** What a peer sent, as operators may see it: without control characters, and cut. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, '?').slice(0, 64);
}
