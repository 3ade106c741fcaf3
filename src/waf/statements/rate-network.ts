import { formatIpv6, isMapped, parseIpv6 } from '../../http/address-text.ts'

/** The /64 network of an IPv6 address, which is one customer; an IPv4 address as it is. */
export function rateNetwork(address: string): string {
  if (!address.includes(':')) return address
  const words = new Uint32Array(4)
  if (!parseIpv6(address, words) || isMapped(words)) return address
  words[2] = 0
  words[3] = 0
  return `${formatIpv6(words)}/64`
}
