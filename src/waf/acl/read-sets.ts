import { describeCidrProblem } from '../../http/address.ts'
import type { PlannedIpSet } from '../plan.ts'
import { compilePattern, type Pattern } from '../regex/pattern.ts'
import { ProgramTooLargeError } from '../regex/program.ts'
import { RegexSyntaxError } from '../regex/syntax.ts'
import { toApiForm } from './forms.ts'
import { limits, OPERATOR_LISTS } from './limits.ts'
import { type Findings, isRecord, type JsonPath } from './problems.ts'

/** Values of a pattern that are looked at at least, or `check` says so. */
const WORTH_A_NOTE_BYTES = 65_536

/**
 * Reads an IP set: AWS' document, `{ addresses }`, or a bare list. Undefined content is a set whose addresses come
 * from the state seam alone.
 */
export function readIpSet(
  name: string,
  document: unknown,
  path: JsonPath,
  findings: Findings,
): PlannedIpSet | undefined {
  if (document === undefined) return { name, family: 'ANY', addresses: [] }
  const isList = Array.isArray(document)
  const form = isList ? undefined : toApiForm(document, 'IPSet', findings, path)
  const value = isList ? { Addresses: document as unknown[] } : form?.value // Checked entry by entry below.
  if (!isRecord(value)) return undefined
  const at = form?.path ?? path
  const addresses = value['Addresses'] ?? value['addresses']
  if (!Array.isArray(addresses)) {
    findings.problem([...at, 'Addresses'], `the IP set ${name} needs a list of addresses in CIDR notation`)
    return undefined
  }
  const family = familyOf(value['IPAddressVersion'] ?? value['family'])
  if (family === undefined) {
    findings.problem([...at, 'IPAddressVersion'], 'must be IPV4 or IPV6')
    return undefined
  }
  const isOperatorList = OPERATOR_LISTS.some((each) => each === name)
  if (addresses.length > limits.addressesPerSet && !isOperatorList) {
    findings.problem(
      [...at, 'Addresses'],
      `the IP set ${name} has ${addresses.length} addresses; at most ${limits.addressesPerSet} fit`,
    )
  }
  const good: string[] = []
  addresses.forEach((address: unknown, i) => {
    const problem = addressProblem(address, family)
    if (problem === undefined) good.push(String(address))
    else findings.problem([...at, 'Addresses', i], `IP set ${name}: ${problem}`)
  })
  return good.length === addresses.length ? { name, family, addresses: good } : undefined
}

function familyOf(value: unknown): PlannedIpSet['family'] | undefined {
  const text = typeof value === 'string' ? value.toUpperCase() : undefined
  if (value === undefined) return 'ANY'
  return text === 'IPV4' || text === 'IPV6' || text === 'ANY' ? text : undefined
}

function addressProblem(address: unknown, family: PlannedIpSet['family']): string | undefined {
  if (typeof address !== 'string') return 'an address must be text such as 192.0.2.0/24'
  const problem = describeCidrProblem(address)
  if (problem !== undefined) return problem
  if (!address.includes('/'))
    return `${address} needs a prefix length; write ${address}${address.includes(':') ? '/128' : '/32'}`
  if (address.endsWith('/0')) return `${address} means every address, which AWS WAF does not take`
  const isIpv6 = address.includes(':')
  if (family !== 'ANY' && isIpv6 !== (family === 'IPV6'))
    return `${address} is not of the family ${family} of the set`
  return undefined
}

/** Reads a regex pattern set: AWS' document in the API's or CloudFormation's form, or a bare list of patterns. */
export function readRegexSet(
  name: string,
  document: unknown,
  path: JsonPath,
  findings: Findings,
): readonly Pattern[] | undefined {
  const isList = Array.isArray(document)
  const form = isList ? undefined : toApiForm(document, 'RegexPatternSet', findings, path)
  const list: unknown = isList
    ? document
    : isRecord(form?.value)
      ? form.value['RegularExpressionList']
      : undefined
  const at = isList ? path : [...(form?.path ?? path), 'RegularExpressionList']
  if (!Array.isArray(list) || list.length === 0) {
    findings.problem(at, `the regex pattern set ${name} needs a list of patterns`)
    return undefined
  }
  if (list.length > limits.regexesPerSet) {
    findings.problem(
      at,
      `the regex pattern set ${name} has ${list.length} patterns; at most ${limits.regexesPerSet} fit`,
    )
  }
  const patterns: Pattern[] = []
  list.forEach((entry: unknown, i) => {
    const source: unknown = isRecord(entry) ? entry['RegexString'] : entry
    const pattern = readPattern(source, [...at, i], findings)
    if (pattern !== undefined) patterns.push(pattern)
  })
  return patterns.length === list.length ? patterns : undefined
}

/** Compiles one pattern; undefined when it is not valid, and why is noted. */
export function readPattern(source: unknown, path: JsonPath, findings: Findings): Pattern | undefined {
  if (typeof source !== 'string' || source === '' || source.length > limits.regexCharacters) {
    findings.problem(path, `a pattern must be text of 1 to ${limits.regexCharacters} characters`)
    return undefined
  }
  try {
    const pattern = compilePattern(Buffer.from(source).toString('latin1'))
    if (pattern.maxLength < WORTH_A_NOTE_BYTES) {
      findings.note(
        path,
        `the pattern is so large that only the first ${pattern.maxLength} bytes of a value are looked at`,
      )
    }
    return pattern
  } catch (error) {
    if (error instanceof RegexSyntaxError)
      findings.problem(path, `${error.message} (at character ${error.position + 1})`)
    else if (error instanceof ProgramTooLargeError) findings.problem(path, error.message)
    else throw error
    return undefined
  }
}
