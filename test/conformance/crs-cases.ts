import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'

/** One request of a case, as bytes, and what is expected of it. */
export interface CrsStage {
  readonly bytes: Buffer
  readonly port: number
  /** Rule ids that the log must hold. */
  readonly expected: readonly number[]
  readonly unexpected: readonly number[]
  /** Statuses that are right; empty where any is. */
  readonly statuses: readonly number[]
  /** The connection may fail. */
  readonly mayFail: boolean
}

export interface CrsCase {
  readonly id: string
  readonly stages: readonly CrsStage[]
}

interface Input {
  readonly method?: string
  readonly uri?: string
  readonly version?: string
  readonly port?: number
  readonly headers?: Readonly<Record<string, unknown>>
  readonly data?: string | readonly string[] | null
  readonly stop_magic?: boolean
  readonly encoded_request?: string
  readonly raw_request?: string
}

interface Output {
  readonly status?: number | readonly number[]
  readonly log_contains?: string
  readonly no_log_contains?: string
  readonly expect_error?: boolean
}

interface Document {
  readonly tests?: readonly {
    readonly test_title: string | number
    readonly stages: readonly { readonly stage: { readonly input: Input; readonly output: Output } }[]
  }[]
}

/** Reads the regression cases of the Core Rule Set, in the YAML form of its test framework (ftw). */
export function readCrsCases(folder: string): CrsCase[] {
  const cases: CrsCase[] = []
  for (const file of globSync('*.yaml', { cwd: folder }).sort()) {
    const document = parse(readFileSync(path.join(folder, file), 'utf8'), { uniqueKeys: false }) as Document
    for (const test of document.tests ?? []) {
      cases.push({
        id: String(test.test_title),
        stages: test.stages.map(({ stage }) => toStage(stage.input, stage.output)),
      })
    }
  }
  return cases
}

function toStage(input: Input, output: Output): CrsStage {
  return {
    bytes: toBytes(input),
    port: input.port ?? 80,
    expected: idsIn(output.log_contains),
    unexpected: idsIn(output.no_log_contains),
    statuses: output.status === undefined ? [] : [output.status].flat().map(Number),
    mayFail: output.expect_error === true,
  }
}

function idsIn(text: string | undefined): number[] {
  return text === undefined ? [] : [...text.matchAll(/\b(\d{6,7})\b/g)].map(([id]) => Number(id))
}

function toBytes(input: Input): Buffer {
  if (input.encoded_request !== undefined) return Buffer.from(input.encoded_request, 'base64')
  if (input.raw_request !== undefined) return Buffer.from(input.raw_request, 'utf8')
  const headers = Object.entries(input.headers ?? {}).map(([name, value]): [string, string] => [
    name,
    value === null || value === undefined ? '' : String(value),
  ])
  let data = Array.isArray(input.data) ? input.data.join('\r\n') : ((input.data ?? '') as string)
  if (typeof data !== 'string') data = String(data)
  if (input.stop_magic !== true) data = complete(headers, data)
  const lines = [`${input.method ?? 'GET'} ${input.uri ?? '/'} ${input.version ?? 'HTTP/1.1'}`.trimEnd()]
  for (const [name, value] of headers) lines.push(`${name}: ${value}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${data}`, 'utf8')
}

/** What the framework adds by itself: a content type, an encoding of forms, the length, the end of the connection. */
function complete(headers: [string, string][], data: string): string {
  const get = (name: string): string | undefined => headers.find(([each]) => each.toLowerCase() === name)?.[1]
  let body = data
  if (data !== '') {
    if (get('content-type') === undefined) headers.push(['Content-Type', 'application/x-www-form-urlencoded'])
    if (get('content-type') === 'application/x-www-form-urlencoded') body = encodeForm(data)
    if (get('content-length') === undefined) headers.push(['Content-Length', String(Buffer.byteLength(body))])
  }
  if (get('connection') === undefined) headers.push(['Connection', 'close'])
  return body
}

function encodeForm(data: string): string {
  if (isEncoded(data)) return data
  const pairs = data
    .split('&')
    .map((pair) => pair.split(/=(.*)/s))
    .filter(([, value]) => value !== undefined && value !== '')
  if (pairs.length === 0) return data
  return pairs.map(([name, value]) => `${quote(name!)}=${quote(value!)}`).join('&')
}

function isEncoded(data: string): boolean {
  try {
    return decodeURIComponent(data) !== data
  } catch {
    return true
  }
}

/** As Python's quote_plus. */
function quote(text: string): string {
  return encodeURIComponent(text.replaceAll('+', ' '))
    .replaceAll('%20', '+')
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
