import type { GuestEncoding } from './encoding.ts'

/**
 * What the edge gives the guest. Nothing here throws, and only text goes in and out, without NUL, which would end it
 * on its way into the sandbox: so it is JSON or hexadecimal.
 */
export interface GuestHost {
  readonly log: (json: string) => void
  /** Hash or HMAC in hexadecimal digits, as are `data` and `key`. Undefined for an unknown algorithm. */
  readonly digest: (algorithm: string, data: string, key: string | undefined) => string | undefined
  /** The value of a key, both as JSON, or undefined. */
  readonly keyValue: (keyJson: string) => string | undefined
  /** JSON of the store's facts, or undefined when the function has no store. */
  readonly keyValueMeta: () => string | undefined
}

/** What the edge calls. */
export interface Guest {
  /** Runs the handler on JSON; undefined while a promise of it is not settled. */
  readonly run: (input: string) => string | undefined
  /** What a run came to after its promise has settled; undefined if it never did. */
  readonly take: () => string | undefined
}

/** Made of the user's source: runs its top level and gives its handler. */
export type HandlerFactory = (
  limit: number,
  stop: () => never,
  importModule: (name: string) => unknown,
  count: (steps: () => number) => void,
) => unknown

/**
 * The guest: what a function finds around it, and how it is run. Its text runs inside the sandbox, so it knows nothing
 * but the language and its arguments.
 */
