/**
 * The `Forwarded` header field, RFC 7239 section 4.
 *
 * In: the lines of the field. Out: one element for each hop, or `null` for a field that breaks the grammar. It does not know
 * addresses, nor which hops are trusted.
 *
 * Law of this file: the grammar is checked from the first byte to the last, and one wrong byte spoils the whole field. A proxy
 * appends its element behind what the client wrote, often on the same line. An unclosed quote of the client's would swallow the
 * proxy's element, and the client's own would be the last.
 */

import { headerValues } from './headers.ts';

/** One hop: `for=192.0.2.1;proto=https`. */
export interface ForwardedElement {
  /** The value of `for`, without quotes; empty where the element has none. */
  readonly for: string;
  /** The value of `proto`, without quotes; `undefined` where the element has none. */
  readonly proto: string | undefined;
}

/** RFC 9110 section 5.6.2: `token = 1*tchar`. */
const TOKEN = /[!#$%&'*+.^_`|~\w-]+/y;

/** RFC 9110 section 5.6.4. Node reads header bytes as latin1, so `obs-text` is 0x80 to 0xff. */
const QUOTED_STRING = /"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"/y;

/** RFC 9110 section 5.6.3: optional white space. */
const OWS = /[\t ]*/y;

/** Reads the field, all lines of it as one list; `null` where a line does not follow the grammar. */
export function readForwarded(rawHeaders: readonly string[]): ForwardedElement[] | null {
  const elements: ForwardedElement[] = [];
  return headerValues(rawHeaders, 'forwarded').every((line) => readLine(line, elements)) ? elements : null;
}

/**
 * Reads a line into `elements`: `Forwarded = 1#forwarded-element`. RFC 9110 section 5.6.1 allows empty elements in a list, and
 * they do not count.
 *
 * @returns whether the line follows the grammar
 */
function readLine(line: string, elements: ForwardedElement[]): boolean {
  let pairs = new Map<string, string>();
  for (let at = 0; ; ) {
    at = skip(OWS, line, at);
    // `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`
    const next = readPair(line, at, pairs);
    if (next === null) return false;
    at = skip(OWS, line, next);
    const separator = line[at];
    if (separator !== ';') {
      if (pairs.size > 0) elements.push({ for: pairs.get('for') ?? '', proto: pairs.get('proto') });
      pairs = new Map();
    }
    if (separator === undefined) return true;
    if (separator !== ';' && separator !== ',') return false;
    at++;
  }
}

/**
 * Reads one `forwarded-pair = token "=" value` into `pairs`, if there is one.
 *
 * @returns the index behind it; `null` for what is not a pair
 */
function readPair(line: string, at: number, pairs: Map<string, string>): number | null {
  const nameEnd = skip(TOKEN, line, at);
  if (nameEnd === at) return at;
  if (line[nameEnd] !== '=') return null;
  const start = nameEnd + 1;
  // `value = token / quoted-string`
  const isQuoted = line[start] === '"';
  const end = skip(isQuoted ? QUOTED_STRING : TOKEN, line, start);
  if (end === start) return null;
  const name = line.slice(at, nameEnd).toLowerCase();
  // "Each parameter MUST NOT occur more than once per field-value."
  if (pairs.has(name)) return null;
  pairs.set(name, isQuoted ? line.slice(start + 1, end - 1).replace(/\\(.)/g, '$1') : line.slice(start, end));
  return end;
}

/** Returns the index behind what a sticky expression matches at `at`, or `at`. */
function skip(expression: RegExp, text: string, at: number): number {
  expression.lastIndex = at;
  return expression.test(text) ? expression.lastIndex : at;
}
