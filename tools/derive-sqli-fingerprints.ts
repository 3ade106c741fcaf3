/**
 * Derives the table of SQL injection fingerprints from the payload lists and from benign text, and writes
 * `src/waf/sqli/fingerprints.ts`. A tenth of every list is kept out; `npm run conformance -- injection` reports on it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { contextsOf, read } from '../src/waf/sqli/find-sqli.ts'
import { corporaFolder, readBenignValues, readPayloads } from '../test/waf/payload-lists.ts'

/** Attacks that a part of a length must cover to be in the LOW table: a short part must have proved itself. */
const LOW_COVERAGE: readonly number[] = [Infinity, Infinity, 12, 4, 2, 1, 1, 1]

/**
 * Known without proof: a string that is closed and the rest of the query cut off, too short to prove itself and where
 * every attacker begins; and a second query that runs what is never innocent.
 */
const ALWAYS = ['qd$', '1;ET', 's;ET', 'q;ET']

const root = path.join(import.meta.dirname, '..')
const folder = corporaFolder()
if (folder === undefined) {
  console.error('there are no corpora; set EDGEWARD_CORPORA to the folder that holds sqli-xss/ and logs/')
  process.exitCode = 1
} else derive(folder)

function derive(corpora: string): void {
  const attacks = readPayloads(corpora, 'sqli').filter((payload) => !payload.isKeptOut)
  const sentences = readFileSync(path.join(root, 'src/waf/testdata/sentences.txt'), 'latin1').split('\n')
  const benign = [
    ...readBenignValues(corpora)
      .filter((payload) => !payload.isKeptOut)
      .map(({ value }) => value),
    ...sentences,
  ]
  const mistaken = readPayloads(corpora, 'benign').filter((payload) => !payload.isKeptOut)

  const innocent = new Set<string>()
  for (const value of benign) for (const part of partsOf(value)) innocent.add(part)
  // The list of former false positives holds a few real injections, so it takes two of its lines to clear a part.
  const cleared = new Map<string, number>()
  for (const { value } of mistaken)
    for (const part of partsOf(value)) cleared.set(part, (cleared.get(part) ?? 0) + 1)
  const isInnocentLow = (part: string): boolean => innocent.has(part) || cleared.has(part)
  const isInnocentHigh = (part: string): boolean => innocent.has(part) || (cleared.get(part) ?? 0) > 1

  const parts = attacks.map(({ value }) => [...partsOf(value)].filter(isTelling))
  const low = cover(
    parts.map((each) => each.filter((part) => !isInnocentLow(part))),
    (part, count) => count >= (LOW_COVERAGE[part.length] ?? 1),
  )
  for (const part of ALWAYS) low.add(part)
  const missed = parts.filter((each) => !each.some((part) => low.has(part)))
  const high = cover(
    missed.map((each) => each.filter((part) => !isInnocentHigh(part))),
    () => true,
  )
  const left = missed.filter((each) => !each.some((part) => high.has(part))).length
  write(low, high)
  console.log(`${attacks.length} attacks, ${benign.length + mistaken.length} benign values`)
  console.log(
    `${low.size} fingerprints for LOW, ${high.size} more for HIGH; ${missed.length} attacks missed at LOW, ${left} at HIGH`,
  )
}

/** Every beginning of every reading of a value, and the whole of each with its end marked. */
function partsOf(value: string): ReadonlySet<string> {
  const parts = new Set<string>()
  for (const context of contextsOf(value)) {
    for (const isMysql of [false, true]) {
      const { fingerprint } = read(value, context, isMysql)
      for (let length = 1; length <= fingerprint.length; length++) parts.add(fingerprint.slice(0, length))
      parts.add(`${fingerprint}$`)
    }
  }
  return parts
}

/** Whether a part says anything about a query: it joins, begins, orders, calls, cuts off or compares something. */
function isTelling(part: string): boolean {
  if (part.replace('$', '').length < 2) return false
  return /[UETBX]|[cd]\$|&[bf(s1v]|;[Ek]|f\(|[1sq)]k|q[=o]|q&/.test(part)
}

/** Parts that cover the attacks, the one that covers most first; shorter ones are preferred, because they know more. */
function cover(
  attacks: readonly (readonly string[])[],
  isEnough: (part: string, count: number) => boolean,
): Set<string> {
  const chosen = new Set<string>()
  let open = attacks
  for (;;) {
    const counts = new Map<string, number>()
    for (const parts of open) for (const part of parts) counts.set(part, (counts.get(part) ?? 0) + 1)
    let best: string | undefined
    let bestCount = 0
    for (const [part, count] of counts) {
      if (!isEnough(part, count)) continue
      const isBetter =
        count > bestCount ||
        (count === bestCount &&
          best !== undefined &&
          (part.length < best.length || (part.length === best.length && part < best)))
      if (best === undefined || isBetter) {
        best = part
        bestCount = count
      }
    }
    if (best === undefined) return chosen
    chosen.add(best)
    const taken = best
    open = open.filter((parts) => !parts.includes(taken))
  }
}

function write(low: ReadonlySet<string>, high: ReadonlySet<string>): void {
  const lines = (set: ReadonlySet<string>): string => {
    let text = ''
    let line = ' '
    for (const part of [...set].toSorted()) {
      if (line.length + part.length > 108) {
        text += `${line}\n`
        line = ' '
      }
      line += ` ${part}`
    }
    return text + line
  }
  const file = path.join(root, 'src/waf/sqli/fingerprints.ts')
  writeFileSync(
    file,
    `// Written by tools/derive-sqli-fingerprints.ts: change the tool, not this file.

/** Beginnings of folded queries that only attacks have; \`$\` marks the end. */
export const LOW_FINGERPRINTS: ReadonlySet<string> = setOf(\`
${lines(low)}
\`)

/** Rarer ones, and ones that innocent text has now and then. */
export const HIGH_FINGERPRINTS: ReadonlySet<string> = setOf(\`
${lines(high)}
\`)

function setOf(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\\s+/))
}
`,
  )
}
