/**
 * The configuration: what may be set, what it is when it is not, and what is refused.
 *
 * In: plain data, or InspIRCd's tags. Out: everything that the hook needs, compiled once, all or nothing. It does not know clients: those keep what they came in
 * with.
 */

import { compileRanges } from '../address/ranges.ts';
import type { AdmissionRules } from '../admission/admission.ts';
import { compileOrigins, wideOrigins } from '../admission/origin.ts';
import type { ProxyHeader } from '../admission/proxy.ts';
import { ConfigError } from '../errors.ts';
import type { ConfigTag } from './tags.ts';

/** What an operator sets, and `rehash` may change: plain data. In brackets: the key of the `<websocket>` tag. */
export interface WebSocketConfig {
  /** Globs of the web pages that may connect, `<wsorigin allow="https://*.example.com">`. Empty is an error, as in InspIRCd. */
  readonly origins: readonly string[];
  /** Lets clients in that send no `Origin` at all: native ones [allowmissingorigin]. @defaultValue `false`: the documented 400 */
  readonly allowMissingOrigin?: boolean;
  /**
   * What a client gets that names no subprotocol [defaultmode]: text or binary frames, the documented 400, or (`auto`, the IRCv3 specification's hint) frames
   * as its first message has them. @defaultValue `'text'`
   */
  readonly defaultMode?: 'text' | 'binary' | 'reject' | 'auto';
  /** Says `defaultMode` in the words of InspIRCd before 3.12 [sendastext]. @deprecated since InspIRCd 3.12: use `defaultMode`, which wins */
  readonly sendAsText?: boolean;
  /** The proxies whose headers are believed [proxyranges]: addresses, CIDR ranges, globs, `loopback`, `unix`. @defaultValue `[]` */
  readonly proxyRanges?: readonly string[];
  /**
   * The one field in which the proxies tell the client's address [proxyheader]; `auto` is X-Real-IP, then X-Forwarded-For, as documented. Name the one that
   * your proxy overwrites: any other is whatever the client wrote. @defaultValue `'auto'`
   */
  readonly proxyHeader?: ProxyHeader;
  /**
   * What becomes of peers outside `proxyRanges` [directclients]: `reject` is the documented behaviour, 400 for everybody without a field; `accept` gives them
   * their own address, and reads no field. @defaultValue `'reject'`
   */
  readonly directClients?: 'reject' | 'accept';
  /** Whether connectivity is checked by WebSocket pings [nativeping]; if not, the IRC server sends its own. @defaultValue `true` */
  readonly nativePing?: boolean;
  /** Milliseconds of silence before a ping [pinginterval, a duration]; below the 60 s after which common proxies cut. 0: only `socket.ping()`. @defaultValue `30000` */
  readonly pingInterval?: number;
  /** Milliseconds within which anything must come back [pingtimeout, a duration]. @defaultValue `60000` */
  readonly pingTimeout?: number;
  /** The server's charset [charset]; one that is neither ASCII nor UTF-8 makes text mode an error, as in InspIRCd 4. @defaultValue `'utf-8'` */
  readonly charset?: string;
  /** What bytes that are not UTF-8 are taken for in text mode, a `TextDecoder` label [fallbackencoding]. @defaultValue none: they become U+FFFD */
  readonly fallbackEncoding?: string | undefined;
  /** Bytes of one message [maxmessagesize]; over it the client is closed, 1009. @defaultValue `8701`: 8,191 of tags and 510 */
  readonly maxMessageSize?: number;
  /** Frames of one message [maxfragments]; over it: 1008. @defaultValue `16` */
  readonly maxFragments?: number;
  /** Bytes that may queue for one client [sendqueuelimit]; over it the client is closed, "SendQ exceeded". @defaultValue `1048576` */
  readonly sendQueueLimit?: number;
  /** Milliseconds until a client must be in [handshaketimeout, a duration], `authorize` included. @defaultValue `10000` */
  readonly handshakeTimeout?: number;
  /** Milliseconds that a closing handshake may take [closetimeout, a duration]. @defaultValue `5000` */
  readonly closeTimeout?: number;
  /** How a client is refused [rejectmode]: by the HTTP error, or by accepting and closing it with the reason, which JavaScript can read. @defaultValue `'http'` */
  readonly rejectMode?: 'http' | 'close-frame';
  /**
   * Milliseconds that a client may be away without leaving, if it asks for that [resumewindow, a duration]: its connection is lost and it comes back. 0: never.
   * @defaultValue `60000`
   */
  readonly resumeWindow?: number;
  /** The name of this server in the tokens of such clients [resumenode], by which balancers find it: 1 to 32 of `A-Z a-z 0-9 _ -`. @defaultValue `'0'` */
  readonly resumeNode?: string;
}

