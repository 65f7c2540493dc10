/**
 * Addresses as names: what the reverse DNS and the lists of bad addresses are asked by.
 *
 * In: a canonical address. Out: its labels, last part first. RFC 1035 section 3.5 (IPv4), RFC 3596 section 2.5 (IPv6), RFC 5782
 * sections 2.1 and 2.4 (lists). It does not know zones.
 */
import { isIPv4 } from 'node:net';

/** Returns the labels: `9.113.0.203` for 203.0.113.9, 32 hexadecimal digits for IPv6. */
export function reverseLabels(address: string): string {
  return isIPv4(address) ? address.split('.').reverse().join('.') : [...ipv6Digits(address)].reverse().join('.');
}

/** Returns the name that a PTR record of the address has. */
export function reverseName(address: string): string {
  return `${reverseLabels(address)}.${isIPv4(address) ? 'in-addr' : 'ip6'}.arpa`;
}

function ipv6Digits(address: string): string {
  // Node writes the last 32 bits of `::10.1.2.3` as IPv4.
  const hex = address.replace(/[\d.]+\.[\d.]+$/, (quad) => {
    const digits = Buffer.from(quad.split('.').map(Number)).toString('hex');
    return `${digits.slice(0, 4)}:${digits.slice(4)}`;
  });
  const [before = [], after = []] = hex.split('::').map((side) => side.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('');
}
