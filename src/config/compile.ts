/**
 * The configuration as the hook needs it.
 *
 * In: plain data. Out: everything that the hook needs, compiled once, all or nothing; or one error that tells all that is wrong.
 * It does not know clients, which keep the configuration that they connected with, nor tags (`from-tags.ts`).
 */
import { compileRanges, type RangeMatcher } from '../address/ranges.ts';
import type { AdmissionRules } from '../admission/admission.ts';
import { compileOrigins } from '../admission/origin.ts';
import { ConfigError } from '../errors.ts';
import { ErrorList } from './error-list.ts';
import { ORIGIN_OPTIONS, WEBSOCKET_OPTIONS } from './options.ts';
import { type ConfigWarning, warningsOf } from './warnings.ts';
import type { WebSocketConfig } from './web-socket-config.ts';

/** The configuration in force: every option, defaults included. */
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

const TEXT_CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'ascii', 'us-ascii']);

/**
 * Checks and compiles a configuration.
 *
 * @throws ConfigError naming tag, key and value; with several errors, all of them
 */
export function compileConfig(config: WebSocketConfig): CompiledConfig {
  const errors = new ErrorList();
  const compiled = compileInto(errors, config);
  // An `origins` that is not a list was found wrong already.
  if (config.origins === undefined || Array.isArray(config.origins)) requireOrigins(errors, compiled.values.origins);
  errors.throwIfAny();
  return compiled;
}

/** Collects an error where there are no origins: nobody could come in. */
export function requireOrigins(errors: ErrorList, origins: readonly string[]): void {
  if (origins.length === 0) errors.attempt(() => compileOrigins([]));
}

/**
 * Compiles a configuration, and collects what is wrong with it but for a lack of origins. The result counts only where nothing is
 * wrong.
 */
export function compileInto(errors: ErrorList, config: WebSocketConfig): CompiledConfig {
  const values = resolve(config, errors);
  const allowsText = TEXT_CHARSETS.has(values.charset.toLowerCase());
  if (!allowsText && (values.defaultMode === 'text' || values.defaultMode === 'auto')) {
    errors.add(
      WEBSOCKET_OPTIONS.place('defaultMode', values.defaultMode),
      `needs a charset of UTF-8 or ASCII, and the server's is ${JSON.stringify(values.charset)}: set it to "binary" or "reject"`,
    );
  }
  // Each pattern is tried alone, so that all that are wrong are told.
  for (const pattern of values.origins) errors.attempt(() => compileOrigins([pattern]));
  for (const range of values.proxyRanges) errors.attempt(() => compileProxyRanges([range]));
  const isRight = errors.isEmpty && values.origins.length > 0;
  return {
    values,
    rules: {
      origins: isRight ? compileOrigins(values.origins) : () => null,
      allowMissingOrigin: values.allowMissingOrigin,
      proxy: {
        trusted: isRight && values.proxyRanges.length > 0 ? compileProxyRanges(values.proxyRanges) : null,
        header: values.proxyHeader,
        directClients: values.directClients,
      },
      defaultMode: values.defaultMode,
      allowsText,
      allowsResumption: values.resumeWindow > 0,
    },
    warnings: isRight ? warningsOf(values) : [],
  };
}

function compileProxyRanges(patterns: readonly string[]): RangeMatcher {
  return compileRanges(patterns, WEBSOCKET_OPTIONS.place('proxyRanges'));
}

/**
 * Checks each option, and fills in the defaults. An option that is wrong is at its default, so that the others can be checked
 * with it.
 */
function resolve(config: WebSocketConfig, errors: ErrorList): ResolvedConfig {
  if (typeof config !== 'object' || config === null)
    throw new ConfigError({ tag: 'websocket', value: config }, 'must be an object');
  const right = Object.entries(config).filter(([name, value]) => {
    const table = ORIGIN_OPTIONS.names.includes(name) ? ORIGIN_OPTIONS : WEBSOCKET_OPTIONS;
    if (value === undefined && table.names.includes(name)) return false;
    return table.check(name, value, errors, ORIGIN_OPTIONS.names);
  });
  const given = Object.fromEntries(right) as unknown as Partial<WebSocketConfig>;
  const legacyMode = given.sendAsText === undefined ? undefined : given.sendAsText ? 'text' : 'binary';
  const values = {
    ...WEBSOCKET_OPTIONS.defaults(),
    ...(legacyMode === undefined ? {} : { defaultMode: legacyMode }),
    ...given,
    origins: Object.freeze([...(given.origins ?? [])]),
    proxyRanges: Object.freeze([...(given.proxyRanges ?? [])]),
    fallbackEncoding: given.fallbackEncoding,
    sendAsText: given.sendAsText,
  };
  return Object.freeze(values) as unknown as ResolvedConfig;
}
