/**
 * Which web pages may connect: `<wsorigin allow="…">`.
 *
 * In: the patterns, and the value of an `Origin` field. Out: the pattern that lets it in. It does not know what is answered to the others.
 *
 * InspIRCd's globs, on values that are a serialised origin (RFC 6454 section 6.2) and nothing else: over raw text its `*` also takes `https://evil.test/.example.com`,
 * and a line feed that ends up in operators' WHOIS.
 */
import { ConfigError, type ConfigErrorPlace } from '../errors.ts';
import { compileGlob, type Glob, MAX_GLOB_SIZE } from '../glob.ts';

/** A scheme, and behind it what may stand in a host and a port; no path, query, fragment, user, list or escape. */
const SERIALISED_ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[\x21\x22\x24-\x2b\x2d\x2e\x30-\x3e\x41-\x5b\x5d-\x7e]+$/i;

/** Far more than any origin has: names of hosts end at 253 characters. */
const MAX_ORIGIN_SIZE = 1_024;

/** What a sandboxed frame or a local file sends (RFC 6454 section 7.3): let in by name, or by `*`. */
const OPAQUE = 'null';

/** Patterns that let in whole parts of the web. */
const WIDE: ReadonlySet<string> = new Set(['*', 'http://*', 'https://*']);

/** Gives the pattern that lets an origin in, or `null`. */
export type OriginMatcher = (origin: string) => string | null;

/**
 * Compiles the patterns.
 *
 * @throws ConfigError where there are none, or one can never match
 */
export function compileOrigins(patterns: readonly string[]): OriginMatcher {
  const place: ConfigErrorPlace = { tag: 'wsorigin', key: 'allow' };
  if (!Array.isArray(patterns)) throw new ConfigError({ ...place, value: patterns }, 'must be a list of patterns');
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

/** Gives the patterns that are wider than an operator may know. */
export function wideOrigins(patterns: readonly string[]): string[] {
  return patterns.filter((pattern) => WIDE.has(pattern));
}

function refuseImpossible(pattern: unknown, place: ConfigErrorPlace): asserts pattern is string {
  if (typeof pattern !== 'string') throw new ConfigError(place, 'is not a text');
  if (pattern === '') throw new ConfigError(place, 'is empty');
  if (pattern.length > MAX_GLOB_SIZE) throw new ConfigError(place, `has ${pattern.length} characters, limit ${MAX_GLOB_SIZE}`);
  if (pattern === OPAQUE) return;
  const scheme = /^(.*?):\/\//.exec(pattern);
  const rest = scheme === null ? pattern : pattern.slice(scheme[0].length);
  if (rest.includes('/')) throw new ConfigError(place, 'has a path or a trailing slash, which no Origin has: it can never match');
  const wrong = /[^\x21-\x7e]|[#@\\,]/.exec(pattern);
  if (wrong !== null) throw new ConfigError(place, `has ${JSON.stringify(wrong[0])}, which no Origin has: it can never match`);
  if (scheme === null ? !/[*?]/.test(pattern) : scheme[1] === '' || rest === '') {
    throw new ConfigError(place, 'is not of the form scheme://host or scheme://host:port: it can never match');
  }
  // A scheme is letters, digits, "+", "-" and "." (RFC 3986 section 3.1), or what a wildcard stands for.
  if (scheme !== null && !/^[a-z*?][a-z\d+.*?-]*$/i.test(scheme[1] as string)) {
    throw new ConfigError(place, 'does not begin with a scheme: it can never match');
  }
}
