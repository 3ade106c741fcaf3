import { z } from 'zod'
import { aggregateRanges, parseRange, type Range } from './ranges.ts'
import { runCommand } from './run-command.ts'
import { counted, difference, type Target } from './target.ts'

export interface NftablesConfig {
  readonly family: 'inet' | 'ip' | 'ip6'
  readonly table: string
  /** Name of the sets before `-ipv4` and `-ipv6`. */
  readonly set: string
  /** The command, and what stands before it: `["ip", "netns", "exec", "edge", "nft"]`. */
  readonly command: readonly string[]
}

/** What `nft -j list sets` prints, as far as it is read (libnftables-json(5)). */
const elementSchema = z.union([
  z.string(),
  z.object({ prefix: z.object({ addr: z.string(), len: z.number() }) }),
  z.object({ range: z.tuple([z.string(), z.string()]) }),
])
const listedSchema = z.object({
  nftables: z.array(
    z.object({
      set: z
        .object({
          family: z.string(),
          table: z.string(),
          name: z.string(),
          elem: z.array(elementSchema).optional(),
        })
        .optional(),
    }),
  ),
})

/** Sets of nftables, swapped in one transaction: the kernel goes from the old elements to the new in one step. */
export function createNftables(config: NftablesConfig): Target {
  const { family, table, set, command } = config
  const name = `nftables sets ${family} ${table} ${set}`
  const families = family === 'inet' ? ([4, 6] as const) : family === 'ip' ? ([4] as const) : ([6] as const)
  return {
    name,
    async plan(wanted) {
      const printed = await runCommand([...command, '-j', 'list', 'sets'])
      const listed = listedSchema.parse(JSON.parse(printed))
      const sets = new Map(
        listed.nftables.flatMap((each) =>
          each.set?.family === family && each.set.table === table
            ? [[each.set.name, each.set.elem ?? []]]
            : [],
        ),
      )
      const mine = families.map((version) => ({ version, name: `${set}-ipv${version}` }))
      // Elements of a set may not overlap; the aggregate holds the same addresses.
      const fitting = aggregateRanges(wanted.filter(({ family: of }) => families.some((each) => each === of)))
      const have = mine.flatMap((each) => (sets.get(each.name) ?? []).map(textOf))
      const { add, remove } = difference(have, fitting)
      const areThere = mine.every((each) => sets.has(each.name))
      if (areThere && add.length + remove.length === 0) return { add, remove, steps: [] }
      return {
        add,
        remove,
        steps: [
          {
            says: `swap ${counted(fitting.length, 'range')} into ${name}`,
            run: async () =>
              void (await runCommand([...command, '-f', '-'], writeScript(config, mine, fitting))),
          },
        ],
      }
    },
    close: () => {},
  }
}

/** One transaction (nft(8): the commands of a file are applied at once or not at all). */
function writeScript(
  { family, table }: NftablesConfig,
  sets: readonly { readonly version: 4 | 6; readonly name: string }[],
  wanted: readonly Range[],
): string {
  const lines = [`add table ${family} ${table}`]
  for (const { version, name } of sets) {
    lines.push(`add set ${family} ${table} ${name} { type ipv${version}_addr; flags interval; }`)
    lines.push(`flush set ${family} ${table} ${name}`)
    const texts = wanted.filter((range) => range.family === version).map(({ text }) => text)
    if (texts.length > 0) lines.push(`add element ${family} ${table} ${name} { ${texts.join(', ')} }`)
  }
  return `${lines.join('\n')}\n`
}

function textOf(element: z.output<typeof elementSchema>): string {
  if (typeof element !== 'string') {
    if ('range' in element) return element.range.join('-')
    return textOf(`${element.prefix.addr}/${element.prefix.len}`)
  }
  const range = parseRange(element)
  return typeof range === 'string' ? element : range.text
}
