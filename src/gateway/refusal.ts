/**
 * A refused request, as an operator needs to read of it: who came, from which page, and what was wrong.
 *
 * In: the refusal and the request. Out: events, the second of them with every check. It does not answer requests.
 */
import type { IncomingMessage } from 'node:http';
import { canonicalAddress, compileRanges, UNIX } from '../address/ranges.ts';
import { type ProxyRules, resolveClient } from '../admission/proxy.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { HandshakeError } from '../errors.ts';
import type { WebSocketHook } from '../hook.ts';
import { peerOf } from '../listening/peer.ts';
import { type GatewayEvent, SAID_SIZE } from './events.ts';

/** Describes a refusal: one event of level `info`, and one of level `debug` that tells every check. */
export function describeRefusal(
  error: HandshakeError,
  request: IncomingMessage,
  hook: Pick<WebSocketHook, 'config' | 'explain'>,
): GatewayEvent[] {
  const peer = canonicalAddress(request.socket.remoteAddress ?? '') ?? request.socket.remoteAddress ?? UNIX;
  const address = clientAddress(request, peer, hook) ?? peer;
  const origin = cut(request.headers.origin ?? null);
  const via = address === peer ? '' : ` through ${peer}`;
  const page = origin === null ? 'no Origin' : `Origin ${JSON.stringify(origin)}`;
  const hint = error.status === 400 && origin === null ? '; native clients need allowMissingOrigin' : '';
  const fields = { address, peer, origin, status: error.status, reason: error.reason, host: cut(request.headers.host ?? null) };
  return [
    {
      level: 'info',
      event: 'refused',
      message: `refused ${address}${via}: ${error.status} ${error.reason} (${page}${hint})`,
      fields,
    },
    {
      level: 'debug',
      event: 'refused',
      // Made only where somebody reads it.
      get message() {
        return hook.explain(request).toString();
      },
      fields,
    },
  ];
}

/** Returns the client's own address, as a trusted proxy tells it, whichever check refused the request. */
function clientAddress(request: IncomingMessage, peer: string, hook: Pick<WebSocketHook, 'config' | 'explain'>): string | null {
  const forwarded = peerOf(request.socket)?.forwarded;
  if (forwarded !== undefined) return forwarded.address;
  try {
    return resolveClient(request.rawHeaders, peer, proxyRulesOf(hook.config))?.address ?? null;
  } catch {
    // The header is what was wrong.
    return null;
  }
}

const compiled = new WeakMap<ResolvedConfig, ProxyRules>();

function proxyRulesOf(config: ResolvedConfig): ProxyRules {
  let rules = compiled.get(config);
  if (rules === undefined) {
    const { proxyRanges, proxyHeader: header, directClients } = config;
    const place = { tag: 'websocket', key: 'proxyranges' };
    rules = { trusted: proxyRanges.length === 0 ? null : compileRanges(proxyRanges, place), header, directClients };
    compiled.set(config, rules);
  }
  return rules;
}

function cut(text: string | null): string | null {
  return text === null ? null : text.slice(0, SAID_SIZE);
}
