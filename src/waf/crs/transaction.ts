import { toInteger } from './operators.ts'
import { type CollectionName, PERSISTENT } from './collections.ts'
import type { CompiledRules } from './compile-rules.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { CrsRequest, CrsResponse } from './crs-facts.ts'
import { type Entry, NO_ENTRIES } from './entry.ts'
import type { Macro, MacroReference } from './macro.ts'
import type { Target } from './parse-targets.ts'
import { parseCookiePairs, parsePairs } from './parse-pairs.ts'
import type { PersistentCollections } from './persistent-collections.ts'
import { type BodyFacts, NO_BODY_FACTS } from './read-body.ts'
import type { EngineMode } from './rule.ts'

/** A rule that matched. */
export interface RuleMatch {
  readonly rule: CompiledRule
  readonly message: string
  readonly data: string
  /** For example `ARGS:q`, and its value after the transformations. */
  readonly name: string
  readonly value: string
}

/** What a rule decided. */
export interface Ruling {
  readonly kind: 'deny' | 'redirect'
  readonly status: number
  readonly location: string | undefined
  readonly rule: CompiledRule
}

/** A rule, or a target of it, that a `ctl` action took out for this request. */
export interface Removal {
  readonly covers: (rule: CompiledRule) => boolean
  readonly target: Target | undefined
}

/** What is known and changed while rules look at one request and its response. Lives as long as they do. */
export class Transaction {
  readonly request: CrsRequest
  response: CrsResponse | undefined = undefined
  body: BodyFacts = NO_BODY_FACTS
  bodyText = ''
  bodyProcessor = ''
  /** `ctl:forceRequestBodyVariable`. */
  showsBody = false
  readsRequestBody: boolean
  readsResponseBody: boolean
  mode: EngineMode
  /** Bits of the rules that have to run: those that cannot be ruled out by values alone, and those with a candidate. */
  readonly words: Uint32Array
  readonly matches: RuleMatch[] = []
  ruling: Ruling | undefined = undefined
  /** What `allow` skips. */
  allowed: 'nothing' | 'phase' | 'request' | 'all' = 'nothing'
  readonly removals: Removal[] = []
  matchedVars: readonly Entry[] = NO_ENTRIES
  matchedName = ''
  matchedValue = ''
  highestSeverity = 255
  /** What `@geoLookup` found. */
  country: string | undefined = undefined
  /** The rule at work. */
  current: CompiledRule | undefined = undefined
  readonly #base: ReadonlyMap<string, string>
  readonly #watchers: ReadonlyMap<string, readonly number[]>
  /** Variables of TX that differ from the base; undefined for removed ones. */
  readonly #tx = new Map<string, string | undefined>()
  readonly #persistent: PersistentCollections
  readonly #opened = new Map<CollectionName, string>()
  readonly #cached = new Map<CollectionName, readonly Entry[]>()

  constructor(
    request: CrsRequest,
    { base, watchers, always }: Pick<CompiledRules, 'base' | 'watchers' | 'always'>,
    mode: EngineMode,
    persistent: PersistentCollections,
  ) {
    this.request = request
    this.#base = base
    this.#watchers = watchers
    this.words = always.slice()
    this.mode = mode
    this.#persistent = persistent
    this.readsRequestBody = true
    this.readsResponseBody = true
  }

  getTx(key: string): string | undefined {
    const own = this.#tx.get(key)
    return own !== undefined || this.#tx.has(key) ? own : this.#base.get(key)
  }

  setTx(key: string, value: string | undefined): void {
    this.#tx.set(key, value)
    const watching = this.#watchers.get(key)
    if (watching === undefined) return
    for (const step of watching) this.words[step >>> 5]! |= 1 << (step & 31)
  }

