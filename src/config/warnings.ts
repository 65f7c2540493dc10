/**
 * What works in a configuration, and may not be what was meant.
 *
 * In: a configuration that was checked. Out: warnings. It does not know how they are told.
 */
import { wideOrigins } from '../admission/origin.ts';
import { KNOWN_PROXY_HEADERS } from './options.ts';
import type { WebSocketConfig } from './web-socket-config.ts';

/** Something that works, and may not be what was meant. */
export interface ConfigWarning {
  readonly code: string;
  readonly message: string;
  readonly isDeprecation: boolean;
}

/** Ranges that hold every address of a family. */
const EVERYBODY = /^(?:\*[*?.:]*|.*\/0)$/;

/** Returns the warnings about a configuration. */
export function warningsOf({
  origins,
  proxyRanges = [],
  proxyHeader = 'auto',
  sendAsText,
}: Pick<WebSocketConfig, 'origins' | 'proxyRanges' | 'proxyHeader'> & {
  readonly sendAsText?: boolean | undefined;
}): ConfigWarning[] {
  const warnings = wideOrigins(origins).map((pattern) =>
    warning(
      'IRCD_WEBSOCKET_WIDE_ORIGIN',
      `<wsorigin:allow> ${JSON.stringify(pattern)} lets any web page connect with its visitor's address and cookies`,
    ),
  );
  for (const range of proxyRanges.filter((pattern) => EVERYBODY.test(pattern))) {
    warnings.push(
      warning(
        'IRCD_WEBSOCKET_WIDE_PROXY',
        `<websocket:proxyranges> ${JSON.stringify(range)} believes whatever address any client writes into a header`,
      ),
    );
  }
  if (!KNOWN_PROXY_HEADERS.includes(proxyHeader)) {
    warnings.push(
      warning(
        'IRCD_WEBSOCKET_UNKNOWN_PROXY_HEADER',
        `<websocket:proxyheader> ${JSON.stringify(proxyHeader)} is not a field of a known proxy: check that your proxy overwrites it`,
      ),
    );
  }
  if (sendAsText !== undefined) {
    const message = '<websocket:sendastext> is deprecated since InspIRCd 3.12: set <websocket:defaultmode> to "text" or "binary"';
    warnings.push({ code: 'IRCD_WEBSOCKET_SENDASTEXT', message, isDeprecation: true });
  }
  return warnings;
}

function warning(code: string, message: string): ConfigWarning {
  return { code, message, isDeprecation: false };
}
