/**
 * Username gateways: the user's IPv4 address as eight hexadecimal digits in the username, `cb007109` for 203.0.113.9.
 *
 * In: a username. Out: the address in it. The oldest way of gateways (CGI:IRC, Mibbit), for IPv4 alone. It does not know which
 * peers are gateways.
 */

/**
 * Returns the address that a username holds, not yet checked to be a host's; `null` for any other username.
 *
 * The `~` that servers put before a username that no identd confirmed may be there. InspIRCd takes what begins with hexadecimal
 * digits, so that `cb00710g` is 12.176.7.16; here all eight must be.
 */
export function addressOfUsername(username: string): string | null {
  const [, digits] = /^~?([\da-f]{8})$/i.exec(username) ?? [];
  return digits === undefined ? null : [...Buffer.from(digits, 'hex')].join('.');
}
