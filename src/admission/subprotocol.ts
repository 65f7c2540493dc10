/**
 * Text or binary: the subprotocols of the IRCv3 WebSocket specification.
 *
 * In: the client's offers, in its order. Out: the first that is recognised and possible. It does not know header fields.
 */

/** A subprotocol that was chosen. */
export interface Subprotocol {
  /** As the client spelled it: the answer repeats that (InspIRCd; RFC 6455 section 4.2.2 compares case-sensitively). */
  readonly name: string;
  readonly mode: 'text' | 'binary';
}

const MODES: ReadonlyMap<string, 'text' | 'binary'> = new Map([
  ['text.ircv3.net', 'text'],
  ['binary.ircv3.net', 'binary'],
  // The names of InspIRCd 3.
  ['text.inspircd.org', 'text'],
  ['binary.inspircd.org', 'binary'],
]);

/** The offers that this library knows, in the client's order. */
export function recognise(offers: readonly string[]): Subprotocol[] {
  const known: Subprotocol[] = [];
  for (const name of offers) {
    const mode = MODES.get(name.toLowerCase());
    if (mode !== undefined) known.push({ name, mode });
  }
  return known;
}