  /** All variables of TX; those of the request first. */
  *#txEntries(): Generator<Entry> {
    for (const [key, value] of this.#tx) if (value !== undefined) yield { key, name: key, value }
    for (const [key, value] of this.#base) if (!this.#tx.has(key)) yield { key, name: key, value }
  }

  /** The members of TX whose keys match: an answer per key and pattern is kept by the pattern's owner. */
  txMatching(isWanted: (key: string) => boolean): readonly Entry[] {
    const found: Entry[] = []
    for (const [key, value] of this.#tx) {
      if (value !== undefined && isWanted(key)) found.push({ key, name: key, value })
    }
    for (const [key, value] of this.#base) {
      if (!this.#tx.has(key) && isWanted(key)) found.push({ key, name: key, value })
    }
    return found
  }

  openCollection(collection: CollectionName, name: string): void {
    this.#opened.set(collection, this.#persistent.open(collection, name, this.request.now))
  }

  setVariable(collection: CollectionName, key: string, value: string | undefined): void {
    if (collection === 'TX') this.setTx(key, value)
    else {
      const id = this.#opened.get(collection)
      if (id !== undefined) this.#persistent.set(id, key, value)
    }
  }

  expireVariable(collection: CollectionName, key: string, seconds: number): void {
    const id = this.#opened.get(collection)
    if (id !== undefined) this.#persistent.expire(id, key, this.request.now + seconds * 1_000)
  }

  getVariable(collection: CollectionName, key: string): string | undefined {
    if (collection === 'TX') return this.getTx(key)
    const id = this.#opened.get(collection)
    return id === undefined ? undefined : this.#persistent.get(id, key, this.request.now)
  }

  addTo(collection: CollectionName, key: string, difference: number): void {
    const before = this.getVariable(collection, key)
    const value = String(toInteger(before ?? '0') + difference)
    // Scores that do not change wake nobody up.
    if (value !== before) this.setVariable(collection, key, value)
  }

  /** A text with its macros put in. */
  expand(macro: Macro): string {
    if (typeof macro === 'string') return macro
    let out = ''
    for (const part of macro) out += typeof part === 'string' ? part : this.#expandReference(part)
    return out
  }

  #expandReference({ collection, key }: MacroReference): string {
    if (collection === 'TX' && key !== undefined) return this.getTx(key) ?? ''
    if (collection === 'MATCHED_VAR') return this.matchedValue
    if (collection === 'MATCHED_VAR_NAME') return this.matchedName
    if (key !== undefined && PERSISTENT.has(collection)) return this.getVariable(collection, key) ?? ''
    for (const entry of this.entries(collection))
      if (key === undefined || entry.key === key) return entry.value
    return ''
  }

  /** The members of a collection. Facts are computed once, state every time. */
  entries(collection: CollectionName): readonly Entry[] {
    const state = this.#stateEntries(collection)
    if (state !== undefined) return state
    let found = this.#cached.get(collection)
    if (found === undefined) {
      found = this.#factEntries(collection)
      this.#cached.set(collection, found)
    }
    return found
  }

  /** The body is there: what was computed without it is computed again. */
  forgetBodyFacts(): void {
    for (const name of this.#cached.keys()) if (DEPENDS_ON_BODY.test(name)) this.#cached.delete(name)
  }

  #stateEntries(collection: CollectionName): readonly Entry[] | undefined {
    switch (collection) {
      case 'TX':
        return [...this.#txEntries()]
      case 'MATCHED_VARS':
        return this.matchedVars
      case 'MATCHED_VARS_NAMES':
        return this.matchedVars.map(({ key, name }) => ({ key, name, value: name }))
      case 'MATCHED_VAR':
        return one(this.matchedValue)
      case 'MATCHED_VAR_NAME':
        return one(this.matchedName)
      case 'REQBODY_PROCESSOR':
        return one(this.bodyProcessor)
      case 'HIGHEST_SEVERITY':
        return one(String(this.highestSeverity))
      case 'GEO':
        return this.country === undefined ? NO_ENTRIES : [named('country_code', this.country)]
      case 'RULE':
        return this.#ruleEntries()
      case 'IP':
      case 'GLOBAL':
      case 'RESOURCE':
      case 'SESSION':
      case 'USER': {
        const id = this.#opened.get(collection)
        if (id === undefined) return NO_ENTRIES
        return this.#persistent
          .entries(id, this.request.now)
          .map(([key, value]) => ({ key, name: key, value }))
      }
      default:
        return undefined
    }
  }

  #ruleEntries(): readonly Entry[] {
    const { current } = this
    if (current === undefined) return NO_ENTRIES
    const { id, severity, message } = current.rule
    return [
      named('id', String(id)),
      named('severity', String(severity ?? '')),
      named('msg', typeof message === 'string' ? message : this.expand(message)),
    ]
  }

  #factEntries(collection: CollectionName): readonly Entry[] {
    const { request, body, response } = this
    switch (collection) {
      case 'ARGS_GET':
        return request.query === undefined ? NO_ENTRIES : parsePairs(request.query)
      case 'ARGS_POST':
        return body.args
      case 'ARGS': {
        const get = this.entries('ARGS_GET')
        return body.args.length === 0 ? get : [...get, ...body.args]
      }
      case 'ARGS_GET_NAMES':
        return namesOf(this.entries('ARGS_GET'))
      case 'ARGS_POST_NAMES':
        return namesOf(body.args)
      case 'ARGS_NAMES':
        return namesOf(this.entries('ARGS'))
      case 'ARGS_COMBINED_SIZE': {
        let size = 0
        for (const { name, value } of this.entries('ARGS')) size += name.length + value.length
        return one(String(size))
      }
      case 'REQUEST_HEADERS':
        return headerEntries(request.headers)
      case 'REQUEST_HEADERS_NAMES':
        return this.entries('REQUEST_HEADERS').map(({ key, name }) => ({ key, name, value: name }))
      case 'REQUEST_COOKIES': {
        const cookies: Entry[] = []
        const { headers } = request
        for (let i = 0; i < headers.length; i += 2) {
          if (headers[i]!.length === 6 && headers[i]!.toLowerCase() === 'cookie')
            parseCookiePairs(headers[i + 1]!, cookies)
        }
        return cookies
      }
      case 'REQUEST_COOKIES_NAMES':
        return namesOf(this.entries('REQUEST_COOKIES'))
      case 'FILES':
        return body.files
      case 'FILES_NAMES':
        return namesOf(body.files)
      case 'FILES_SIZES':
        return body.fileContents.map(({ key, name, value }) => ({ key, name, value: String(value.length) }))
      case 'FILES_TMP_CONTENT':
        return body.fileContents
      case 'FILES_COMBINED_SIZE': {
        let size = 0
        for (const { value } of body.fileContents) size += value.length
        return one(String(size))
      }
      case 'MULTIPART_FILENAME':
        return body.files
      case 'MULTIPART_NAME':
        return body.partHeaders.map(({ key, name }) => ({ key, name, value: name }))
      case 'MULTIPART_PART_HEADERS':
        return body.partHeaders
      case 'XML':
        return body.xml
      case 'RESPONSE_HEADERS':
        return response === undefined ? NO_ENTRIES : headerEntries(response.headers)
      case 'RESPONSE_HEADERS_NAMES':
        return this.entries('RESPONSE_HEADERS').map(({ key, name }) => ({ key, name, value: name }))
      default: {
        const value = this.#scalar(collection)
        return value === undefined ? NO_ENTRIES : one(value)
      }
    }
  }

