/**
 * What is known of a connection after it was let in: one frozen object, the single source for bans, WHOIS and notices.
 *
 * In: the findings of the checks. Out: {@link ConnectionFacts}. It does not know sockets. A later change of the address (WEBIRC)
 * makes a new frozen object, because the old one may be in use.
 */

/** An address with its port. */
export interface Endpoint {
  /**
   * The address as Node writes it: `192.0.2.1`, `::1`, mapped IPv4 as IPv4. A Unix domain socket is `unix`; another stream that
   * has no address is `unknown`, and no range of `proxyRanges` trusts it.
   */
  readonly address: string;
  /** The TCP port; `undefined` where it is not known (behind a proxy, on a Unix domain socket). */
  readonly port: number | undefined;
}

/** The client's TLS, as this server has negotiated it, or as a trusted proxy tells of it by the PROXY protocol; frozen. */
export interface TlsFacts {
  /** The version as Node and OpenSSL write it: `TLSv1.3`. */
  readonly version: string | null;
  /** The cipher, e.g. `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string | null;
  /** The host name that the client has asked for (SNI). */
  readonly authority: string | null;
  /** The common name in the client's certificate. Anybody can write any name into a certificate: see `isVerified`. */
  readonly commonName: string | null;
  /** The fingerprint of the client's certificate, in lower-case hexadecimal digits. */
  readonly fingerprint: string | null;
  /** Whether the client has shown a certificate, and the proxy has verified who signed it. */
  readonly isVerified: boolean;
}

/** What is known of a connection; frozen. */
export interface ConnectionFacts {
  /** The mode in which lines leave. Under `defaultMode: 'auto'` it is `text` until the first message has come. */
  readonly mode: 'text' | 'binary';
  /** The subprotocol that was chosen, in the client's spelling. */
  readonly subprotocol: string | null;
  /** The `Origin` header field; `null` for a native client, which sends none. */
  readonly origin: string | null;
  /** Whether the client's way to this server, or to the trusted proxy, is TLS. */
  readonly secure: boolean;
  /** What is known of that TLS. `null`: nothing, or it is not TLS. Proxies tell of it by the PROXY protocol version 2 only. */
  readonly tls: TlsFacts | null;
  /** The other end of the transport. */
  readonly peer: Endpoint;
  /** The client: the peer itself, or the one that a trusted proxy or gateway has named. */
  readonly client: Endpoint;
  /** The address that the client is connected to; that of the proxy where the PROXY protocol has named it. */
  readonly local: Endpoint;
  /** The proxies between them, the one nearest to the client first; empty for a direct connection. */
  readonly via: readonly string[];
  /** How the client's address is known, in words: `X-Forwarded-For hop 2 of 3, trusted by 10.0.0.0/8`. */
  readonly provenance: string;
  /** The `Host` header field, up to 300 characters. */
  readonly host: string;
  /** The request target as it was sent, up to 1,024 characters. It need not be a valid path. */
  readonly path: string;
  /** The `User-Agent` header field, up to 256 characters. */
  readonly userAgent: string | null;
  /**
   * The `Cookie` header field's pairs, the first of each name; parsed at each access. The object has no prototype. Pairs beyond
   * 4,096 characters are left out: `authorize` and `onConnection` find them in `request.headers.cookie`.
   */
  readonly cookies: Readonly<Record<string, string>>;
  /** The facts before the client came back on a new connection. `null` for a client that has not. */
  readonly resumes: ConnectionFacts | null;
  /**
   * Returns the text of WHOIS numeric 350 for operators, as InspIRCd words it:
   * `is connected from the https://chat.example.com WebSocket origin`.
   *
   * @returns the empty string for a direct connection without an origin: there is nothing to say
   */
  whoisGateway(): string;
}

/** What {@link createFacts} needs; the rest is derived. */
export type FactsInit = Omit<ConnectionFacts, 'cookies' | 'resumes' | 'whoisGateway'> & {
  /** The `Cookie` header field. */
  readonly cookie: string | null;
  readonly resumes?: ConnectionFacts | null;
};

/** Makes facts, frozen. */
export function createFacts(init: FactsInit): ConnectionFacts {
  return Object.freeze(new Facts(init));
}

/** Returns the same facts in another mode. */
export function withMode(facts: ConnectionFacts, mode: 'text' | 'binary'): ConnectionFacts {
  return createFacts({ ...(facts as Facts), mode });
}

/** Returns the same facts with another client, as a gateway has named it. */
export function withClient(facts: ConnectionFacts, client: Endpoint, provenance: string): ConnectionFacts {
  const via = facts.via.length > 0 ? facts.via : Object.freeze([facts.peer.address]);
  return createFacts({ ...(facts as Facts), client, via, provenance });
}

/** Returns the same facts with those that they replace. Only the last ones are kept, however often a client comes back. */
export function withResumes(facts: ConnectionFacts, old: ConnectionFacts): ConnectionFacts {
  const resumes = old.resumes === null ? old : createFacts({ ...(old as Facts), resumes: null });
  return createFacts({ ...(facts as Facts), resumes });
}

/** Whether the client's address comes from a proxy or gateway already: it can be told only once. */
export function isRewritten(facts: ConnectionFacts): boolean {
  return facts.client !== facts.peer;
}

class Facts implements ConnectionFacts {
  readonly mode: 'text' | 'binary';
  readonly subprotocol: string | null;
  readonly origin: string | null;
  readonly secure: boolean;
  readonly tls: TlsFacts | null;
  readonly peer: Endpoint;
  readonly client: Endpoint;
  readonly local: Endpoint;
  readonly via: readonly string[];
  readonly provenance: string;
  readonly host: string;
  readonly path: string;
  readonly userAgent: string | null;
  readonly cookie: string | null;
  readonly resumes: ConnectionFacts | null;

  constructor(init: FactsInit) {
    this.mode = init.mode;
    this.subprotocol = init.subprotocol;
    this.origin = init.origin;
    this.secure = init.secure;
    this.tls = init.tls;
    this.peer = init.peer;
    this.client = init.client;
    this.local = init.local;
    this.via = init.via;
    this.provenance = init.provenance;
    this.host = init.host;
    this.path = init.path;
    this.userAgent = init.userAgent;
    this.cookie = init.cookie;
    this.resumes = init.resumes ?? null;
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
