import type { AddressMatcher } from '../http/address.ts'
import type { RateCounter } from '../seams/state/state.ts'
import { isOfBody } from './fields/read-field.ts'
import type { FieldNode, PlannedIpSet, RateNode, StatementNode, Subject } from './plan.ts'
import { findSqli } from './sqli/find-sqli.ts'
import { asnMatch } from './statements/asn-match.ts'
import { byteMatch } from './statements/byte-match.ts'
import { geoMatch } from './statements/geo-match.ts'
import { ipSetMatch } from './statements/ip-set.ts'
import { labelMatch } from './statements/label-match.ts'
import { matchValues } from './statements/match-values.ts'
import type { Finder, Matcher } from './statements/matcher.ts'
import { rateBased } from './statements/rate-based.ts'
import { regexMatch } from './statements/regex-match.ts'
import { sizeConstraint } from './statements/size-constraint.ts'
import { transforms } from './transforms/transforms.ts'
import type { ValueTable } from './value-table.ts'
import { findXss } from './xss/find-xss.ts'

/** What compiled statements share, and where they find what lives outside the web ACL. */
export interface StatementParts {
  readonly values: ValueTable
  readonly ipSet: (set: PlannedIpSet) => { readonly current: AddressMatcher }
  readonly counter: (node: RateNode) => RateCounter
  readonly ipv6Networks: boolean
}

/** Compiles a statement to one function. */
export function compileStatement(node: StatementNode | RateNode, parts: StatementParts): Matcher {
  switch (node.kind) {
    case 'and': {
      const matchers = node.statements.map((statement) => compileStatement(statement, parts))
      return (inspection) => {
        for (const matches of matchers) if (!matches(inspection)) return false
        return true
      }
    }
    case 'or': {
      const matchers = node.statements.map((statement) => compileStatement(statement, parts))
      return (inspection) => {
        for (const matches of matchers) if (matches(inspection)) return true
        return false
      }
    }
    case 'not': {
      const matches = compileStatement(node.statement, parts)
      return (inspection) => {
        const noted = inspection.evidence.length
        const isMatch = matches(inspection)
        // What matched inside is no reason for a match of its opposite.
        inspection.evidence.length = noted
        return !isMatch
      }
    }
    case 'byte-match':
      return compileMatch('ByteMatchStatement', node.subject, byteMatch(node.search, node.position), parts)
    case 'regex': {
      const name = node.setName === undefined ? 'RegexMatchStatement' : 'RegexPatternSetReferenceStatement'
      return compileMatch(name, node.subject, regexMatch(node.patterns), parts)
    }
    case 'size':
      return compileMatch(
        'SizeConstraintStatement',
        node.subject,
        sizeConstraint(node.comparison, node.size),
        parts,
      )
    case 'sqli': {
      const { sensitivity } = node
      const find: Finder = (value) => findSqli(value, sensitivity)
      const number = parts.values.number(node.subject)
      return matchValues('SqliMatchStatement', node.subject.field, number, find, sensitivity)
    }
    case 'xss':
      return compileMatch('XssMatchStatement', node.subject, findXss, parts)
    case 'geo':
      return geoMatch(node.countries, node.forwarded)
    case 'asn':
      return asnMatch(node.numbers, node.forwarded)
    case 'ip-set':
      return ipSetMatch(parts.ipSet(node.set), node.forwarded)
    case 'label':
      return labelMatch(node.scope, node.key, node.container)
    case 'rate':
      return rateBased(node, {
        counter: parts.counter(node),
        scopeDown: node.scopeDown && compileStatement(node.scopeDown, parts),
        transformsOf: (key) => ('transforms' in key ? key.transforms.map((name) => transforms[name]) : []),
        headerNumber: (name, steps) =>
          parts.values.number({ field: { kind: 'single-header', name }, transforms: steps, preParse: [] }),
        ipv6Networks: parts.ipv6Networks,
      })
  }
}

function compileMatch(statement: string, subject: Subject, find: Finder, parts: StatementParts): Matcher {
  return matchValues(statement, subject.field, parts.values.number(subject), find)
}

/** Whether a statement looks at the body, so that the body is read before its rule and not earlier. */
export function needsBody(node: StatementNode | RateNode): boolean {
  switch (node.kind) {
    case 'and':
    case 'or':
      return node.statements.some(needsBody)
    case 'not':
      return needsBody(node.statement)
    case 'rate':
      return node.scopeDown !== undefined && needsBody(node.scopeDown)
    case 'byte-match':
    case 'regex':
    case 'size':
    case 'sqli':
    case 'xss': {
      const field: FieldNode = node.subject.field
      return isOfBody(field)
    }
    case 'geo':
    case 'asn':
    case 'ip-set':
    case 'label':
      return false
  }
}
