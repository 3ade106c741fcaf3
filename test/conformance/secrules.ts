/**
 * The transformation and operator vectors of the SecLang language tests: every case of the corpus, byte for byte.
 *
 * Reads `secrules-vectors` of the corpora (`../shared/corpora` or `$EDGEWARD_CORPORA`).
 */
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { compileOperator, LIVE_OPERATORS } from '../../src/waf/crs/operators.ts'
import type { RuleFiles } from '../../src/waf/crs/rule-files.ts'
import { enableLinearEngine } from '../../src/waf/regex/linear-engine.ts'
import { secTransforms } from '../../src/waf/transforms/sec-transforms.ts'
import { corpus } from '../support/corpora.ts'
import { gapOf, openGaps } from './crs-known-gaps.ts'

enableLinearEngine()

interface Case {
  readonly type: string
  readonly name: string
  readonly input: string
  readonly param?: string
  readonly output?: string
  readonly ret: number
  readonly re_groups?: readonly string[]
}

/** The data file of the pmFromFile cases is not in the corpus; the cases say that these words are in it. */
const files: RuleFiles = {
  read: () => 'abc\ndef\nghi\nxxx yyy zzz\n',
  find: (name) => [name],
}

const folder = corpus('secrules-vectors')
if (folder === undefined) {
  console.log('the corpus secrules-vectors is not here; set EDGEWARD_CORPORA to the folder it is in')
  console.log('RESULT name=secrules skipped=no-corpus')
} else run(folder)

function run(root: string): void {
  let passed = 0
  let total = 0
  const failures: string[] = []
  const gaps = openGaps('secrules')
  for (const file of globSync('*/*.json', { cwd: root }).sort()) {
    const cases = JSON.parse(readFileSync(path.join(root, file), 'utf8')) as readonly Case[]
    let good = 0
    cases.forEach((each, index) => {
      const id = `${path.basename(file, '.json')}-${index + 1}`
      const problem = each.type === 'tfn' ? tryTransform(each) : tryOperator(each)
      const gap = gapOf('secrules', id)
      if (problem === undefined) {
        good++
        if (gap !== undefined) failures.push(`${id}: passes now; take it out of crs-known-gaps.ts`)
      } else if (gap === undefined) failures.push(`${id}: ${problem}`)
      gaps.delete(id)
    })
    total += cases.length
    passed += good
    console.log(`${file.padEnd(46)} ${String(good).padStart(5)} of ${cases.length}`)
  }
  for (const id of gaps) failures.push(`${id}: is in crs-known-gaps.ts and not in the corpus`)
  for (const failure of failures) console.log(failure)
  if (failures.length > 0) process.exitCode = 1
  console.log(`RESULT name=secrules passed=${passed} total=${total}`)
}

/**
 * Cases write bytes as `\\xHH`, `\\uHHHH` or `\\0` inside their JSON strings; other characters are UTF-8. Their own runner
 * takes any two letters behind `\\x` and reads them as strtol does, and some cases count on it.
 */
function toBytes(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replaceAll(
      /\\x([0-9A-Za-z]{2})|\\u[0-9A-Fa-f]{2}([0-9A-Fa-f]{2})|\\0(?!\d)/g,
      (_all, byte?: string, low?: string) => String.fromCharCode(Number.parseInt(byte ?? low ?? '', 16) || 0),
    )
}

function tryTransform({ name, input: written, output: wanted = '' }: Case): string | undefined {
  const transform = secTransforms.get(name.toLowerCase())
  if (transform === undefined) return `the transformation ${name} is missing`
  const input = toBytes(written)
  const output = toBytes(wanted)
  const got = transform(input)
  return got === output
    ? undefined
    : `${JSON.stringify(input)} gives ${JSON.stringify(got)}, not ${JSON.stringify(output)}`
}

function tryOperator({ name, input: written, param = '', ret, re_groups: groups }: Case): string | undefined {
  const input = toBytes(written)
  const lower = name.toLowerCase()
  // Answered by the engine from a database of places; none of the cases finds an address.
  if (LIVE_OPERATORS.has(lower)) return ret === 0 ? undefined : 'has no database here'
  try {
    const operator = compileOperator(lower, param, { files, file: '/test.conf' })
    const got = operator.test(input) ? 1 : 0
    const what = `@${name} ${JSON.stringify(param)} on ${JSON.stringify(input)}`
    if (got !== ret) return `${what} gives ${got}, not ${ret}`
    if (groups === undefined) return undefined
    // Their runner compares as many groups as the case lists.
    const found = (operator.exec(input) ?? []).slice(0, groups.length)
    return JSON.stringify(found) === JSON.stringify(groups)
      ? undefined
      : `${what} captures ${JSON.stringify(found)}, not ${JSON.stringify(groups)}`
  } catch (error) {
    // What cannot be compiled is refused when rules are loaded; the cases expect that it matches nothing.
    if (ret === 0 && lower === 'ipmatch') return undefined
    return `@${name} ${JSON.stringify(param)}: ${error instanceof Error ? error.message : String(error)}`
  }
}
