import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { basename, dirname, extname, resolve } from 'node:path'
import { z } from 'zod'
import type {
  PlannedCandidate,
  PlannedEventFunction,
  PlannedFunction,
  PlannedFunctions,
  PlannedKeyValueStore,
} from '../planned-functions.ts'

const file = z.string().min(1)

/** Settings that only a Lambda@Edge function has. */
const lambdaShape = {
  lambdaEdge: file
    .optional()
    .describe(
      'A Lambda@Edge handler: a JavaScript or TypeScript file, or the folder that holds it with its `node_modules`.',
    ),
  handler: z
    .string()
    .regex(/^[\w./-]+\.[\w$.]+$/, 'a handler is a file and an export, for example index.handler')
    .optional()
    .describe('File without its ending, a dot, name of the export. Left out: `index.handler`.'),
  includeBody: z
    .boolean()
    .optional()
    .describe('Whether request events carry the body: 40 KB at viewer-request, 1 MB at origin-request.'),
  memoryMb: z
    .number()
    .int()
    .min(64)
    .max(10_240)
    .optional()
    .describe('Memory of one worker in MB. Left out: 128, what Lambda@Edge has at viewer events.'),
  timeoutMs: z
    .number()
    .int()
    .min(1)
    .max(900_000)
    .optional()
    .describe('How long one invocation may take. Left out: 5000.'),
  isolation: z
    .enum(['process', 'thread'])
    .optional()
    .describe(
      '`process` (the default) contains a handler that loops, crashes or leaks; `thread` is quicker, for code one trusts.',
    ),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Invocations one worker runs at the same time. 1 is what Lambda does. Left out: 32, for speed: handlers that wait share a worker, and its module scope.',
    ),
  maxWorkers: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('Workers at most. Left out: one per core (at least 2), with `concurrency: 1` 32.'),
  maxWaiting: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .optional()
    .describe('Invocations that may wait for a worker; beyond it viewers get 503. Left out: 1000.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_]\w*$/, 'a name is letters, digits and _'), z.string())
    .optional()
    .describe('Environment variables. Lambda@Edge has none: deployment writes the values into the code.'),
}

/** Settings that only a CloudFront Function has. */
const cloudFrontShape = {
  cloudFront: file.optional().describe('A CloudFront Function: a JavaScript file of at most 10 KB.'),
  runtime: z.enum(['1.0', '2.0']).optional().describe('`cloudfront-js-1.0` or `-2.0`. Left out: `2.0`.'),
  run: z
    .enum(['sandbox', 'inline'])
    .optional()
    .describe(
      '`sandbox` (the default) bounds memory and time of any code; `inline` is quicker, for code one trusts.',
    ),
  keyValueStore: z.string().min(1).optional().describe('Name of a store in `keyValueStores`.'),
}

const functionShape = { ...lambdaShape, ...cloudFrontShape }

/** A function of the registry. */
export const functionSchema = z.strictObject(functionShape).describe('An edge function, by its name.')

const use = z.string().min(1).optional().describe('Name of a function in `functions`.')

const candidateSchema = z
  .strictObject({
    use,
    ...functionShape,
    shadow: z
      .union([z.literal(true), z.number().min(0).max(100)])
      .optional()
      .describe('Runs on all real requests, or on so many percent; compared and counted, never served.'),
    weight: z
      .number()
      .min(0)
      .max(100)
      .optional()
      .describe('Percentage of clients it serves, always the same ones.'),
    maxErrorRate: z
      .number()
      .min(0)
      .max(1)
      .default(0.05)
      .describe('Share of failed runs beyond which it is switched off.'),
    maxMeanMs: z.number().positive().default(1000).describe('Mean duration beyond which it is switched off.'),
    minRuns: z.number().int().min(1).default(20).describe('Runs to see before it is judged.'),
  })
  .describe(
    'A second function that is tried on real requests, and switched off by itself when it does badly.',
  )

const eventFunction = z.union([
  z.string().min(1),
  z.strictObject({ use, ...functionShape, candidate: candidateSchema.optional() }),
])

/** What a behavior runs at each event. */
export const functionsSchema = z
  .strictObject({
    viewerRequest: eventFunction.optional().describe('Before the cache is asked.'),
    originRequest: eventFunction.optional().describe('Before an origin is asked. Lambda@Edge only.'),
    originResponse: eventFunction.optional().describe('After an origin has answered. Lambda@Edge only.'),
    viewerResponse: eventFunction.optional().describe('Before the viewer is answered.'),
  })
  .describe('Functions by event: the name of one in `functions`, or the function.')

/** The registry of functions. */
export const functionRegistrySchema = z
  .record(z.string().min(1).max(64), functionSchema)
  .default({})
  .describe('Edge functions, by name.')

/** The registry of key-value stores. */
export const keyValueStoresSchema = z
  .record(
    z.string().regex(/^[\w-]{1,64}$/, 'a name is 1 to 64 letters, digits, _ and -'),
    z.strictObject({
      importFile: file
        .optional()
        .describe(
          'Begins with this file, `{"data":[{"key":"…","value":"…"}]}`; a changed file begins it anew.',
        ),
      comment: z.string().max(128).optional().describe('What the store is for.'),
    }),
  )
  .default({})
  .describe('Key-value stores of CloudFront Functions, by name.')

export type FunctionConfig = z.output<typeof functionSchema>
export type CandidateConfig = z.output<typeof candidateSchema>
export type EventFunctionConfig = z.output<typeof eventFunction>
export type FunctionsConfig = z.output<typeof functionsSchema>
export type KeyValueStoresConfig = z.output<typeof keyValueStoresSchema>