  #scalar(collection: CollectionName): string | undefined {
    const { request, response, body } = this
    const uri = request.query === undefined ? request.path : `${request.path}?${request.query}`
    switch (collection) {
      case 'REQUEST_METHOD':
        return request.method
      case 'REQUEST_URI':
      case 'REQUEST_URI_RAW':
        return uri
      case 'REQUEST_LINE':
        return `${request.method} ${uri} ${request.protocol}`
      case 'REQUEST_PROTOCOL':
        return request.protocol
      case 'REQUEST_FILENAME':
      case 'PATH_INFO':
        return decodePath(request.path)
      case 'REQUEST_BASENAME': {
        const path = decodePath(request.path)
        return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
      }
      case 'QUERY_STRING':
        return request.query ?? ''
      case 'REQUEST_BODY':
        return this.bodyProcessor === 'URLENCODED' || this.showsBody ? this.bodyText : undefined
      case 'REQUEST_BODY_LENGTH':
        return String(this.bodyText.length)
      case 'FULL_REQUEST':
        return `${request.method} ${uri} ${request.protocol}\n${headerText(request.headers)}\n\n${this.bodyText}`
      case 'FULL_REQUEST_LENGTH':
        return String(this.entries('FULL_REQUEST')[0]!.value.length)
      case 'REQBODY_ERROR':
      case 'REQBODY_PROCESSOR_ERROR':
        return body.error === '' ? '0' : '1'
      case 'REQBODY_ERROR_MSG':
      case 'REQBODY_PROCESSOR_ERROR_MSG':
        return body.error
      case 'REMOTE_ADDR':
      case 'REMOTE_HOST':
        return request.remoteAddress
      case 'REMOTE_PORT':
        return String(request.remotePort)
      case 'SERVER_ADDR':
        return request.serverAddress
      case 'SERVER_PORT':
        return String(request.serverPort)
      case 'SERVER_NAME':
        return request.host.replace(/:\d+$/, '')
      case 'UNIQUE_ID':
        return request.id
      case 'DURATION':
        return '0'
      case 'URLENCODED_ERROR':
        return '0'
      case 'RESPONSE_BODY':
        return response?.body
      case 'RESPONSE_STATUS':
      case 'STATUS':
        return response === undefined ? undefined : String(response.status)
      case 'RESPONSE_PROTOCOL':
        return response?.protocol
      case 'STATUS_LINE':
        return response === undefined ? undefined : `${response.protocol} ${response.status}`
      case 'RESPONSE_CONTENT_TYPE':
        return this.#responseHeader('content-type')
      case 'RESPONSE_CONTENT_LENGTH':
        return this.#responseHeader('content-length')
      default:
        return this.#multipartFlag(collection) ?? this.#time(collection)
    }
  }

  #responseHeader(name: string): string | undefined {
    return this.entries('RESPONSE_HEADERS').find(({ key }) => key === name)?.value
  }

  #multipartFlag(collection: CollectionName): string | undefined {
    const flags = this.body.multipart
    switch (collection) {
      case 'MULTIPART_BOUNDARY_QUOTED':
        return flag(flags?.isBoundaryQuoted)
      case 'MULTIPART_BOUNDARY_WHITESPACE':
        return flag(flags?.isBoundarySpaced)
      case 'MULTIPART_DATA_BEFORE':
        return flag(flags?.hasDataBefore)
      case 'MULTIPART_DATA_AFTER':
        return flag(flags?.hasDataAfter)
      case 'MULTIPART_HEADER_FOLDING':
      case 'MULTIPART_INVALID_HEADER_FOLDING':
        return flag(flags?.hasHeaderFolding)
      case 'MULTIPART_LF_LINE':
        return flag(flags?.hasLfLine)
      case 'MULTIPART_MISSING_SEMICOLON':
      case 'MULTIPART_SEMICOLON_MISSING':
        return flag(flags?.isSemicolonMissing)
      case 'MULTIPART_INVALID_QUOTING':
        return flag(flags?.hasInvalidQuoting)
      case 'MULTIPART_INVALID_PART':
        return flag(flags?.hasInvalidPart)
      case 'MULTIPART_UNMATCHED_BOUNDARY':
        return flag(flags?.isUnmatched)
      case 'MULTIPART_FILE_LIMIT_EXCEEDED':
        return '0'
      case 'MULTIPART_STRICT_ERROR':
        return flag(flags !== undefined && Object.values(flags).includes(true))
      default:
        return undefined
    }
  }

  #time(collection: CollectionName): string | undefined {
    if (!collection.startsWith('TIME')) return undefined
    const iso = new Date(this.request.now).toISOString()
    switch (collection) {
      case 'TIME':
        return iso.slice(11, 19)
      case 'TIME_EPOCH':
        return String(Math.floor(this.request.now / 1_000))
      case 'TIME_YEAR':
        return iso.slice(0, 4)
      case 'TIME_MON':
        return String(Number(iso.slice(5, 7)) - 1)
      case 'TIME_DAY':
        return String(Number(iso.slice(8, 10)))
      case 'TIME_WDAY':
        return String(new Date(this.request.now).getUTCDay())
      case 'TIME_HOUR':
        return String(Number(iso.slice(11, 13)))
      case 'TIME_MIN':
        return String(Number(iso.slice(14, 16)))
      case 'TIME_SEC':
        return String(Number(iso.slice(17, 19)))
      default:
        return undefined
    }
  }
}

