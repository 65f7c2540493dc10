/**
 * What `--check` prints: what would be listened on, and connected to.
 *
 * In: settings. Out: text for people. No password is in it.
 */
import { X509Certificate } from 'node:crypto';
import type { DnsblZone } from '../dns/dnsbl.ts';
import type { Upstream } from '../gateway/index.ts';
import { addressOfUpstream } from '../gateway/upstream.ts';
import type { BindSettings } from './bind-tags.ts';
import type { GatewaySettings } from './gateway-config.ts';
import { urlOf } from './gateway-process.ts';

/** Describes settings, a line each. */
export function describeSettings(path: string, settings: GatewaySettings, workers: number): string {
  const { binds, hooks, upstreams, users, hostnames, dnsbl, limits, health, warnings } = settings;
  const lines = [
    ...binds.map((bind) => ['listen on', describeBind(bind)]),
    ...Object.entries(hooks).flatMap(([name, { origins, proxyRanges = [] }]) => [
      ['origins', `${forHook(name)}${origins.join(' ')}`],
      ['proxies', `${forHook(name)}${proxyRanges.length === 0 ? 'none' : proxyRanges.join(' ')}`],
    ]),
    ...upstreams.map((upstream) => ['connect to', describeUpstream(upstream)]),
    ['host names', hostnames === false ? 'not looked up' : 'looked up'],
    ['blocklists', dnsbl === null ? 'none' : dnsbl.zones.map(describeZone).join(', ')],
    ...Object.entries(users).map(([name, template]) => ['users', `${name} ${JSON.stringify(template)}`]),
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
    bind.websocket === '' ? '' : `<websocket name=${JSON.stringify(bind.websocket)}>`,
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

function describeUpstream(upstream: Upstream): string {
  const { tls = false, webirc, family, localAddress, pass, weight, encoding, path } = upstream;
  const isVerified = typeof tls !== 'object' || tls.rejectUnauthorized !== false;
  const plain = path === undefined ? 'plain TCP' : 'Unix domain socket';
  return [
    addressOfUpstream(upstream),
    tls === false ? plain : `TLS, certificate ${isVerified ? 'verified' : 'NOT VERIFIED'}`,
    webirc === undefined ? 'no WEBIRC' : `WEBIRC as ${webirc.gateway}`,
    ...(family === undefined ? [] : [`IPv${family}`]),
    ...(localAddress === undefined ? [] : [`from ${localAddress}`]),
    ...(pass === undefined ? [] : ['with a server password']),
    ...(weight === undefined ? [] : [`weight ${weight}`]),
    ...(encoding === undefined ? [] : [encoding]),
  ].join(', ');
}

function describeZone(zone: string | DnsblZone): string {
  if (typeof zone === 'string') return zone;
  const { codes, action = 'deny' } = zone;
  return `${zone.zone} (${action}${codes === undefined ? '' : `, codes ${codes.join(' ')}`})`;
}

function forHook(name: string): string {
  return name === '' ? '' : `${name}: `;
}
