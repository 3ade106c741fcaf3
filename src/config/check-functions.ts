import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  type EventFunctionConfig,
  type FunctionConfig,
  type FunctionFile,
  functionEvents,
  keysOfKind,
} from '../functions/config.ts'
import { readLambdaSources } from '../functions/function-files.ts'
import { readImportFile } from '../functions/key-value-store/import-file.ts'
import { deployLimits } from '../functions/lambda-edge/limits.ts'
import { locateHandler } from '../functions/lambda-edge/package.ts'
import type { FunctionEventName } from '../planned-functions.ts'
import { suggest } from './nearest.ts'
import type { Findings, Segments } from '../base/problem.ts'
import type { EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

type View = Salvaged<EdgeConfig>
type FunctionView = Salvaged<FunctionConfig>
type Reference = FunctionView & { use?: string | undefined }
type EventKey = keyof typeof functionEvents
type Kind = 'lambda-edge' | 'cloudfront'

/** What reading the functions of a configuration gave. */
export interface ReadFunctions {
  readonly functions: ReadonlyMap<string, FunctionFile>
  /** Absolute names of all files that were looked at. */
  readonly files: readonly string[]
}

/** A function somewhere in the configuration, and the event at which it is used; the registry alone has none. */
interface Use {
  readonly config: FunctionView
  readonly segments: Segments
  readonly event: FunctionEventName | undefined
}

/** What has been read so far. */
interface Reading {
  readonly functions: Map<string, FunctionFile>
  readonly files: Set<string>
  /** Sources in JavaScript, by path and handler, for the lint of headers. */
  readonly texts: Map<string, { readonly text: string; readonly file: string }>
}

const FILES_HINT = 'files are relative to the folder of the configuration'
const EVENTS = Object.keys(functionEvents) as EventKey[]

/**
 * Functions and key-value stores: names that lead nowhere, files that are not there, sources a runtime would refuse,
 * and what real Lambda@Edge and CloudFront Functions would not take (fact sheet 21.8 and 22).
 */
export async function checkFunctions(
  view: View,
  baseFolder: string,
  findings: Findings,
): Promise<ReadFunctions> {
  const uses: Use[] = []
  for (const [name, config] of Object.entries(view.functions ?? {})) {
    const segments: Segments = ['functions', name]
    if (config !== undefined && checkKind(config, segments, false, findings) !== undefined)
      uses.push({ config, segments, event: undefined })
  }
  for (const [name, distribution] of Object.entries(view.distributions ?? {})) {
    const behaviors = [...(distribution?.behaviors ?? []).entries()].map(
      ([index, behavior]) => [['distributions', name, 'behaviors', index] as Segments, behavior] as const,
    )
    behaviors.push([['distributions', name, 'defaultBehavior'], distribution?.defaultBehavior] as never)
    for (const [segments, behavior] of behaviors) {
      const functions = behavior?.functions
      if (functions === undefined) continue
      const kinds = new Map<EventKey, Kind>()
      for (const key of EVENTS) {
        const config = functions[key]
        if (config === undefined) continue
        const kind = checkEvent(view, config, key, [...segments, 'functions', key], uses, findings)
        if (kind !== undefined) kinds.set(key, kind)
      }
      checkMixture(kinds, [...segments, 'functions'], findings)
    }
  }
  const read: Reading = { functions: new Map(), files: new Set(), texts: new Map() }
  const told = new Set<string>()
  for (const use of uses) await checkUse(view, use, baseFolder, read, told, findings)
  await checkStores(view, baseFolder, read.files, findings)
  return { functions: read.functions, files: [...read.files] }
}

/** CloudFront takes functions of one kind at the two viewer events of a behavior (fact sheet 22.5). */
function checkMixture(kinds: ReadonlyMap<EventKey, Kind>, segments: Segments, findings: Findings): void {
  const request = kinds.get('viewerRequest')
  const response = kinds.get('viewerResponse')
  if (request === undefined || response === undefined || request === response) return
  findings.error(segments, 'has a CloudFront Function at one viewer event and Lambda@Edge at the other', {
    expected: 'functions of one kind at viewerRequest and viewerResponse',
    hint: 'CloudFront refuses the combination',
  })
}

function checkEvent(
  view: View,
  config: string | Salvaged<Exclude<EventFunctionConfig, string>>,
  key: EventKey,
  segments: Segments,
  uses: Use[],
  findings: Findings,
): Kind | undefined {
  if (typeof config === 'string') return checkReference(view, { use: config }, key, segments, uses, findings)
  const { candidate, ...live } = config
  const kind = checkReference(view, live, key, segments, uses, findings)
  if (candidate === undefined) return kind
  const place = [...segments, 'candidate']
  if ('shadow' in candidate === 'weight' in candidate) {
    findings.error(place, 'needs exactly one of shadow and weight', {
      expected: 'shadow: true to compare it, or weight: PERCENT to serve a part of the clients',
    })
  }
  const {
    shadow: _shadow,
    weight: _weight,
    maxErrorRate: _rate,
    maxMeanMs: _mean,
    minRuns: _runs,
    ...other
  } = candidate
  const otherKind = checkReference(view, other, key, place, uses, findings)
  if (kind !== undefined && otherKind !== undefined && kind !== otherKind) {
    findings.error(place, 'is a function of the other kind', {
      expected: 'a candidate of the same kind as the function it may replace',
    })
  }
  return kind
}

function checkReference(
  view: View,
  reference: Reference,
  key: EventKey,
  segments: Segments,
  uses: Use[],
  findings: Findings,
): Kind | undefined {
  const event = functionEvents[key]
  const { use, ...inline } = reference
  let config: FunctionView = inline
  if ('use' in reference) {
    const extra = Object.keys(inline)
    if (extra.length > 0) {
      findings.error(segments, `use stands beside ${extra.join(', ')}`, {
        expected: 'either the name of a function in functions, or a function',
      })
    }
    if (use === undefined) return undefined
    const names = Object.keys(view.functions ?? {})
    if (!names.includes(use)) {
      findings.error(segments, `there is no function "${use}"`, {
        expected: 'the name of a function in functions',
        hint: suggest(use, names, 'functions'),
      })
      return undefined
    }
    const named = view.functions?.[use]
    if (named === undefined) return undefined
    config = named
  }
  const kind = checkKind(config, segments, 'use' in reference, findings)
  if (kind === undefined) return undefined
  if (kind === 'cloudfront' && key !== 'viewerRequest' && key !== 'viewerResponse') {
    findings.error(segments, `a CloudFront Function cannot run at ${event}`, {
      expected: 'a Lambda@Edge function',
      hint: 'CloudFront Functions run at viewerRequest and viewerResponse',
    })
  }
  if (config.includeBody === true && key !== 'viewerRequest' && key !== 'originRequest') {
    findings.error(segments, `includeBody has no meaning at ${event}`, {
      expected: 'includeBody at viewerRequest or originRequest',
    })
  }
  uses.push({ config, segments, event })
  return kind
}

/** Which kind a function is; undefined, and told unless `isTold`, when that is not clear. */
function checkKind(
  config: FunctionView,
  segments: Segments,
  isTold: boolean,
  findings: Findings,
): Kind | undefined {
  const isLambda = 'lambdaEdge' in config
  if (isLambda === 'cloudFront' in config) {
    if (!isTold)
      findings.error(segments, isLambda ? 'has both lambdaEdge and cloudFront' : 'names no function', {
        expected: 'lambdaEdge: FILE or cloudFront: FILE',
      })
    return undefined
  }
  const foreign = isLambda ? keysOfKind.cloudFront : keysOfKind.lambdaEdge
  for (const key of Object.keys(config)) {
    if (isTold || !foreign.includes(key)) continue
    findings.error(
      [...segments, key],
      `is a setting of ${isLambda ? 'CloudFront Functions' : 'Lambda@Edge'}`,
      {
        expected: `keys of ${isLambda ? 'Lambda@Edge' : 'CloudFront Functions'}: ${(isLambda ? keysOfKind.lambdaEdge : keysOfKind.cloudFront).join(', ')}`,
      },
    )
  }
  return isLambda ? 'lambda-edge' : 'cloudfront'
}

async function checkUse(
  view: View,
  use: Use,
  baseFolder: string,
  read: Reading,
  told: Set<string>,
  findings: Findings,
): Promise<void> {
  const { config, segments, event } = use
  const reference = config.lambdaEdge ?? config.cloudFront
  if (reference === undefined) return
  const path = resolve(baseFolder, reference)
  read.files.add(path)
  // A function that is used twice is judged once per event, and its file once.
  const key = `${path}|${config.handler ?? ''}|${config.runtime ?? ''}`
  const isFirst = !told.has(key)
  told.add(key)
  if (config.cloudFront !== undefined) {
    await checkCloudFront(view, use, path, read, isFirst, findings)
  } else await checkLambda(use, path, read, isFirst, findings)
  if (event === undefined || told.has(`${key}|${event}`)) return
  told.add(`${key}|${event}`)
  const source = read.texts.get(`${path}|${config.handler ?? ''}`)
  if (source === undefined) return
  const kind = config.cloudFront === undefined ? 'lambda-edge' : 'cloudfront'
  const { lintHeaders } = await import('../functions/lint-headers.ts')
  for (const { line, column, says } of lintHeaders(source.text, kind, event))
    findings.warning(segments, `${source.file}:${line}:${column}: ${says}`)
}

async function checkCloudFront(
  view: View,
  { config, segments }: Use,
  path: string,
  read: Reading,
  isFirst: boolean,
  findings: Findings,
): Promise<void> {
  const runtime = config.runtime ?? '2.0'
  checkStoreName(view, config, runtime, segments, findings)
  if (!isFirst) return
  let source: string
  try {
    source = await readFile(path, 'utf8')
  } catch (error) {
    findings.error([...segments, 'cloudFront'], `the file ${path} cannot be read: ${reasonOf(error)}`, {
      hint: FILES_HINT,
    })
    return
  }
  // The parser is loaded when there is something to parse.
  const { checkSource } = await import('../functions/cloudfront-js/syntax.ts')
  const checked = checkSource(source, runtime)
  if (checked.kind === 'refused') {
    for (const { line, column, says } of checked.problems)
      findings.error([...segments, 'cloudFront'], `${path}:${line}:${column}: ${says}`)
  }
  read.functions.set(path, { source, digest: source })
  if (checked.kind === 'checked') read.texts.set(`${path}|`, { text: source, file: path })
}

function checkStoreName(
  view: View,
  { keyValueStore }: FunctionView,
  runtime: '1.0' | '2.0',
  segments: Segments,
  findings: Findings,
): void {
  if (keyValueStore === undefined) return
  const place = [...segments, 'keyValueStore']
  const names = Object.keys(view.keyValueStores ?? {})
  if (!names.includes(keyValueStore)) {
    findings.error(place, `there is no key-value store "${keyValueStore}"`, {
      expected: 'the name of a store in keyValueStores',
      hint: suggest(keyValueStore, names, 'stores'),
    })
  }
  if (runtime === '1.0') {
    findings.error(place, 'runtime 1.0 has no key-value stores', { expected: "runtime: '2.0'" })
  }
}

async function checkLambda(
  { config, segments, event }: Use,
  path: string,
  read: Reading,
  isFirst: boolean,
  findings: Findings,
): Promise<void> {
  const isViewer = event === 'viewer-request' || event === 'viewer-response'
  const { olderViewer } = deployLimits
  if (isFirst && config.env !== undefined && Object.keys(config.env).length > 0) {
    findings.warning(
      [...segments, 'env'],
      `Lambda@Edge has no environment variables; deployment writes ${Object.keys(config.env).join(', ')} into the code`,
      { hint: 'read them as process.env.NAME, so that the text of each can be replaced' },
    )
  }
  if ((config.timeoutMs ?? 0) > deployLimits.timeoutMs) {
    findings.warning(
      [...segments, 'timeoutMs'],
      `${config.timeoutMs} ms; Lambda@Edge ends a function after ${deployLimits.timeoutMs}`,
    )
  } else if (isViewer && (config.timeoutMs ?? 0) > olderViewer.timeoutMs) {
    findings.warning(
      [...segments, 'timeoutMs'],
      `${config.timeoutMs} ms; at viewer events many accounts are still held to ${olderViewer.timeoutMs}`,
    )
  }
  if (isViewer && (config.memoryMb ?? 0) > olderViewer.memoryMb) {
    findings.warning(
      [...segments, 'memoryMb'],
      `${config.memoryMb} MB; at viewer events many accounts are still held to ${olderViewer.memoryMb}`,
    )
  }
  let file: string
  try {
    ;({ file } = locateHandler({ file: path, handler: config.handler ?? 'index.handler' }))
  } catch (error) {
    if (isFirst)
      findings.error([...segments, 'lambdaEdge'], error instanceof Error ? error.message : String(error), {
        hint: FILES_HINT,
      })
    return
  }
  if (!isFirst) return
  const sources = readLambdaSources(file, path)
  for (const each of sources.files) read.files.add(each)
  read.functions.set(path, { source: '', digest: sources.digest })
  if (sources.packageBytes > deployLimits.packageBytes) {
    findings.warning(
      [...segments, 'lambdaEdge'],
      `the package is ${megabytes(sources.packageBytes)}; Lambda@Edge takes ${megabytes(deployLimits.packageBytes)} compressed`,
    )
  } else if (isViewer && sources.packageBytes > olderViewer.packageBytes) {
    findings.warning(
      [...segments, 'lambdaEdge'],
      `the package is ${megabytes(sources.packageBytes)}; at viewer events many accounts are still held to 1 MB compressed`,
    )
  }
  const { checkModule } = await import('../functions/lambda-edge/check-module.ts')
  for (const each of sources.files) {
    const { errors, warnings, text } = await checkModule(each)
    for (const says of errors) findings.error([...segments, 'lambdaEdge'], says)
    for (const says of warnings) findings.warning([...segments, 'lambdaEdge'], says)
    if (each === file && text !== undefined) read.texts.set(`${path}|${config.handler ?? ''}`, { text, file })
  }
}

async function checkStores(
  view: View,
  baseFolder: string,
  files: Set<string>,
  findings: Findings,
): Promise<void> {
  for (const [name, store] of Object.entries(view.keyValueStores ?? {})) {
    if (store?.importFile === undefined) continue
    const segments: Segments = ['keyValueStores', name, 'importFile']
    const file = resolve(baseFolder, store.importFile)
    files.add(file)
    try {
      const result = readImportFile(await readFile(file, 'utf8'))
      if (result.kind === 'refused')
        for (const says of result.problems) findings.error(segments, `${file}: ${says}`)
    } catch (error) {
      findings.error(segments, `the file ${file} cannot be read: ${reasonOf(error)}`, { hint: FILES_HINT })
    }
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MB`
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'it does not exist'
  if (code === 'EISDIR') return 'it is a folder'
  if (code === 'EACCES') return 'permission is denied'
  return error instanceof Error ? error.message : String(error)
}