/** What is in force: every option, defaults included. */
export type ResolvedConfig = Readonly<Required<Omit<WebSocketConfig, 'fallbackEncoding' | 'sendAsText'>>> & {
  readonly fallbackEncoding: string | undefined;
  readonly sendAsText: boolean | undefined;
};

/** A configuration that can work, compiled. */
export interface CompiledConfig {
  readonly values: ResolvedConfig;
  readonly rules: AdmissionRules;
  readonly warnings: readonly ConfigWarning[];
}

/** Something that works, and may not be what was meant. */
export interface ConfigWarning {
  readonly code: string;
  readonly message: string;
  readonly isDeprecation: boolean;
}

const DEFAULTS = {
  allowMissingOrigin: false,
  defaultMode: 'text',
  proxyRanges: [],
  proxyHeader: 'auto',
  directClients: 'reject',
  nativePing: true,
  pingInterval: 30_000,
  pingTimeout: 60_000,
  charset: 'utf-8',
  fallbackEncoding: undefined,
  maxMessageSize: 8_701,
  maxFragments: 16,
  sendQueueLimit: 1_048_576,
  handshakeTimeout: 10_000,
  closeTimeout: 5_000,
  rejectMode: 'http',
  resumeWindow: 60_000,
  resumeNode: '0',
} as const satisfies Omit<WebSocketConfig, 'origins' | 'sendAsText'>;

type Option = keyof WebSocketConfig;

const CHOICES = {
  defaultMode: ['text', 'binary', 'reject', 'auto'],
  proxyHeader: ['auto', 'x-real-ip', 'x-forwarded-for', 'forwarded', 'cf-connecting-ip', 'true-client-ip'],
  directClients: ['reject', 'accept'],
  rejectMode: ['http', 'close-frame'],
} as const;

const BOOLEANS = ['allowMissingOrigin', 'nativePing', 'sendAsText'] as const;

/** What a number may be, both ends included. Timers end at 2^31 - 1 milliseconds. */
const DURATIONS = {
  pingInterval: [0, 2 ** 31 - 1],
  pingTimeout: [1, 2 ** 31 - 1],
  handshakeTimeout: [1, 2 ** 31 - 1],
  closeTimeout: [1, 2 ** 31 - 1],
  resumeWindow: [0, 2 ** 31 - 1],
} as const;

const SIZES = {
  maxMessageSize: [1, 2 ** 30],
  maxFragments: [1, Number.MAX_SAFE_INTEGER],
  sendQueueLimit: [1, Number.MAX_SAFE_INTEGER],
} as const;

const NUMBERS = { ...DURATIONS, ...SIZES };

/** `origins` is in another tag. */
const OPTIONS: readonly Option[] = ['origins', ...BOOLEANS, ...(Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[])];

const TEXT_CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'ascii', 'us-ascii']);

/**
 * Checks and compiles a configuration.
 *
 * @throws ConfigError naming tag, key and value
 */
export function compileConfig(config: WebSocketConfig): CompiledConfig {
  if (typeof config !== 'object' || config === null)
    throw new ConfigError({ tag: 'websocket', value: config }, 'must be an object');
  for (const key of Object.keys(config)) refuseUnknownOption(key);
  const given = Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== undefined),
  ) as unknown as WebSocketConfig;
  checkTypes(given);
  const legacyMode = given.sendAsText === undefined ? undefined : given.sendAsText ? 'text' : 'binary';
  const values: ResolvedConfig = Object.freeze({
    ...DEFAULTS,
    ...(legacyMode === undefined ? {} : { defaultMode: legacyMode }),
    ...given,
    origins: Object.freeze([...(given.origins ?? [])]),
    proxyRanges: Object.freeze([...(given.proxyRanges ?? [])]),
    fallbackEncoding: given.fallbackEncoding,
    sendAsText: given.sendAsText,
  });
  const allowsText = TEXT_CHARSETS.has(values.charset.toLowerCase());
  if (!allowsText && (values.defaultMode === 'text' || values.defaultMode === 'auto')) {
    throw new ConfigError(
      { tag: 'websocket', key: 'defaultmode', value: values.defaultMode },
      `needs a charset of UTF-8 or ASCII, and the server's is ${JSON.stringify(values.charset)}: set it to "binary" or "reject"`,
    );
  }
  return {
    values,
    rules: {
      origins: compileOrigins(values.origins),
      allowMissingOrigin: values.allowMissingOrigin,
      proxy: {
        trusted:
          values.proxyRanges.length === 0 ? null : compileRanges(values.proxyRanges, { tag: 'websocket', key: 'proxyranges' }),
        header: values.proxyHeader,
        directClients: values.directClients,
      },
      defaultMode: values.defaultMode,
      allowsText,
      allowsResumption: values.resumeWindow > 0,
    },
    warnings: warningsOf(values),
  };
}

