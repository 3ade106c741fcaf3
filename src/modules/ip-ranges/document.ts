import { z } from 'zod'
import { aggregateRanges, distinctRanges, parseRange, type Range, SHORTEST_PREFIX } from './ranges.ts'

/** AWS's document as published: docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html. Unknown keys may come. */
const entry = { region: z.string(), service: z.string() }
const awsSchema = z.object({
  syncToken: z.string().regex(/^\d{1,15}$/, 'is no publication time in seconds'),
  createDate: z.string(),
  prefixes: z.array(z.object({ ip_prefix: z.string(), ...entry })),
  ipv6_prefixes: z.array(z.object({ ipv6_prefix: z.string(), ...entry })),
})

/** Which ranges of a document are wanted. */
export interface Selection {
  /** Names as in the document; empty for all. */
  readonly services: readonly string[]
  readonly regions: readonly string[]
  readonly families: readonly ('ipv4' | 'ipv6')[]
  /** Neighbours are made one block. */
  readonly aggregate: boolean
}

/** What a document says, chosen and in order. */
export interface Published {
  /** Seconds since 1970 at which it was published; undefined for a plain list. */
  readonly publishedAt: number | undefined
  readonly ranges: readonly Range[]
}

/** A document that cannot be used; the message says why. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError'
}

/** Reads a document and chooses from it. Throws a DocumentError for the first thing that is wrong with it. */
export function readDocument(text: string, format: 'aws' | 'list', selection: Selection): Published {
  const { publishedAt, texts } = format === 'aws' ? readAws(text, selection) : readList(text)
  const families = new Set(selection.families.map((family) => (family === 'ipv4' ? 4 : 6)))
  const ranges = texts.map(checkedRange).filter(({ family }) => families.has(family))
  return { publishedAt, ranges: selection.aggregate ? aggregateRanges(ranges) : distinctRanges(ranges) }
}

function readAws(text: string, { services, regions }: Selection) {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new DocumentError('it is not JSON', { cause: error })
  }
  const parsed = awsSchema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new DocumentError(
      `it is not in the format of ip-ranges.json: ${issue!.path.join('.')}: ${issue!.message}`,
    )
  }
  const { syncToken, prefixes, ipv6_prefixes } = parsed.data
  const isWanted = ({ service, region }: { service: string; region: string }): boolean =>
    (services.length === 0 || services.includes(service)) &&
    (regions.length === 0 || regions.includes(region))
  // A service that is written wrongly would empty the firewall.
  const all = [...prefixes, ...ipv6_prefixes]
  for (const [word, wanted, known] of [
    ['service', services, new Set(all.map(({ service }) => service))],
    ['region', regions, new Set(all.map(({ region }) => region))],
  ] as const) {
    const missing = wanted.find((name) => !known.has(name))
    if (missing !== undefined) throw new DocumentError(`it has no ${word} ${missing}`)
  }
  return {
    publishedAt: Number(syncToken),
    texts: [
      ...prefixes.filter(isWanted).map(({ ip_prefix }) => ip_prefix),
      ...ipv6_prefixes.filter(isWanted).map(({ ipv6_prefix }) => ipv6_prefix),
    ],
  }
}

/** One range a line; what follows `#` or `;` is a comment. */
function readList(text: string) {
  const texts = text
    .split(/\r?\n/)
    .map((line) => line.replace(/[#;].*$/, '').trim())
    .filter((line) => line !== '')
  return { publishedAt: undefined, texts }
}

function checkedRange(text: string): Range {
  const range = parseRange(text)
  if (typeof range === 'string') throw new DocumentError(range)
  if (range.length < SHORTEST_PREFIX[range.family])
    throw new DocumentError(
      `${range.text} is wider than /${SHORTEST_PREFIX[range.family]}, which no list should hold`,
    )
  return range
}
