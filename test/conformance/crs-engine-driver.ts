import { mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type CompiledCrs, compileCrs } from '../../src/waf/crs/compile-crs.ts'
import type { Answer } from './crs.ts'
import type { CrsStage } from './crs-cases.ts'

/** The settings the Core Rule Set's own test guide asks for: everything on, detection only. */
export const TEST_RULES = `SecRuleEngine DetectionOnly
SecAction "id:900005,phase:1,nolog,pass,\\
  ctl:ruleEngine=DetectionOnly,\\
  ctl:ruleRemoveById=910000,\\
  setvar:tx.crs_validate_utf8_encoding=1,\\
  setvar:tx.arg_name_length=100,\\
  setvar:tx.arg_length=400,\\
  setvar:tx.total_arg_length=64000,\\
  setvar:tx.max_num_args=255,\\
  setvar:tx.max_file_size=64100,\\
  setvar:tx.combined_file_sizes=65535"
`

/** A file with those settings, for `exclusions`. */
export function writeTestRules(): string {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'edgeward-crs-')), 'tests.conf')
  writeFileSync(file, TEST_RULES)
  return file
}

export function startEngine(rules: string): CompiledCrs {
  return compileCrs({ path: rules, paranoia: 4, exclusions: [writeTestRules()] })
}

/** Asks the engine without sockets; the request line and fields are taken as they are written. */
export function askEngine({ engine }: CompiledCrs, stage: CrsStage): Answer {
  const text = stage.bytes.toString('latin1')
  const end = /\r?\n\r?\n/.exec(text)
  const head = end === null ? text : text.slice(0, end.index)
  const rest = end === null ? '' : text.slice(end.index + end[0].length)
  const [line = '', ...fields] = head.split(/\r?\n/)
  const found = /^(.*?) (.*?)(?: ([^ ]*))?$/.exec(line)
  const target = found?.[2] ?? ''
  const question = target.indexOf('?')
  const headers: string[] = []
  for (const field of fields) {
    const colon = field.indexOf(':')
    if (colon !== -1) headers.push(field.slice(0, colon), field.slice(colon + 1).trim())
  }
  const valueOf = (name: string): string | undefined =>
    headers.find((_each, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === name)
  const length = valueOf('content-length')
  const isChunked = valueOf('transfer-encoding')?.toLowerCase().includes('chunked') ?? false
  const run = engine.evaluateRequest(
    {
      id: 'test',
      method: found?.[1] ?? '',
      path: question === -1 ? target : target.slice(0, question),
      query: question === -1 ? undefined : target.slice(question + 1),
      protocol: found?.[3] ?? 'HTTP/0.9',
      headers,
      remoteAddress: '127.0.0.1',
      remotePort: 40_000,
      serverAddress: '127.0.0.1',
      serverPort: stage.port,
      host: valueOf('host') ?? '',
      now: 0,
      countryOf: () => undefined,
    },
    isChunked ? unchunk(rest) : rest.slice(0, length === undefined ? 0 : Number(length)),
  )
  return { ids: new Set(run.request.matches.map(({ rule }) => rule.rule.id)), status: 200 }
}

function unchunk(text: string): string {
  let out = ''
  let at = 0
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    if (lineEnd === -1 || !(size > 0)) return out
    out += text.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 4 + size
  }
}
