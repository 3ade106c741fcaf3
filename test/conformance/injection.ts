/**
 * SQL injection and scripting: detection on the tenth of the payload lists that no table was derived from, and false
 * positives on the kept-out tenth of the benign values of real logs. Must hold, at LOW: 97 % of SQLi, 95 % of XSS, at
 * most 0.5 % false positives.
 */
import { findSqli } from '../../src/waf/sqli/find-sqli.ts'
import { findXss } from '../../src/waf/xss/find-xss.ts'
import { corporaFolder, type Payload, readBenignValues, readPayloads } from '../waf/payload-lists.ts'

const isVerbose = process.argv.includes('--verbose')
const folder = corporaFolder()
if (folder === undefined) {
  console.log('there are no corpora: set EDGEWARD_CORPORA to the folder that holds sqli-xss/ and logs/')
  console.log('RESULT name=injection skipped=no-corpora')
} else report(folder)

type Detect = (value: string) => boolean

function report(corpora: string): void {
  const detectors: readonly { readonly name: string; readonly detect: Detect }[] = [
    { name: 'SQLi LOW', detect: (value) => findSqli(value, 'LOW') !== undefined },
    { name: 'SQLi HIGH', detect: (value) => findSqli(value, 'HIGH') !== undefined },
    { name: 'XSS', detect: (value) => findXss(value) !== undefined },
  ]
  const [sqliLow, sqliHigh, xss] = detectors
  const lists = {
    sqli: readPayloads(corpora, 'sqli'),
    xss: readPayloads(corpora, 'xss'),
    benign: readBenignValues(corpora),
    mistaken: readPayloads(corpora, 'benign'),
  }
  const values = {
    sqli_low: tell('SQLi, detected at LOW', lists.sqli, sqliLow!.detect),
    sqli_high: tell('SQLi, detected at HIGH', lists.sqli, sqliHigh!.detect),
    xss: tell('XSS, detected', lists.xss, xss!.detect),
    false_sqli_low: tell('benign values of logs, SQLi at LOW', lists.benign, sqliLow!.detect, true),
    false_sqli_high: tell('benign values of logs, SQLi at HIGH', lists.benign, sqliHigh!.detect, true),
    false_xss: tell('benign values of logs, XSS', lists.benign, xss!.detect, true),
    false_any_low: tell(
      'benign values of logs, SQLi at LOW or XSS',
      lists.benign,
      (value) => sqliLow!.detect(value) || xss!.detect(value),
      true,
    ),
    mistaken_low: tell(
      'former false positives of others, SQLi at LOW',
      lists.mistaken,
      sqliLow!.detect,
      true,
    ),
  }
  const isHeld = values.sqli_low >= 97 && values.xss >= 95 && values.false_any_low <= 0.5
  const shown = Object.entries(values).map(([key, value]) => `${key}=${value.toFixed(2)}`)
  console.log(`RESULT name=injection ${shown.join(' ')} held=${isHeld ? 1 : 0}`)
  if (!isHeld) process.exitCode = 1
}

/** Percent of the kept-out part that is detected; the derived part is printed beside it. */
function tell(what: string, payloads: readonly Payload[], detect: Detect, isBenign = false): number {
  const kept = payloads.filter(({ isKeptOut }) => isKeptOut)
  const derived = payloads.filter(({ isKeptOut }) => !isKeptOut)
  const hits = kept.filter(({ value }) => detect(value))
  const derivedHits = derived.filter(({ value }) => detect(value)).length
  const percent = (100 * hits.length) / kept.length
  console.log(
    `${what.padEnd(46)} kept out ${String(hits.length).padStart(5)} of ${String(kept.length).padStart(5)}  ${percent.toFixed(2).padStart(6)} %   others ${((100 * derivedHits) / derived.length).toFixed(2).padStart(6)} %`,
  )
  if (isVerbose) {
    const shown = isBenign ? hits : kept.filter(({ value }) => !detect(value))
    for (const { value, file } of shown.slice(0, 60))
      console.log(`    ${file}: ${JSON.stringify(value).slice(0, 160)}`)
  }
  return percent
}
