/**
 * What is known of a connection once it was let in: one frozen object, the single source for bans, WHOIS and notices.
 *
 * In: the findings of `admission.ts`. Out: {@link ConnectionFacts}. It does not know sockets; a later rewrite of the address (WEBIRC) makes a new frozen
 * object, for the old one may be in use.
 */

/** An address with its port. */
export interface Endpoint {
  /**
   * The address as Node writes it: `192.0.2.1`, `::1`, mapped IPv4 as IPv4. A Unix domain socket is `unix`; another stream that has no address is `unknown`, and
   * no range of `proxyRanges` trusts it.
   */
  readonly address: string;
  /** The TCP port, or `undefined` where it is not known (behind a proxy, on a Unix domain socket). */
  readonly port: number | undefined;
}

/** What is known of a connection; frozen. */
export interface ConnectionFacts {
  /** What lines leave as. Under `defaultMode: 'auto'` it is `text` until the first message has come. */
  readonly mode: 'text' | 'binary';
  /** The subprotocol that was chosen, in the client's spelling. */
  readonly subprotocol: string | null;
  /** The `Origin` header field; `null` for a native client, which sends none. */
  readonly origin: string | null;
  /** Whether the client's way to this server, or to the trusted proxy, is TLS. */
  readonly secure: boolean;
  /** Who is on the other end of the transport. */
  readonly peer: Endpoint;
  /** Who the client is: the peer itself, or whom a trusted proxy or gateway tells of. */
  readonly client: Endpoint;
  /** The proxies between them, the one nearest to the client first; empty for a direct connection. */
  readonly via: readonly string[];
  /** How the client's address is known, in words: `X-Forwarded-For hop 2 of 3, trusted by 10.0.0.0/8`. */
  readonly provenance: string;
  /** The `Host` header field. */
  readonly host: string;
  /** The request target, as it was sent: it need not be a valid path. */
  readonly path: string;
  readonly userAgent: string | null;
  /** The `Cookie` header field's pairs, the first of each name; parsed at each access. The object has no prototype. */
  readonly cookies: Readonly<Record<string, string>>;
  /**
   * Gives the text of WHOIS numeric 350 for operators, as InspIRCd words it: `is connected from the https://chat.example.com WebSocket origin`.
   *
   * @returns the empty string where there is nothing to say: a direct connection without an origin
   */
  whoisGateway(): string;
}

/** What {@link createFacts} is made of; the rest is derived. */
export type FactsInit = Omit<ConnectionFacts, 'cookies' | 'whoisGateway'> & {
  /** The `Cookie` header field. */
  readonly cookie: string | null;
};

/** Makes facts, frozen. */
export function createFacts(init: FactsInit): ConnectionFacts {
  return Object.freeze(new Facts(init));
}

/** Gives the same facts in another mode. */
export function withMode(facts: ConnectionFacts, mode: 'text' | 'binary'): ConnectionFacts {
  return createFacts({ ...(facts as Facts), mode });
}

/** Gives the same facts with another client, as a gateway tells of it. */
export function withClient(facts: ConnectionFacts, client: Endpoint, provenance: string): ConnectionFacts {
  const via = facts.via.length > 0 ? facts.via : Object.freeze([facts.peer.address]);
  return createFacts({ ...(facts as Facts), client, via, provenance });
}

/** Tells whether the client's address is another's word already: it is told once. */
export function isRewritten(facts: ConnectionFacts): boolean {
  return facts.client !== facts.peer;
}

class Facts implements ConnectionFacts {
  readonly mode: 'text' | 'binary';
  readonly subprotocol: string | null;
  readonly origin: string | null;
  readonly secure: boolean;
  readonly peer: Endpoint;
  readonly client: Endpoint;
  readonly via: readonly string[];
  readonly provenance: string;
  readonly host: string;
  readonly path: string;
  readonly userAgent: string | null;
  readonly cookie: string | null;

  constructor(init: FactsInit) {
    this.mode = init.mode;
    this.subprotocol = init.subprotocol;
    this.origin = init.origin;
    this.secure = init.secure;
    this.peer = init.peer;
    this.client = init.client;
    this.via = init.via;
    this.provenance = init.provenance;
    this.host = init.host;
    this.path = init.path;
    this.userAgent = init.userAgent;
    this.cookie = init.cookie;
  }

  get cookies(): Readonly<Record<string, string>> {
    const cookies: Record<string, string> = Object.create(null);
    for (const pair of this.cookie?.split(';') ?? []) {
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals).trim();
      if (equals > 0 && !(name in cookies)) cookies[name] = pair.slice(equals + 1).trim();
    }
    return Object.freeze(cookies);
  }

  whoisGateway(): string {
    if (this.origin !== null) return `is connected from the ${this.origin} WebSocket origin`;
    return isRewritten(this) ? 'is connected from a non-web WebSocket origin' : '';
  }
}
