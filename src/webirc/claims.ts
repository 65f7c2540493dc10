/**
 * What a gateway tells of the user beside the address, as far as it is believed.
 *
 * In: the options of a WEBIRC line, which flags are trusted, how safe the gateway's own link is. Out: ports, `secure`,
 * certificates. IRCv3's WebIRC extension, "Options". It does not know lines (`webirc-options.ts`) or passwords.
 *
 * Law: what is not told is not so. The gateway's own TLS state and certificate never become the user's (in InspIRCd they do where
 * no options are sent).
 */
import { hexFingerprint } from './fingerprint.ts';

/** What is believed of a user. */
export interface WebircClaims {
  /** Whether the user's way to the gateway is TLS, and the gateway's way here too, or within this machine. */
  readonly secure: boolean;
  /** The port the user came from, at the gateway; absent where it was not told. */
  readonly port?: number;
  /** The gateway's port that the user came to. */
  readonly localPort?: number;
  /**
   * Fingerprints of the user's certificate, by option: `certfp-sha-256`, `spkifp-sha-256`; lower case, no colons. Empty unless
   * `secure`.
   */
  readonly certificates: ReadonlyMap<string, string>;
  /** Every option that is trusted, those that mean nothing here included. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * Reads options.
 *
 * @param trusts whether an option of this name is believed
 * @param isLinkSafe whether the gateway came over TLS, or from this machine
 */
export function readClaims(
  sent: ReadonlyMap<string, string>,
  trusts: (name: string) => boolean,
  isLinkSafe: boolean,
): WebircClaims {
  const options = new Map([...sent].filter(([name]) => trusts(name)));
  // "Servers MUST ONLY treat the connection as secure if this flag is sent and the connection from the gateway to the server is
  // also secure with TLS"; and "MUST treat the options secure and secure=examplevalue123 in exactly the same way".
  const secure = options.has('secure') && isLinkSafe;
  const port = readPort(options.get('remote-port'));
  const localPort = readPort(options.get('local-port'));
  return {
    secure,
    ...(port === undefined ? {} : { port }),
    ...(localPort === undefined ? {} : { localPort }),
    // There is no client certificate without TLS.
    certificates: secure ? readCertificates(options) : new Map(),
    options,
  };
}

/**
 * Compiles a list of trusted flags as InspIRCd reads it: names, `*` for all, and `-name` for all but this; of two that fit, the
 * last counts.
 */
export function compileTrustedFlags(flags: readonly string[]): (name: string) => boolean {
  return (name) => {
    const last = flags.findLast((flag) => flag === '*' || flag === name || flag === `-${name}`);
    return last !== undefined && last !== `-${name}`;
  };
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function readCertificates(options: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const certificates = new Map<string, string>();
  for (const [name, value] of options) {
    const fingerprint = /^(?:cert|spki)fp-[a-z\d-]+$/.test(name) ? hexFingerprint(value) : null;
    if (fingerprint !== null) certificates.set(name, fingerprint);
  }
  return certificates;
}
