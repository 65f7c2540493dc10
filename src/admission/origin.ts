/**
 * Which web pages may connect: `<wsorigin allow="…">`.
 *
 * In: the patterns, and the value of an `Origin` field. Out: the pattern that lets it in. It does not know what is answered to the others.
 *
 * InspIRCd's globs, on values that are a serialised origin (RFC 6454 section 6.2) and nothing else: over raw text its `*` also takes `https://evil.test/.example.com`,
 * and a line feed that ends up in operators' WHOIS.
 */

import { compileGlob, type Glob, MAX_GLOB_SIZE } from '../address/glob.ts';
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';

/** What may stand in a host and a port; nothing of a path, query, fragment, user, list or escape. */
const HOST_CHARACTER = /[\x21\x22\x24-\x2b\x2d\x2e\x30-\x3e\x41-\x5b\x5d-\x7e]/;

/** RFC 6454 section 6.2: a scheme, and behind it a host with or without a port. */
const SERIALISED_ORIGIN = new RegExp(`^[a-z][a-z\\d+.-]*://${HOST_CHARACTER.source}+$`, 'i');

/** Far more than any origin has: names of hosts end at 253 characters. */
const MAX_ORIGIN_SIZE = 1_024;

/** What a sandboxed frame or a local file sends (RFC 6454 section 7.3): let in by name, or by `*`. */
const OPAQUE = 'null';

/** Two origins that have nothing in common but the scheme: a pattern that lets both in lets in the web. */
const STRANGERS = [
  ['http://q.invalid', 'http://7-w.test:81'],
  ['https://q.invalid', 'https://7-w.test:81'],
] as const;

/** Gives the pattern that lets an origin in, or `null`. */
export type OriginMatcher = (origin: string) => string | null;

/**
 * Compiles the patterns.
 *
 * @throws ConfigError where there are none, or one can never match
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

/** Tells whether a value is an origin as a browser writes it. */
export function isSerialisedOrigin(value: string): boolean {
  return value.length <= MAX_ORIGIN_SIZE && SERIALISED_ORIGIN.test(value);
}

/** Gives the patterns that let in whole parts of the web: `*`, `https://*` and whatever comes to the same. */
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
  // A glob that fits the text `null` lets nothing in by that, but whoever wrote `n?ll` did not mistype an origin.
  const fitsOpaque = pattern === OPAQUE || (pattern.includes('?') && compileGlob(pattern)(OPAQUE));
  if (fitsOpaque || canMatchAnOrigin(pattern)) return;
  const authority = /:\/\/(.*)$/s.exec(pattern)?.[1] ?? pattern;
  if (authority.includes('/'))
    throw new ConfigError(place, 'has a path or a trailing slash, which no Origin has: it can never match');
  const wrong = /[^\x21-\x7e]|[#@\\,]/.exec(pattern);
  if (wrong !== null) throw new ConfigError(place, `has ${JSON.stringify(wrong[0])}, which no Origin has: it can never match`);
  throw new ConfigError(place, 'is not of the form scheme://host or scheme://host:port: it can never match');
}

/** Where in a serialised origin one can be: a bit each, in their order. */
const START = 1;
const SCHEME = 2;
const COLON = 4;
const SLASH = 8;
const SLASHES = 16;
const HOST = 32;
const ALL = 63;

/** Whether some serialised origin matches the pattern: follows both at once, and keeps every place that what there is of the pattern can lead to. */
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

/** The places that one more character can lead to: a scheme and a host go on, everything else is one character. */
function placesBehind(places: number): number {
  return ((places << 1) | (places & (SCHEME | HOST))) & ALL;
}

/** The places that any number of further characters, or none, can lead to. */
function placesFrom(places: number): number {
  const first = places & -places;
  return places === 0 ? 0 : ALL & -first;
}

/** The places that a character can stand at. */
function placesOf(c: string): number {
  if (c === ':') return COLON | HOST;
  if (c === '/') return SLASH | SLASHES;
  return (/[a-z\d+.-]/i.test(c) ? SCHEME : 0) | (HOST_CHARACTER.test(c) ? HOST : 0);
}
