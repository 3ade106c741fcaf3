/*
 * Writes small MMDB files for tests, after the public format description
 * (https://maxmind.github.io/MaxMind-DB/): a binary search tree with records of 24 bits, 16 zero bytes, the data
 * section, a marker and the metadata.
 */

type Value = string | number | readonly Value[] | { readonly [name: string]: Value }

interface Node {
  zero: Node | Leaf | undefined
  one: Node | Leaf | undefined
}

interface Leaf {
  readonly record: Value
}

/** A double, where a plain number is written as an unsigned integer. */
export interface Double {
  readonly double: number
}

/** The bytes of a database; networks are IPv4 ranges like `81.2.69.0/24`, and must not lie in each other. */
export function writeMmdb(
  type: string,
  records: Readonly<Record<string, object>>,
  ipVersion: 4 | 6 = 4,
): Buffer {
  const root: Node = { zero: undefined, one: undefined }
  for (const [network, record] of Object.entries(records)) {
    insert(root, bitsOf(network, ipVersion), { record: record as Value })
  }
  const nodes: Node[] = []
  collect(root, nodes)
  const data: Buffer[] = []
  let dataLength = 0
  const tree = Buffer.alloc(nodes.length * 6)
  const recordOf = (child: Node | Leaf | undefined): number => {
    if (child === undefined) return nodes.length
    if (!('record' in child)) return nodes.indexOf(child)
    const bytes = encode(child.record)
    const pointer = nodes.length + 16 + dataLength
    data.push(bytes)
    dataLength += bytes.length
    return pointer
  }
  for (const [index, node] of nodes.entries()) {
    tree.writeUIntBE(recordOf(node.zero), index * 6, 3)
    tree.writeUIntBE(recordOf(node.one), index * 6 + 3, 3)
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: type,
    description: {},
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
  })
  return Buffer.concat([
    tree,
    Buffer.alloc(16),
    ...data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    metadata,
  ])
}

/** The bits of a network; in a tree of IPv6 addresses IPv4 lies below 96 zeros. */
function bitsOf(network: string, ipVersion: 4 | 6): string {
  const [address = '', length = '32'] = network.split('/')
  const bits = address.split('.').map((part) => Number(part).toString(2).padStart(8, '0'))
  return (ipVersion === 6 ? '0'.repeat(96) : '') + bits.join('').slice(0, Number(length))
}

function insert(root: Node, bits: string, leaf: Leaf): void {
  let node = root
  for (let i = 0; i < bits.length; i++) {
    const side = bits[i] === '0' ? 'zero' : 'one'
    if (i === bits.length - 1) node[side] = leaf
    else {
      let child = node[side]
      if (child === undefined || 'record' in child) child = node[side] = { zero: undefined, one: undefined }
      node = child
    }
  }
}

function collect(node: Node, nodes: Node[]): void {
  nodes.push(node)
  for (const child of [node.zero, node.one])
    if (child !== undefined && !('record' in child)) collect(child, nodes)
}

const MAP = 7
const TEXT = 2
const DOUBLE = 3
const UINT32 = 6
const ARRAY = 11

function encode(value: Value): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([control(TEXT, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return Buffer.concat([control(UINT32, 4), bytes])
  }
  if (Array.isArray(value)) return Buffer.concat([control(ARRAY, value.length), ...value.map(encode)])
  const entries = Object.entries(value)
  const [only] = entries
  if (only?.[0] === 'double' && typeof only[1] === 'number') {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(only[1])
    return Buffer.concat([control(DOUBLE, 8), bytes])
  }
  return Buffer.concat([
    control(MAP, entries.length),
    ...entries.flatMap(([name, each]) => [encode(name), encode(each)]),
  ])
}

/** Type and size; types above 7 stand in a byte of their own, sizes from 29 on in another. */
function control(type: number, size: number): Buffer {
  const first = (type > 7 ? 0 : type << 5) | (size < 29 ? size : 29)
  return Buffer.from([first, ...(type > 7 ? [type - 7] : []), ...(size < 29 ? [] : [size - 29])])
}
