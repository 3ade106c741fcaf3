/**
 * The regression cases of the Core Rule Set 3.3.4 with Debian's rule files, through a running edge.
 *
 * `--engine` asks the engine alone, without sockets; `--only 942100` runs the cases whose title begins so.
 * Reads `crs-3.3.4-regression` of the corpora (`../shared/corpora` or `$EDGEWARD_CORPORA`) and the rules of the package
 * modsecurity-crs.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { enableLinearEngine } from '../../src/waf/regex/linear-engine.ts'
import { corpus } from '../support/corpora.ts'
import { type CrsCase, type CrsStage, readCrsCases } from './crs-cases.ts'
import { startCrsEdge } from './crs-edge-driver.ts'
import { askEngine, startEngine } from './crs-engine-driver.ts'
import { gapOf, openGaps } from './crs-known-gaps.ts'

enableLinearEngine()

const RULES = '/usr/share/modsecurity-crs'
const { values: options } = parseArgs({
  options: { engine: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})
const folder = corpus('crs-3.3.4-regression')
if (folder === undefined)
  skip('no-corpus', 'the corpus crs-3.3.4-regression is not here; set EDGEWARD_CORPORA')
else if (!existsSync(RULES))
  skip('no-rules', 'the rules are not here; npm run setup installs modsecurity-crs')
else {
  await run(readCrsCases(folder))
  // Connections that broken requests left half open would hold the process for their time limits.
  process.exit()
}

function skip(reason: string, sentence: string): void {
  console.log(sentence)
  console.log(`RESULT name=crs skipped=${reason}`)
}

/** What became of one request. */
export interface Answer {
  /** Rules that matched. */
  readonly ids: ReadonlySet<number>
  /** The status the viewer got; undefined where there was none. */
  readonly status: number | undefined
}

async function run(cases: readonly CrsCase[]): Promise<void> {
  const edge = options.engine ? undefined : await startCrsEdge(RULES)
  const engine = options.engine ? startEngine(RULES) : undefined
  const gaps = openGaps('crs')
  const failures: string[] = []
  let passed = 0
  let total = 0
  let listed = 0
  for (const each of cases) {
    if (!each.id.startsWith(options.only)) continue
    total++
    // Gaps are those of the whole edge.
    const gap = options.engine ? undefined : gapOf('crs', each.id)
    const problems: string[] = []
    for (const stage of each.stages) {
      const answer = engine === undefined ? await edge!.ask(stage) : askEngine(engine, stage)
      const problem = judge(stage, answer)
      if (problem !== undefined) problems.push(problem)
    }
    gaps.delete(each.id)
    if (problems.length === 0) {
      passed++
      if (gap !== undefined) failures.push(`${each.id}: passes now; take it out of crs-known-gaps.ts`)
    } else if (gap === undefined) failures.push(`${each.id}: ${problems.join('; ')}`)
    else listed++
  }
  if (options.only === '')
    for (const id of gaps) failures.push(`${id}: is in crs-known-gaps.ts and not in the corpus`)
  for (const failure of failures) console.log(failure)
  const percent = ((passed / total) * 100).toFixed(2)
  console.log(`${passed} of ${total} cases pass (${percent} %), ${listed} are listed in crs-known-gaps.ts`)
  if ((failures.length > 0 && !options.engine) || (options.only === '' && passed < total * 0.99))
    process.exitCode = 1
  console.log(`RESULT name=crs passed=${passed} total=${total} listed=${listed} percent=${percent}`)
}

function judge(stage: CrsStage, { ids, status }: Answer): string | undefined {
  if (stage.mayFail && (status === undefined || status === 400)) return undefined
  if (stage.statuses.length > 0) {
    if (status !== undefined && stage.statuses.includes(status)) return undefined
    // The cases are written for rules that block; here they only detect, and what they found counts.
    if (stage.statuses.includes(403) && ids.size > 0) return undefined
    return `status ${status}, not ${stage.statuses.join(' or ')}`
  }
  const missing = stage.expected.filter((id) => !ids.has(id))
  if (missing.length > 0)
    return `${missing.join(', ')} missing, status ${status}, found ${[...ids].join(' ')}`
  const wrong = stage.unexpected.filter((id) => ids.has(id))
  return wrong.length === 0 ? undefined : `${wrong.join(', ')} found`
}
