/**
 * The server's side of WEBIRC: who may use it, and what becomes of the client.
 *
 * In: the gateways an operator trusts; then a request and who sent it. Out: a verdict. Sources: the WebIRC document ("Server
 * expectations") and IRCv3's WebIRC extension. It does not know connections: what was said on one before, the server tells
 * (`WebircState`), and the verdict is the server's to carry out.
 *
 * Laws of this file:
 * 1. Every way out of WEBIRC but one ends the connection. A client that tried it is never left with the gateway's own address.
 * 2. The address is read behind the password: who is no gateway learns nothing, and gives operators nothing to read.
 * 3. A wrong password goes on to the next block; only the last one is an answer.
 */
import { canonicalAddress, compileRanges } from '../address/ranges.ts';
import { isHostname, resolvesTo } from '../dns/hostname.ts';
import type { LookupOptions } from '../dns/resolver.ts';
import { readClaims, type WebircClaims } from './claims.ts';
import { compileGateway, type GatewayBlock, type WebircGateway, type WebircPeer } from './gateway-block.ts';
import type { PasswordVerifier } from './password.ts';
import { addressOfUsername } from './username-gateway.ts';
import {
  accept,
  acceptUsername,
  refuse,
  type UsernameAccepted,
  type VerdictContext,
  type WebircRefused,
  type WebircVerdict,
} from './verdict.ts';
import { readWebircAddress, type WebircRequest } from './webirc.ts';

/** What a program adds to the gateways of its operator. */
export interface WebircOptions {
  /**
   * Algorithms for `hash` that are not built in: `{ bcrypt: (given, stored) => compare(given, stored) }`. One that throws has
   * said no.
   */
  readonly verifiers?: Readonly<Record<string, PasswordVerifier>>;
  /** How the host names of `hostname: 'verify'` are looked up. */
  readonly lookup?: LookupOptions;
}

/** What happened on the connection before; a server that leaves it out enforces "once, and first" by itself. */
export interface WebircState {
  /** The client's id or nick, for notices. @defaultValue `'*'` */
  readonly client?: string;
  /** Whether PASS, CAP, NICK or USER came, or the client is registered. @defaultValue `false` */
  readonly registering?: boolean;
  /** Whether the address was changed before, by WEBIRC, by a proxy's header or by the PROXY protocol. @defaultValue `false` */
  readonly rewritten?: boolean;
}

/** The gateways that are trusted. */
export interface Webirc {
  /**
   * Judges a request. Hold the client's other input until the verdict is there, and check then that the client still is.
   *
   * @param request what `parseWebirc` gave; `null`, for too few parameters, is refused like anything else
   * @param peer who sent it, as the transport says: not the address that it claims
   */
  authenticate(request: WebircRequest | null, peer: WebircPeer, state?: WebircState): Promise<WebircVerdict>;
  /**
   * Judges a username, when USER has come and the client is about to be registered.
   *
   * @returns `null` where there is nothing to do: no username gateway, no address in the username, an address that was changed
   *   before
   */
  authenticateUsername(username: string, peer: WebircPeer, state?: WebircState): UsernameAccepted | WebircRefused | null;
}

/** Where a plain connection is as good as TLS: the spec's MUST is about networks. Ergo and Nefarious take loopback too. */
const isWithinThisMachine = compileRanges(['loopback', 'unix'], { tag: 'gateway' });

/** A username tells nothing but the address. */
const NO_CLAIMS: WebircClaims = readClaims(new Map(), () => false, false);

/**
 * Makes the judge of WEBIRC.
 *
 * A plaintext password is a process warning, `IRCD_WEBSOCKET_PLAINTEXT_PASSWORD`.
 *
 * @throws ConfigError for a gateway that could not work, or that anybody could be
 * @example
 * ```ts
 * const webirc = createWebirc([{ type: 'webirc', mask: ['192.0.2.1'], password }]);
 * const verdict = await webirc.authenticate(parseWebirc(line), peer, state);
 * if (verdict.ok) client.takeAddress(verdict);
 * else client.close(verdict.error);
 * ```
 */
export function createWebirc(gateways: readonly WebircGateway[], options: WebircOptions = {}): Webirc {
  const blocks = gateways.map((gateway) => compileGateway(gateway, options.verifiers ?? {}));
  const plaintext = blocks.filter(({ isPlaintext }) => isPlaintext).length;
  if (plaintext > 0) {
    process.emitWarning(`${plaintext} <gateway:password> in plain text: set <gateway:hash>`, {
      code: 'IRCD_WEBSOCKET_PLAINTEXT_PASSWORD',
    });
  }
  return new Gateways(blocks, options.lookup ?? {});
}

class Gateways implements Webirc {
  readonly #webirc: readonly GatewayBlock[];
  readonly #username: readonly GatewayBlock[];
  readonly #lookup: LookupOptions;

  constructor(blocks: readonly GatewayBlock[], lookup: LookupOptions) {
    this.#webirc = blocks.filter(({ type }) => type === 'webirc');
    this.#username = blocks.filter(({ type }) => type === 'username');
    this.#lookup = lookup;
  }

  async authenticate(request: WebircRequest | null, givenPeer: WebircPeer, state: WebircState = {}): Promise<WebircVerdict> {
    const context = contextOf(givenPeer, state);
    const { peer } = context;
    // "MUST be the first command sent from the WebIRC gateway to the IRC server". Before the password: a second try is no second
    // guess.
    if (state.rewritten) return refuse('rewritten', context);
    if (state.registering) return refuse('registering', context);
    if (request === null) return refuse('parameters', context);
    const block = await this.#find(peer, request.password);
    if (block === null) return refuse('gateway', context);
    const address = readWebircAddress(request.address);
    if (address === null) return refuse('address', context, request.address);
    const claims = readClaims(request.options, block.trusts, peer.secure || isWithinThisMachine(peer.address) !== null);
    const hostname = await this.#hostname(request.hostname, address, block);
    return accept({ ...claims, address, hostname, gateway: block.name ?? request.gateway }, context);
  }

  authenticateUsername(
    username: string,
    givenPeer: WebircPeer,
    state: WebircState = {},
  ): UsernameAccepted | WebircRefused | null {
    const context = contextOf(givenPeer, state);
    const block = this.#username.find((candidate) => candidate.isFrom(context.peer));
    const told = addressOfUsername(username);
    if (block === undefined || told === null || state.rewritten) return null;
    const address = canonicalAddress(told);
    if (address === null) return refuse('address', context, told);
    const gateway = block.name ?? context.peer.hostname ?? context.peer.address;
    return acceptUsername({ ...NO_CLAIMS, address, hostname: null, gateway }, { old: username, new: block.newUsername }, context);
  }

  /** Masks first: an expensive hash is for those alone who come from a gateway's address. */
  async #find(peer: WebircPeer, password: string): Promise<GatewayBlock | null> {
    for (const block of this.#webirc) if (block.isFrom(peer) && (await block.admits(peer, password))) return block;
    return null;
  }

  async #hostname(sent: string, address: string, { hostnamePolicy }: GatewayBlock): Promise<string | null> {
    // A gateway that knows no name sends the address; what is neither is not shown to anybody.
    if (hostnamePolicy === 'ignore' || !isHostname(sent)) return null;
    if (hostnamePolicy === 'trust') return sent;
    return (await resolvesTo(sent, address, this.#lookup)) ? sent : null;
  }
}

function contextOf(peer: WebircPeer, { client = '*' }: WebircState): VerdictContext {
  return { client, peer: { ...peer, address: canonicalAddress(peer.address) ?? peer.address } };
}
