/**
 * What is known of a connection once it was let in: one frozen object, the single source for bans, WHOIS and notices.
 *
 * In: the findings of `admission.ts`. Out: {@link ConnectionFacts}. It does not know sockets; a later rewrite of the address (WEBIRC)
 * makes a new frozen object.
 */

/** An address with its port. */
export interface Endpoint {
  /** Canonical, as Node writes it: `192.0.2.1`, `::1`; mapped IPv4 as IPv4; `unix` for a Unix domain socket. */
  readonly address: string;
  /** The TCP port, or `undefined` where it is not known (behind a proxy, on a Unix domain socket). */
  readonly port: number | undefined;
}
