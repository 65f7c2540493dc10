/**
 * Text or binary: the subprotocols of the IRCv3 WebSocket specification, and the one of connections that survive.
 *
 * In: the client's offers, in its order. Out: the ones that are recognised, and the one that is chosen. It does not know header
 * fields.
 */
import { RESUME_SUBPROTOCOL, type Resumption, readResumption } from './resumption.ts';

/** A subprotocol that is recognised. */
export interface Subprotocol {
  /** The client's spelling, which the answer repeats (InspIRCd; RFC 6455 section 4.2.2 compares case-sensitively). */
  readonly name: string;
  readonly mode: 'text' | 'binary';
}

/** What a client is answered. */
export interface ChosenSubprotocol extends Subprotocol {
  readonly resume: Resumption | null;
}

const MODES: ReadonlyMap<string, 'text' | 'binary'> = new Map([
  ['text.ircv3.net', 'text'],
  ['binary.ircv3.net', 'binary'],
  // InspIRCd 3 uses these names.
  ['text.inspircd.org', 'text'],
  ['binary.inspircd.org', 'binary'],
]);

/** Returns the offers that are subprotocols of IRC, in the client's order. */
export function recognise(offers: readonly string[]): Subprotocol[] {
  const known: Subprotocol[] = [];
  for (const name of offers) {
    const mode = MODES.get(name.toLowerCase());
    if (mode !== undefined) known.push({ name, mode });
  }
  return known;
}

/**
 * Chooses a subprotocol: the one for resumption wherever it stands, since other servers take the first that they know; otherwise
 * the first that is possible.
 *
 * @returns `null` where no offer is recognised; `'text forbidden'` where all that are recognised are text, and the charset
 *   forbids it
 */
export function chooseSubprotocol(
  offers: readonly string[],
  { allowsText, allowsResumption }: { readonly allowsText: boolean; readonly allowsResumption: boolean },
): ChosenSubprotocol | 'text forbidden' | null {
  const resume = allowsText && allowsResumption ? readResumption(offers) : null;
  if (resume !== null) return { name: RESUME_SUBPROTOCOL, mode: 'text', resume };
  const known = recognise(offers);
  if (known.length === 0) return null;
  const chosen = known.find(({ mode }) => mode === 'binary' || allowsText);
  return chosen === undefined ? 'text forbidden' : { name: chosen.name, mode: chosen.mode, resume: null };
}
