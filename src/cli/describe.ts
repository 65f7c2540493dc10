/**
 * What `--check` prints: what would be listened on, and connected to.
 *
 * In: settings. Out: text for people. No password is in it.
 */
import { X509Certificate } from 'node:crypto';
import type { Upstream } from '../gateway/index.ts';
import type { BindSettings, GatewaySettings } from './gateway-config.ts';
import { urlOf } from './gateway-process.ts';

/** Describes settings, a line each. */
export function describeSettings(path: string, settings: GatewaySettings, workers: number): string {
  const { binds, hook, upstreams, hostnames, dnsbl, limits, health, warnings } = settings;
  const lines = [
    ...binds.map((bind) => ['listen on', describeBind(bind)]),
    ['origins', hook.origins.join(' ')],
    ['proxies', hook.proxyRanges === undefined || hook.proxyRanges.length === 0 ? 'none' : hook.proxyRanges.join(' ')],
    ...upstreams.map((upstream) => ['connect to', describeUpstream(upstream)]),
    ['host names', hostnames === false ? 'not looked up' : 'looked up'],
    ['blocklists', dnsbl === null ? 'none' : dnsbl.zones.join(' ')],
    ...Object.entries(limits).map(([name, value]) => ['limit', `${name} ${value}`]),
    ['health on', health === null ? 'nothing' : `${health.address} port ${health.port}`],
    ['workers', String(workers)],
    ...warnings.map((warning) => ['warning', warning]),
  ];
  return `${path} is right\n${lines.map(([what, text]) => `  ${what?.padEnd(12)}${text}\n`).join('')}`;
}

function describeBind(bind: BindSettings): string {
  const notes = [
    bind.tls === null ? '' : describeCertificate(bind.tls.cert),
    bind.proxyProtocol ? 'PROXY protocol' : '',
    bind.permissions === null ? '' : `mode 0${bind.permissions.toString(8)}`,
  ].filter((note) => note !== '');
  return [urlOf(bind), ...notes].join(', ');
}

function describeCertificate(pem: string): string {
  const certificate = new X509Certificate(pem);
  const names = certificate.subjectAltName ?? certificate.subject;
  const isOver = Date.parse(certificate.validTo) < Date.now();
  return `certificate of ${names.replace(/\n/g, ' ')}, ${isOver ? 'EXPIRED' : 'valid until'} ${certificate.validTo}`;
}

function describeUpstream({ host, port, tls = false, webirc }: Upstream): string {
  const isVerified = typeof tls !== 'object' || tls.rejectUnauthorized !== false;
  const transport = tls === false ? 'plain TCP' : `TLS, certificate ${isVerified ? 'verified' : 'NOT VERIFIED'}`;
  return `${host.includes(':') ? `[${host}]` : host}:${port}, ${transport}, ${webirc === undefined ? 'no WEBIRC' : `WEBIRC as ${webirc.gateway}`}`;
}