/**
 * Makes a configuration of InspIRCd's tags: one `<websocket>`, any number of `<wsorigin>`; other tags are passed over.
 *
 * @throws ConfigError naming tag, key, value and line; what depends on several tags is refused when the hook is made
 */
export function configFromTags(tags: Iterable<ConfigTag>): WebSocketConfig {
  const all = [...tags];
  const origins: string[] = [];
  const config: { -readonly [K in Option]?: unknown } = {};
  let previous: ConfigTag | undefined;
  for (const tag of all) {
    if (tag.name === 'wsorigin') {
      origins.push(originOf(tag));
    } else if (tag.name === 'websocket') {
      if (previous !== undefined)
        throw new ConfigError({ tag: tag.name, line: tag.line }, `is there twice, first on line ${previous.line}`);
      previous = tag;
      for (const [key, value] of tag.entries) {
        const option = TAG_OPTIONS.get(key);
        if (option === undefined)
          throw new ConfigError(
            { tag: tag.name, key, value, line: tag.line },
            `is not known${suggestion(key, [...TAG_OPTIONS.keys()])}`,
          );
        config[option] = tagValue(option, value, { tag: tag.name, key, value, line: tag.line });
      }
    }
  }
  const whole = { ...config, origins } as WebSocketConfig;
  try {
    compileConfig(whole);
  } catch (error) {
    if (error instanceof ConfigError) throw withLine(error, all, previous);
    throw error;
  }
  return whole;
}

const TAG_OPTIONS: ReadonlyMap<string, Option> = new Map(
  OPTIONS.filter((option) => option !== 'origins').map((option) => [option.toLowerCase(), option] as const),
);

/** Where a value stands. */
export type Place = { tag: string; key: string; value: string; line: number };

function originOf({ name, entries, line }: ConfigTag): string {
  for (const key of entries.keys())
    if (key !== 'allow')
      throw new ConfigError({ tag: name, key, value: entries.get(key), line }, 'is not known: a <wsorigin> has "allow"');
  const allow = entries.get('allow');
  if (allow === undefined || allow === '') throw new ConfigError({ tag: name, key: 'allow', line }, 'is missing');
  return allow;
}

function tagValue(option: Option, value: string, place: Place): unknown {
  if ((BOOLEANS as readonly string[]).includes(option)) return parseBoolean(value, place);
  if (option in DURATIONS) return parseDuration(value, place);
  if (option in SIZES) return parseSize(value, place);
  if (option === 'proxyRanges') return value.split(/\s+/).filter((range) => range !== '');
  if (option in CHOICES) return value.toLowerCase();
  return value;
}

/** @throws ConfigError */
export function parseBoolean(value: string, place: Place): boolean {
  const lower = value.toLowerCase();
  if (['yes', 'true', 'on', '1'].includes(lower)) return true;
  if (['no', 'false', 'off', '0'].includes(lower)) return false;
  throw new ConfigError(place, 'must be "yes" or "no"');
}

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, y: 31_557_600 };

/**
 * InspIRCd's durations: seconds, or `1m30s`; what ends without a unit is seconds. Fractions of a second are ours.
 *
 * @throws ConfigError
 */
export function parseDuration(value: string, place: Place): number {
  if (value === '' || !/^(\d+(\.\d+)?[smhdwy])*(\d+(\.\d+)?)?$/i.test(value))
    throw new ConfigError(place, 'must be a duration such as "30", "30s" or "1m30s"');
  let seconds = 0;
  for (const [, count, unit] of value.toLowerCase().matchAll(/(\d+(?:\.\d+)?)([smhdwy]?)/g))
    seconds += Number(count) * (SECONDS[unit as string] as number);
  return Math.round(seconds * 1_000);
}

const BYTES: Readonly<Record<string, number>> = { '': 1, k: 1_024, m: 1_024 ** 2, g: 1_024 ** 3 };

function parseSize(value: string, place: Place): number {
  const [, count, unit] = /^(\d+)([kmg]?)$/i.exec(value) ?? [];
  if (count === undefined || unit === undefined) throw new ConfigError(place, 'must be a number such as "8701", "64K" or "1M"');
  return Number(count) * (BYTES[unit.toLowerCase()] as number);
}