const DEPENDS_ON_BODY = /^(?:ARGS|FILES|FULL|MULTIPART|REQBODY|REQUEST_BODY|URLENCODED|XML)/

function flag(value: boolean | undefined): string {
  return value === true ? '1' : '0'
}

function one(value: string): readonly Entry[] {
  return [{ key: '', name: '', value }]
}

function named(key: string, value: string): Entry {
  return { key, name: key, value }
}

function namesOf(entries: readonly Entry[]): readonly Entry[] {
  return entries.map(({ key, name }) => ({ key, name, value: name }))
}

function headerEntries(raw: readonly string[]): readonly Entry[] {
  const entries: Entry[] = []
  for (let i = 0; i < raw.length; i += 2)
    entries.push({ key: raw[i]!.toLowerCase(), name: raw[i]!, value: raw[i + 1]! })
  return entries
}

function headerText(raw: readonly string[]): string {
  let text = ''
  for (let i = 0; i < raw.length; i += 2) text += `${raw[i]}: ${raw[i + 1]}\n`
  return text
}

/** Percent-decoded once, as a web server does before it looks for a file; rules decode further. */
function decodePath(path: string): string {
  return path.includes('%') ? path.replaceAll(/%([0-9A-Fa-f]{2})/g, toByte) : path
}

function toByte(_escape: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16))
}
