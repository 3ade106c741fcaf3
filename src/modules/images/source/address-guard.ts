import { compileCidrs } from '../../../http/address.ts'
import { formatIpv4, parseIpv4, parseIpv6 } from '../../../http/address-text.ts'

/** Addresses that a picture is never fetched from (IANA special-purpose registries, RFC 6890). */
const PRIVATE = compileCidrs([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...[
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.31.196.0/24',
    '192.52.193.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
  ],
  ...['192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  ...['::/127', '64:ff9b:1::/48', '100::/64', '2001:db8::/32', '2001:2::/48', '2001:10::/28', '2001:20::/28'],
  ...['3fff::/20', '5f00::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
])

/** True for an address that must not be connected to, also when an IPv4 address is hidden in an IPv6 one. */
export function isForbiddenAddress(address: string, isAllowed: (address: string) => boolean): boolean {
  if (isAllowed(address)) return false
  if (PRIVATE(address)) return true
  const hidden = embeddedIpv4(address)
  if (hidden === 'unreadable') return true
  return hidden.some((each) => PRIVATE(each) && !isAllowed(each))
}

/** The IPv4 addresses that gateways and tunnels would reach for an IPv6 address. */
function embeddedIpv4(address: string): string[] | 'unreadable' {
  if (parseIpv4(address) !== -1) return []
  const words = new Uint32Array(4)
  if (!parseIpv6(address, words)) return 'unreadable'
  const [first = 0, second = 0, third = 0, fourth = 0] = words
  const found: string[] = []
  // Compatible ::a.b.c.d (RFC 4291 2.5.5.1), mapped, and translated ::ffff:0:a.b.c.d (RFC 2765).
  if (first === 0 && second === 0 && (third === 0 || third === 0xffff || third === 0xffff0000))
    found.push(formatIpv4(fourth))
  // NAT64 64:ff9b::/96 (RFC 6052).
  if (first === 0x0064ff9b && second === 0 && third === 0) found.push(formatIpv4(fourth))
  // 6to4 2002::/16 (RFC 3056).
  if (first >>> 16 === 0x2002) found.push(formatIpv4((((first & 0xffff) << 16) | (second >>> 16)) >>> 0))
  // Teredo 2001::/32 (RFC 4380): the server, and the client with its bits turned over.
  if (first === 0x20010000) found.push(formatIpv4(second), formatIpv4(~fourth >>> 0))
  // ISATAP (RFC 5214): interface identifier 0:5efe or 200:5efe.
  if ((third & 0xfdffffff) >>> 0 === 0x00005efe) found.push(formatIpv4(fourth))
  return found
}
