import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { urlDecode } from '../../src/waf/transforms/url-decode.ts'

/** The folder with cases that others wrote, or undefined where there is none. */
export function corporaFolder(): string | undefined {
  const folder =
    process.env['EDGEWARD_CORPORA'] ?? path.join(import.meta.dirname, '..', '..', '..', 'shared', 'corpora')
  return existsSync(folder) ? folder : undefined
}

export type PayloadList = 'sqli' | 'xss' | 'benign'

/** One line of a payload list as a WAF rule would see it: percent-encoding decoded, as latin1 text. */
export interface Payload {
  readonly value: string
  readonly file: string
  /** Part of the tenth that no table was derived from. */
  readonly isKeptOut: boolean
}

/** Every payload of a kind; lines that begin with `#` are comments of the lists. */
export function readPayloads(folder: string, list: PayloadList): readonly Payload[] {
  const files = readdirSync(path.join(folder, 'sqli-xss')).filter((file) =>
    list === 'benign' ? file === 'false_positives.txt' : file.startsWith(`${list}-`),
  )
  return files.toSorted().flatMap((file) =>
    readFileSync(path.join(folder, 'sqli-xss', file), 'latin1')
      .split(/\r?\n/)
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) => ({ value: urlDecode(line), file, isKeptOut: isKeptOut(line) })),
  )
}

/** A tenth, chosen by the line itself, so that it stays the same whatever is added around it. */
export function isKeptOut(line: string): boolean {
  return createHash('sha256').update(line, 'latin1').digest()[0]! % 10 === 0
}

/**
 * Benign values of real logs, each once: query strings and the values of their arguments, referrers and user agents,
 * as sent and decoded.
 */
export function readBenignValues(folder: string): readonly Payload[] {
  const values = new Set<string>()
  const add = (raw: string): void => {
    if (raw === '' || raw === '-') return
    values.add(raw)
    values.add(urlDecode(raw))
  }
  const addQuery = (query: string): void => {
    add(query)
    for (const part of query.split('&')) add(part.slice(part.indexOf('=') + 1))
  }
  for (const line of readLog(folder, 'apache_access_2015.log.gz')) {
    const [, request = '', , referrer = '', , agent = ''] = line.split('"')
    const target = request.split(' ')[1] ?? ''
    if (target.includes('?')) addQuery(target.slice(target.indexOf('?') + 1))
    add(referrer)
    if (referrer.includes('?')) addQuery(referrer.slice(referrer.indexOf('?') + 1))
    add(agent)
  }
  for (const line of readLog(folder, 'cf-access-log-sample.gz')) {
    const fields = line.split('\t')
    // The sample encodes twice, as CloudFront's log does.
    for (const field of [fields[9], fields[10]]) add(urlDecode(field ?? ''))
  }
  for (const line of readLog(folder, 'test_waf_log.gz')) {
    if (line === '') continue
    const record = JSON.parse(line) as WafRecord
    addQuery(record.httpRequest.args)
    for (const { value } of record.httpRequest.headers) add(value)
  }
  return [...values].map((value) => ({ value, file: 'logs', isKeptOut: isKeptOut(value) }))
}

interface WafRecord {
  readonly httpRequest: { readonly args: string; readonly headers: readonly { readonly value: string }[] }
}

function readLog(folder: string, file: string): string[] {
  return gunzipSync(readFileSync(path.join(folder, 'logs', file)))
    .toString('latin1')
    .split('\n')
}
