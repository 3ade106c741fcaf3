import { formatIpv6, parseIpv4, parseIpv6 } from '../../http/address-text.ts'

/** A block of addresses. Blocks nest or are apart; they never overlap in part. */
export interface Range {
  /** Canonical: `192.0.2.0/24`, `2001:db8::/32` (RFC 4632, RFC 5952). Equal texts are equal blocks. */
  readonly text: string
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
  readonly length: number
}

/** The widest block that a list may hold: one wider is a mistake, and opens a firewall to half the world. */
export const SHORTEST_PREFIX = { 4: 8, 6: 16 } as const

const BITS = { 4: 32, 6: 128 } as const

/** Reads a block or a single address; bits behind the prefix are cleared. Gives a sentence where it is none. */
export function parseRange(text: string): Range | string {
  const [address = '', prefix, ...rest] = text.split('/')
  const words = new Uint32Array(4)
  const ipv4 = parseIpv4(address)
  const shown = JSON.stringify(text.slice(0, 60))
  if (rest.length > 0 || (ipv4 === -1 && !parseIpv6(address, words)))
    return `${shown} is no address range such as 192.0.2.0/24 or 2001:db8::/32`
  const family = ipv4 === -1 ? 6 : 4
  const length =
    prefix === undefined ? BITS[family] : /^(?:0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : -1
  if (length < 0 || length > BITS[family])
    return `${shown} needs a prefix length from 0 to ${BITS[family]} after the slash`
  const value = family === 4 ? BigInt(ipv4) : words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
  return makeRange(family, value, length)
}

function makeRange(family: 4 | 6, address: bigint, length: number): Range {
  const rest = BigInt(BITS[family] - length)
  const first = (address >> rest) << rest
  const last = first + (1n << rest) - 1n
  return { text: `${formatAddress(family, first)}/${length}`, family, first, last, length }
}

function formatAddress(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
  return formatIpv6(Uint32Array.from([96n, 64n, 32n, 0n], (shift) => Number((value >> shift) & 0xffff_ffffn)))
}

/** IPv4 before IPv6, then by address, the wider of two first. */
export function compareRanges(a: Range, b: Range): number {
  if (a.family !== b.family) return a.family - b.family
  if (a.first !== b.first) return a.first < b.first ? -1 : 1
  return a.length - b.length
}

/** Sorted, each once. */
export function distinctRanges(ranges: readonly Range[]): readonly Range[] {
  return [...new Map(ranges.map((range) => [range.text, range])).values()].toSorted(compareRanges)
}

/** The fewest blocks that hold exactly the same addresses: nested ones go, neighbours of one parent become it. */
export function aggregateRanges(ranges: readonly Range[]): readonly Range[] {
  const kept: Range[] = []
  for (const range of ranges.toSorted(compareRanges)) {
    const before = kept.at(-1)
    if (before !== undefined && before.family === range.family && range.last <= before.last) continue
    kept.push(range)
    for (;;) {
      const right = kept.at(-1)
      const left = kept.at(-2)
      if (left === undefined || right === undefined || !areHalves(left, right)) break
      kept.splice(-2, 2, makeRange(left.family, left.first, left.length - 1))
    }
  }
  return kept
}

function areHalves(left: Range, right: Range): boolean {
  if (left.family !== right.family || left.length !== right.length || left.length === 0) return false
  const parent = makeRange(left.family, left.first, left.length - 1)
  return parent.first === left.first && parent.last === right.last
}

/** A set of addresses that is asked about blocks. */
export interface Cover {
  /** Every address of the block is in it. */
  contains(range: Range): boolean
  /** At least one is. */
  overlaps(range: Range): boolean
}

export function coverOf(ranges: readonly Range[]): Cover {
  const blocks = {
    4: aggregateRanges(ranges.filter(({ family }) => family === 4)),
    6: aggregateRanges(ranges.filter(({ family }) => family === 6)),
  }
  /** The last block that begins at or before `address`. */
  const at = (sorted: readonly Range[], address: bigint): Range | undefined => {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle]!.first <= address) low = middle + 1
      else high = middle
    }
    return sorted[low - 1]
  }
  return {
    // A block that is covered lies in one block of the aggregate: two neighbours that are no halves cannot hold it.
    contains(range) {
      const found = at(blocks[range.family], range.first)
      return found !== undefined && range.last <= found.last
    },
    overlaps(range) {
      const found = at(blocks[range.family], range.last)
      return found !== undefined && found.last >= range.first
    },
  }
}

/** How many addresses the blocks hold together, each counted once. */
export function countAddresses(ranges: readonly Range[], family: 4 | 6): bigint {
  return aggregateRanges(ranges.filter((range) => range.family === family)).reduce(
    (sum, { first, last }) => sum + last - first + 1n,
    0n,
  )
}
