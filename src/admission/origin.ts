/**
 * The web pages that may connect: `<wsorigin allow="…">`.
 *
 * In: the patterns, and the value of an `Origin` field. Out: the pattern that lets it in. It does not know how a page is refused.
 *
 * The globs are InspIRCd's. They are matched against serialised origins (RFC 6454 section 6.2) only. Against raw text `*` would
 * also match `https://evil.test/.example.com`, and a line feed, which would reach operators in WHOIS.
 */

import { compileGlob, type Glob, MAX_GLOB_SIZE } from '../address/glob.ts';
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';

/** A character of a host or a port: none that belongs to a path, query, fragment, user, list or escape. */
const HOST_CHARACTER = /[\x21\x22\x24-\x2b\x2d\x2e\x30-\x3e\x41-\x5b\x5d-\x7e]/;

/** RFC 6454 section 6.2: a scheme, then a host with or without a port. */
const SERIALISED_ORIGIN = new RegExp(`^[a-z][a-z\\d+.-]*://${HOST_CHARACTER.source}+$`, 'i');

/** Origins are far shorter: a host name has 253 characters at most. */
const MAX_ORIGIN_SIZE = 1_024;

/** The origin of a sandboxed frame or a local file (RFC 6454 section 7.3). Only the patterns `null` and `*` let it in. */
const OPAQUE = 'null';

/** Pairs of origins that have only the scheme in common. A pattern that matches both lets in the whole web. */
const STRANGERS = [
  ['http://q.invalid', 'http://7-w.test:81'],
  ['https://q.invalid', 'https://7-w.test:81'],
] as const;

/** Returns the pattern that lets an origin in, or `null`. */
export type OriginMatcher = (origin: string) => string | null;

/**
 * Compiles the patterns.
 *
 * @throws ConfigError where there are no patterns, or one can never match
 */
export function compileOrigins(patterns: readonly string[]): OriginMatcher {
  const place: ConfigErrorPlace = { tag: 'wsorigin', key: 'allow' };
  if (patterns.length === 0) throw new ConfigError({ tag: 'wsorigin' }, 'is missing: at least one origin must be allowed');
  const globs = patterns.map((pattern): readonly [string, Glob] => {
    refuseImpossible(pattern, { ...place, value: pattern });
    return [pattern, compileGlob(pattern)];
  });
  return (origin) => {
    if (origin === OPAQUE) return globs.find(([pattern]) => pattern === OPAQUE || pattern === '*')?.[0] ?? null;
    if (!isSerialisedOrigin(origin)) return null;
    for (const [pattern, matches] of globs) if (matches(origin)) return pattern;
    return null;
  };
}

/** Whether a value is an origin as a browser writes it. */
export function isSerialisedOrigin(value: string): boolean {
  return value.length <= MAX_ORIGIN_SIZE && SERIALISED_ORIGIN.test(value);
}

/** Returns the patterns that let in whole parts of the web: `*`, `https://*` and those with the same effect. */
export function wideOrigins(patterns: readonly string[]): string[] {
  return patterns.filter((pattern) => {
    const glob = compileGlob(pattern);
    return STRANGERS.some((pair) => pair.every(glob));
  });
}

function refuseImpossible(pattern: unknown, place: ConfigErrorPlace): asserts pattern is string {
  if (typeof pattern !== 'string') throw new ConfigError(place, 'is not a text');
  if (pattern === '') throw new ConfigError(place, 'is empty');
  if (pattern.length > MAX_GLOB_SIZE) throw new ConfigError(place, `has ${pattern.length} characters, limit ${MAX_GLOB_SIZE}`);
  // `n?ll` matches the text `null`. It does not allow the origin `null`, but it is not a typing error either.
  const fitsOpaque = pattern === OPAQUE || (pattern.includes('?') && compileGlob(pattern)(OPAQUE));
  if (fitsOpaque || canMatchAnOrigin(pattern)) return;
  const authority = /:\/\/(.*)$/s.exec(pattern)?.[1] ?? pattern;
  if (authority.includes('/'))
    throw new ConfigError(place, 'has a path or a trailing slash, which no Origin has: it can never match');
  const wrong = /[^\x21-\x7e]|[#@\\,]/.exec(pattern);
  if (wrong !== null) throw new ConfigError(place, `has ${JSON.stringify(wrong[0])}, which no Origin has: it can never match`);
  throw new ConfigError(place, 'is not of the form scheme://host or scheme://host:port: it can never match');
}

/** The places in a serialised origin, in their order; one bit each. */
const START = 1;
const SCHEME = 2;
const COLON = 4;
const SLASH = 8;
const SLASHES = 16;
const HOST = 32;
const ALL = 63;

/**
 * Whether some serialised origin matches the pattern. Follows both at once, and keeps every place that the pattern read so far
 * can lead to.
 */
function canMatchAnOrigin(pattern: string): boolean {
  let places = START;
  for (const c of pattern) {
    if (c === '*') places = placesFrom(places);
    else if (c === '?') places = placesBehind(places);
    // RFC 3986 section 3.1: a scheme begins with a letter.
    else places = placesBehind(/[a-z]/i.test(c) ? places : places & ~START) & placesOf(c);
  }
  return (places & HOST) !== 0;
}

/** Returns the places that one more character can lead to. A scheme and a host go on; every other place is one character. */
function placesBehind(places: number): number {
  return ((places << 1) | (places & (SCHEME | HOST))) & ALL;
}

/** Returns the places that any number of further characters can lead to, zero included. */
function placesFrom(places: number): number {
  const first = places & -places;
  return places === 0 ? 0 : ALL & -first;
}

/** Returns the places that a character can stand at. */
function placesOf(c: string): number {
  if (c === ':') return COLON | HOST;
  if (c === '/') return SLASH | SLASHES;
  return (/[a-z\d+.-]/i.test(c) ? SCHEME : 0) | (HOST_CHARACTER.test(c) ? HOST : 0);
}
