/**
 * What the checks of admission look at, and what they find on their way.
 *
 * In: nothing; this file has types. The order of the checks is in `checks.ts`, the result in `admission.ts`.
 */
import type { IncomingMessage } from 'node:http';
import type { Endpoint, TlsFacts } from './facts.ts';
import type { OriginMatcher } from './origin.ts';
import type { ProxyRules, ResolvedClient } from './proxy.ts';
import type { Resumption } from './resumption.ts';

/**
 * The parts of a request that are looked at. For a request over HTTP/2 `httpVersion` is `2.0`, and `rawHeaders` holds the
 * pseudo-header fields too: `:protocol`, `:authority`.
 */
export type AdmissionRequest = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders'>;

/** The other end of the transport. */
export interface Peer {
  /** The address as `socket.remoteAddress` has it; `undefined` on a Unix domain socket. */
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** Whether the transport is TLS. */
  readonly encrypted: boolean;
  /** What was negotiated where the transport is TLS that ends here. */
  readonly tls?: TlsFacts | null | undefined;
  /** The address that the peer is connected to. */
  readonly local?: Endpoint | undefined;
  /** The setting of the `http.Server` that read the request; absent: Node's default. */
  readonly maxHeadersCount?: number | null | undefined;
  /** What the PROXY protocol said. No header field is read then, and none is required. */
  readonly forwarded?: Forwarded | undefined;
}

/** A client that the PROXY protocol has named, before the request. */
export interface Forwarded {
  /** The canonical address. */
  readonly address: string;
  readonly port: number | undefined;
  /** Whether the client's way to the proxy is TLS; `undefined` where the proxy does not say. */
  readonly secure?: boolean | undefined;
  readonly tls?: TlsFacts | null | undefined;
  /** The address that the client is connected to, at the proxy. */
  readonly local?: Endpoint | null | undefined;
  readonly via: readonly string[];
  readonly provenance: string;
}

/** The rules of admission, compiled from a configuration. */
export interface AdmissionRules {
  readonly origins: OriginMatcher;
  readonly allowMissingOrigin: boolean;
  readonly proxy: ProxyRules;
  readonly defaultMode: 'text' | 'binary' | 'reject' | 'auto';
  /** Whether the server's charset allows text frames. */
  readonly allowsText: boolean;
  /** Whether clients that ask for it may resume. Resumption is text mode. */
  readonly allowsResumption: boolean;
}

/** The findings on the way through the checks. */
export interface Examination {
  readonly request: AdmissionRequest;
  readonly peer: Peer;
  /** The peer's address in the spelling of ranges and facts. */
  readonly peerAddress: string;
  readonly rules: AdmissionRules;
  readonly isClosing: boolean;
  origin: string | null;
  originPattern: string | null;
  resolved: ResolvedClient | null;
  mode: 'text' | 'binary' | 'auto';
  subprotocol: string | null;
  resume: Resumption | null;
  key: string;
}