/** The four keys, and the event each stands for. */
export const functionEvents = {
  viewerRequest: 'viewer-request',
  originRequest: 'origin-request',
  originResponse: 'origin-response',
  viewerResponse: 'viewer-response',
} as const

/** Keys that have no meaning for the other kind. */
export const keysOfKind = {
  lambdaEdge: Object.keys(lambdaShape),
  cloudFront: Object.keys(cloudFrontShape),
} as const

/** What reading the files of functions gave, by absolute path of the file or folder. */
export interface FunctionFile {
  /** Of the whole function, so that a change of any part of it shows. */
  readonly digest: string
  /** The text of a CloudFront Function; empty for Lambda@Edge. */
  readonly source: string
}

/** What functions are compiled with. */
export interface FunctionResources {
  readonly baseFolder: string
  readonly registry: Readonly<Record<string, FunctionConfig>>
  readonly files: ReadonlyMap<string, FunctionFile>
}

/** Compiles the functions of a behavior; undefined when it has none. Throws only on what the check refuses. */
export function compileFunctions(
  config: FunctionsConfig | undefined,
  resources: FunctionResources,
): PlannedFunctions | undefined {
  if (config === undefined) return undefined
  const planned: PlannedFunctions = {
    viewerRequest: compileEvent(config.viewerRequest, resources),
    originRequest: compileEvent(config.originRequest, resources),
    originResponse: compileEvent(config.originResponse, resources),
    viewerResponse: compileEvent(config.viewerResponse, resources),
  }
  return Object.values(planned).some((each) => each !== undefined) ? planned : undefined
}

function compileEvent(
  config: EventFunctionConfig | undefined,
  resources: FunctionResources,
): PlannedEventFunction | undefined {
  if (config === undefined) return undefined
  if (typeof config === 'string') {
    return { live: compileNamed(config, resources), candidate: undefined }
  }
  return {
    live: compileReference(config, resources),
    candidate: config.candidate === undefined ? undefined : compileCandidate(config.candidate, resources),
  }
}

function compileCandidate(config: CandidateConfig, resources: FunctionResources): PlannedCandidate {
  const { maxErrorRate, maxMeanMs, minRuns, shadow, weight } = config
  return {
    function: compileReference(config, resources),
    mode: shadow === undefined ? 'weight' : 'shadow',
    weight: shadow === undefined ? (weight ?? 0) : shadow === true ? 100 : shadow,
    maxErrorRate,
    maxMeanMs,
    minRuns,
  }
}

function compileReference(
  config: FunctionConfig & { readonly use?: string | undefined },
  resources: FunctionResources,
): PlannedFunction {
  if (config.use !== undefined) return compileNamed(config.use, resources)
  return compileFunction(undefined, config, resources)
}

function compileNamed(name: string, resources: FunctionResources): PlannedFunction {
  const config = Object.hasOwn(resources.registry, name) ? resources.registry[name] : undefined
  if (config === undefined) throw new Error(`there is no function "${name}"`)
  return compileFunction(name, config, resources)
}

/** Compiles one function. */
export function compileFunction(
  name: string | undefined,
  config: FunctionConfig,
  { baseFolder, files }: FunctionResources,
): PlannedFunction {
  const path = resolve(baseFolder, config.lambdaEdge ?? config.cloudFront ?? '')
  const found = files.get(path)
  if (found === undefined) throw new Error(`the function file ${path} was not read`)
  const named = name ?? nameOf(path)
  if (config.cloudFront !== undefined) {
    const settings = {
      kind: 'cloudfront',
      name: named,
      file: path,
      runtime: config.runtime ?? '2.0',
      run: config.run ?? 'sandbox',
      keyValueStore: config.keyValueStore,
    } as const
    return { ...settings, identity: identityOf(settings, found.digest), source: found.source }
  }
  const concurrency = config.concurrency ?? 32
  const settings = {
    kind: 'lambda-edge',
    name: named,
    file: path,
    handler: config.handler ?? 'index.handler',
    includeBody: config.includeBody ?? false,
    memoryMb: config.memoryMb ?? 128,
    timeoutMs: config.timeoutMs ?? 5000,
    isolation: config.isolation ?? 'process',
    concurrency,
    maxWorkers: config.maxWorkers ?? (concurrency === 1 ? 32 : Math.max(2, availableParallelism())),
    maxWaiting: config.maxWaiting ?? 1000,
    env: config.env ?? {},
  } as const
  return { ...settings, identity: identityOf(settings, found.digest) }
}

/** Compiles the registry of key-value stores. */
export function compileKeyValueStores(
  config: KeyValueStoresConfig,
  baseFolder: string,
  dataFolder: string,
): PlannedKeyValueStore[] {
  return Object.entries(config).map(([name, { importFile }]) => ({
    name,
    importFile: importFile === undefined ? undefined : resolve(baseFolder, importFile),
    stateFile: resolve(baseFolder, dataFolder, 'key-value-stores', `${name}.json`),
  }))
}

function identityOf(settings: object, digest: string): string {
  return createHash('sha256').update(JSON.stringify(settings)).update(digest).digest('hex').slice(0, 32)
}

/** A name for a function that has none: of its file, or of its folder where the file is an `index`. */
export function nameOf(path: string): string {
  const own = basename(path, extname(path))
  const name = own === 'index' ? basename(dirname(path)) : own
  return name.replace(/[^\w-]+/g, '-').slice(0, 64)
}