export function makeGuest(
  realm: Record<string, unknown>,
  host: GuestHost,
  encoding: GuestEncoding,
  querystring: unknown,
  restrict: { readonly setNow: (ms: number) => void },
  runtime: '1.0' | '2.0',
  limits: { readonly steps: number; readonly logDataBytes: number },
  makeFactory: () => HandlerFactory,
): Guest {
  const { stringify, parse } = JSON
  interface Input {
    readonly now: number
    readonly event: {
      readonly context: { readonly eventType: string }
      readonly request: Record<string, unknown>
    }
    readonly rawQuery: string | null
    readonly edgeLocation: unknown
  }
  let input: Input | undefined
  let origin: unknown
  let logData: string | undefined
  let steps: () => number = () => 0
  let outcome: string | undefined
  let factory: HandlerFactory | undefined

  const textOf = (value: unknown): string => {
    if (typeof value === 'string') return value
    if (value instanceof Error) return `${value.name}: ${value.message}`
    const json = typeof value === 'object' && value !== null ? stringify(value) : undefined
    return json === undefined ? String(value) : json
  }
  // One argument only: what follows a comma is not printed (DG:edge-functions-logs).
  realm['console'] = Object.freeze({ log: (value: unknown) => host.log(stringify(textOf(value))) })

  const cryptoModule = Object.freeze({
    createHash: (algorithm: string) => hasher(algorithm, undefined),
    createHmac: (algorithm: string, key: unknown) => hasher(algorithm, binary(key)),
  })

  function binary(value: unknown): string {
    if (typeof value === 'string') return encoding.encodeUtf8(value)
    if (value instanceof ArrayBuffer) return encoding.binaryOf(new Uint8Array(value))
    if (ArrayBuffer.isView(value))
      return encoding.binaryOf(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
    throw new TypeError('the data must be a string, a Buffer or a typed array')
  }

  function hasher(algorithm: string, key: string | undefined): unknown {
    const name = String(algorithm).toLowerCase()
    if (name !== 'md5' && name !== 'sha1' && name !== 'sha256')
      throw new TypeError(`not supported algorithm: "${name}"`)
    let parts = ''
    let isDone = false
    const self = {
      update(data: unknown, inputEncoding?: string): unknown {
        if (isDone) throw new Error('Digest already called')
        parts +=
          typeof data === 'string' && inputEncoding !== undefined
            ? encoding.decode(data, inputEncoding)
            : binary(data)
        return self
      },
      digest(outputEncoding?: string): unknown {
        if (isDone) throw new Error('Digest already called')
        isDone = true
        const hex = host.digest(
          name,
          encoding.encode(parts, 'hex'),
          key === undefined ? undefined : encoding.encode(key, 'hex'),
        )
        if (hex === undefined) throw new Error(`not supported algorithm: "${name}"`)
        const bytes = encoding.decode(hex, 'hex')
        const buffer = (encoding.Buffer as { from(bytes: Uint8Array): unknown }).from(
          encoding.bytesOfBinary(bytes),
        )
        if (outputEncoding === undefined) return runtime === '2.0' ? buffer : bytes
        if (outputEncoding !== 'hex' && outputEncoding !== 'base64' && outputEncoding !== 'base64url') {
          throw new TypeError(`Unknown digest encoding: "${outputEncoding}"`)
        }
        return encoding.encode(bytes, outputEncoding)
      },
    }
    return self
  }

  function store(): unknown {
    const meta = host.keyValueMeta()
    if (meta === undefined) throw new Error('KeyValueStore is not associated with this function')
    return Object.freeze({
      async get(key: string, options: { readonly format?: string } = {}): Promise<unknown> {
        const json = host.keyValue(stringify(String(key)))
        if (json === undefined) throw new Error('Key not found')
        const value = parse(json) as string
        const format = options.format ?? 'string'
        if (format === 'string') return value
        if (format === 'json') return parse(value)
        if (format === 'bytes') return (encoding.Buffer as { from(text: string): unknown }).from(value)
        throw new TypeError(`unknown format: "${format}"`)
      },
      async exists(key: string): Promise<boolean> {
        return host.keyValue(stringify(String(key))) !== undefined
      },
      async meta(): Promise<unknown> {
        return parse(meta)
      },
      async count(): Promise<number> {
        return (parse(meta) as { readonly keyCount: number }).keyCount
      },
    })
  }

  function change(kind: string, value: unknown): void {
    if (input?.event.context.eventType !== 'viewer-request')
      throw new Error(`${kind} is available in viewer-request functions only`)
    origin = { kind, value: parse(stringify(value) ?? 'null') }
  }

  const tenantOnly = (): never => {
    throw new TypeError('cf.distributionTenant is available in multi-tenant distributions only')
  }
  const noToken = (): never => {
    throw new Error('cf.cwt is not available on this edge')
  }
  const cloudfront = {
    kvs: (_id?: string) => store(),
    get edgeLocation(): unknown {
      return input?.edgeLocation ?? {}
    },
    updateRequestOrigin: (value: unknown) => change('updateRequestOrigin', value),
    selectRequestOriginById: (id: unknown, options: unknown) =>
      change('selectRequestOriginById', { id, options }),
    createRequestOriginGroup: (value: unknown) => change('createRequestOriginGroup', value),
    distributionTenant: Object.freeze({
      get id(): never {
        return tenantOnly()
      },
      parameters: Object.freeze({ get: tenantOnly }),
    }),
    cwt: Object.freeze({ validateToken: noToken, generateToken: noToken }),
    logCustomData(text: unknown): void {
      const given = String(text)
      if (encoding.encodeUtf8(given).length > limits.logDataBytes)
        throw new RangeError(`custom log data is longer than ${limits.logDataBytes} bytes`)
      logData = given
    },
  }
  Object.freeze(cloudfront)

  function importModule(name: string): unknown {
    if (name === 'crypto') return cryptoModule
    if (name === 'querystring') return querystring
    if (runtime === '2.0' && name === 'cloudfront') return cloudfront
    if (runtime === '2.0' && name === 'buffer') return { Buffer: encoding.Buffer }
    throw new Error(`Cannot find module "${name}"`)
  }
  realm['require'] = importModule

  if (runtime === '2.0') {
    for (const name of ['Buffer', 'atob', 'btoa', 'TextEncoder', 'TextDecoder'] as const)
      realm[name] = encoding[name]
  } else {
    delete realm['TextEncoder']
    delete realm['TextDecoder']
    addByteStrings()
  }

  /** Byte strings of runtime 1.0: one character per byte (DG:functions-javascript-runtime-10). */
  function addByteStrings(): void {
    const add = (owner: object, name: string, value: unknown) =>
      Object.defineProperty(owner, name, { value, writable: true, configurable: true })
    add(String, 'bytesFrom', (source: readonly number[] | string, from = 'utf8') =>
      typeof source === 'string' ? encoding.decode(source, from) : encoding.binaryOf(new Uint8Array(source)),
    )
    const wide = (text: string) => {
      for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return true
      return false
    }
    add(String.prototype, 'fromUTF8', function (this: string, start?: number, end?: number) {
      return encoding.decodeUtf8(String(this).slice(start, end))
    })
    add(String.prototype, 'toUTF8', function (this: string, start?: number, end?: number) {
      return encoding.encodeUtf8(String(this).slice(start, end))
    })
    add(String.prototype, 'fromBytes', function (this: string, start?: number, end?: number) {
      return String(this).slice(start, end)
    })
    add(String.prototype, 'toBytes', function (this: string, start?: number, end?: number) {
      const part = String(this).slice(start, end)
      return wide(part) ? null : part
    })
  }

  // Loops and calls that are still counted after the limit all end here, also when an earlier end was caught.
  const stop = (): never => {
    throw new Error('compute utilisation exceeded')
  }

  function succeed(result: unknown): void {
    const json = stringify(result)
    const hasMeta = origin !== undefined || logData !== undefined
    const meta = hasMeta ? stringify({ origin, logData }) : ''
    outcome = `${steps()}:${meta.length}:${meta}${json ?? ''}`
  }

  function fail(error: unknown): void {
    let name = 'Error'
    let message = ''
    let stack = ''
    if (error instanceof Error) {
      name = String(error.name)
      message = String(error.message)
      stack = String(error.stack)
    } else message = `${typeof error === 'object' ? (stringify(error) ?? 'undefined') : String(error)}`
    outcome = `${steps()}:x:${stringify({ name, message, stack })}`
  }

  function run(text: string): string | undefined {
    outcome = undefined
    origin = undefined
    logData = undefined
    steps = () => 0
    const given = parse(text) as Input
    input = given
    restrict.setNow(given.now)
    const { event, rawQuery } = given
    if (runtime === '2.0') {
      event.request['rawQueryString'] = () => (rawQuery === null ? undefined : rawQuery)
    }
    try {
      factory ??= makeFactory()
      const handler = factory(limits.steps, stop, importModule, (counter) => {
        steps = counter
      })
      if (typeof handler !== 'function') throw new TypeError('the source has no function named handler')
      const returned: unknown = (handler as (event: unknown) => unknown)(event)
      if (returned instanceof Promise) {
        // The text of a result is made when the promise settles, which is before the edge asks for it.
        returned.then(succeedSafely, fail)
        return undefined
      }
      succeed(returned)
    } catch (error) {
      fail(error)
    }
    return outcome
  }

  function succeedSafely(result: unknown): void {
    try {
      succeed(result)
    } catch (error) {
      fail(error)
    }
  }

  return { run, take: () => outcome }
}
