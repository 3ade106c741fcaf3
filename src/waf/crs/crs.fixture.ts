import { CrsEngine, type CrsVerdict } from './crs-engine.ts'
import { compileRules } from './compile-rules.ts'
import type { CrsRequest } from './crs-facts.ts'
import { loadRules } from './load-rules.ts'
import type { RuleFiles } from './rule-files.ts'
import { type SecLangProblem, SecLangError } from './seclang-problem.ts'

/** An engine for rules written in a test; `data` are files they may name. Throws SecLangError. */
export function engineOf(rules: string, data: Readonly<Record<string, string>> = {}): CrsEngine {
  const problems: SecLangProblem[] = []
  const files: RuleFiles = {
    read: (file) => data[file],
    find: (name) => (data[name] === undefined ? [] : [name]),
  }
  const set = loadRules([{ kind: 'text', name: 'test.conf', text: rules }], files, problems)
  const compiled = compileRules(set.items, files, problems)
  if (problems.length > 0) throw new SecLangError(problems)
  return new CrsEngine(compiled, set.settings)
}

export interface AskParts {
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly from?: string
  readonly now?: number
}

export function crsRequest({
  method = 'GET',
  target = '/',
  headers = {},
  from = '192.0.2.1',
  now = 0,
}: AskParts): CrsRequest {
  const mark = target.indexOf('?')
  return {
    id: 'test',
    method,
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? undefined : target.slice(mark + 1),
    protocol: 'HTTP/1.1',
    headers: Object.entries(headers).flat(),
    remoteAddress: from,
    remotePort: 50_000,
    serverAddress: '192.0.2.9',
    serverPort: 443,
    host: 'example.com',
    now,
    countryOf: (address) => (address === '192.0.2.1' ? 'DE' : undefined),
  }
}

/** Asks about one request. */
export function ask(engine: CrsEngine, parts: AskParts = {}): CrsVerdict {
  return engine.evaluateRequest(crsRequest(parts), parts.body ?? '').request
}

/** Ids of the rules that matched, in order. */
export function idsOf({ matches }: CrsVerdict): number[] {
  return matches.map(({ rule }) => rule.rule.id)
}
