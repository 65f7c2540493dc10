/**
 * The network that an address belongs to, for limits: an IPv4 address is its own, an IPv6 address stands for the prefix that its
 * owner was given.
 *
 * In: a canonical address. Out: a key to count by. It does not know what is counted.
 */
import { isIPv6 } from 'node:net';
import { reverseLabels } from '../dns/reverse-name.ts';

/** RFC 6177: a site gets at least a /64, so that one person has 2^64 addresses. */
export const DEFAULT_IPV6_PREFIX = 64;

/** Returns the 32 hexadecimal digits of an IPv6 address, or the eight of an IPv4 address. */
export function hexOfAddress(address: string): string {
  const labels = reverseLabels(address).split('.').reverse();
  return isIPv6(address) ? labels.join('') : labels.map((label) => Number(label).toString(16).padStart(2, '0')).join('');
}

/**
 * Returns the key by which an address is counted: `203.0.113.9`, `20010db800000001/64`, `unix`.
 *
 * @param ipv6Prefix bits of an IPv6 address that count, 1 to 128
 */
export function networkOf(address: string, ipv6Prefix: number): string {
  if (!isIPv6(address)) return address;
  const whole = Math.floor(ipv6Prefix / 4);
  const digits = hexOfAddress(address);
  const bits = ipv6Prefix % 4;
  const partial = bits === 0 ? '' : (Number.parseInt(digits[whole] as string, 16) & (0xf << (4 - bits))).toString(16);
  return `${digits.slice(0, whole)}${partial}/${ipv6Prefix}`;
}