/** Gives the same error with the line of the tag that it is about. */
function withLine(error: ConfigError, tags: readonly ConfigTag[], websocket: ConfigTag | undefined): ConfigError {
  const { tag, key, value } = error;
  const culprit =
    tag === 'websocket' ? websocket : tags.find(({ name, entries }) => name === tag && entries.get(key ?? '') === value);
  if (culprit === undefined) return error;
  return new ConfigError({ tag, key, value, line: culprit.line }, error.problem);
}

function refuseUnknownOption(key: string): void {
  if ((OPTIONS as readonly string[]).includes(key)) return;
  throw new ConfigError({ tag: 'websocket', key }, `is not an option${suggestion(key, OPTIONS)}`);
}

/** Guesses what was meant: the option that the fewest typing errors lead to, a third of its letters at the most. */
export function suggestion(key: string, options: readonly string[]): string {
  let meant: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const option of options) {
    const errors = typingErrors(key.slice(0, 40).toLowerCase(), option.toLowerCase());
    if (errors < fewest && errors <= option.length / 3) [meant, fewest] = [option, errors];
  }
  return meant === undefined ? '' : `: did you mean ${meant}?`;
}

/** Levenshtein's distance: letters to insert, to drop and to replace. */
function typingErrors(typed: string, meant: string): number {
  let row = Array.from({ length: meant.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...typed].entries()) {
    const next = [i + 1];
    for (let j = 0; j < meant.length; j++) {
      const replaced = (row[j] as number) + (letter === meant[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[meant.length] as number;
}

function checkTypes(config: WebSocketConfig): void {
  for (const [option, value] of Object.entries(config) as [Option, unknown][]) {
    const place =
      option === 'origins' ? { tag: 'wsorigin', key: 'allow', value } : { tag: 'websocket', key: option.toLowerCase(), value };
    if ((BOOLEANS as readonly string[]).includes(option) && typeof value !== 'boolean')
      throw new ConfigError(place, 'must be true or false');
    if (option in CHOICES) {
      const choices: readonly unknown[] = CHOICES[option as keyof typeof CHOICES];
      if (!choices.includes(value)) throw new ConfigError(place, `must be one of ${choices.join(', ')}`);
    }
    if (option in NUMBERS) {
      const [least, most] = NUMBERS[option as keyof typeof NUMBERS];
      if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
        throw new ConfigError(place, `must be a whole number from ${least} to ${most}`);
      }
    }
    if ((option === 'origins' || option === 'proxyRanges') && !Array.isArray(value))
      throw new ConfigError(place, 'must be a list of patterns');
    if ((option === 'charset' || option === 'fallbackEncoding') && typeof value !== 'string')
      throw new ConfigError(place, 'must be a text');
    if (option === 'resumeNode' && !(typeof value === 'string' && /^[\w-]{1,32}$/.test(value)))
      throw new ConfigError(place, 'must be 1 to 32 letters, digits, "_" and "-"');
    if (option === 'fallbackEncoding') checkEncoding(value as string, place);
  }
}

function checkEncoding(label: string, place: { tag: string; key: string; value: unknown }): void {
  try {
    new TextDecoder(label);
  } catch (error) {
    throw new ConfigError(place, 'is not an encoding that TextDecoder knows', { cause: error });
  }
}

/** Ranges that hold every address of a family. */
const EVERYBODY = /^(?:\*[*?.:]*|.*\/0)$/;

function warningsOf({ origins, proxyRanges, sendAsText }: ResolvedConfig): ConfigWarning[] {
  const warnings = wideOrigins(origins).map(
    (pattern): ConfigWarning => ({
      code: 'IRCD_WEBSOCKET_WIDE_ORIGIN',
      message: `<wsorigin:allow> ${JSON.stringify(pattern)} lets any web page connect with its visitor's address and cookies`,
      isDeprecation: false,
    }),
  );
  for (const range of proxyRanges.filter((pattern) => EVERYBODY.test(pattern))) {
    warnings.push({
      code: 'IRCD_WEBSOCKET_WIDE_PROXY',
      message: `<websocket:proxyranges> ${JSON.stringify(range)} believes whatever address any client writes into a header`,
      isDeprecation: false,
    });
  }
  if (sendAsText !== undefined) {
    warnings.push({
      code: 'IRCD_WEBSOCKET_SENDASTEXT',
      message: '<websocket:sendastext> is deprecated since InspIRCd 3.12: set <websocket:defaultmode> to "text" or "binary"',
      isDeprecation: true,
    });
  }
  return warnings;
}
