/**
 * Takes away what the runtimes of CloudFront Functions do not have, and bounds built-in loops that nothing counts
 * (DG:functions-javascript-runtime-20). Runs inside the sandbox, before any code of a user.
 */
export function restrictGlobals(
  realm: Record<string, unknown>,
  runtime: '1.0' | '2.0',
  maxLength: number,
): { readonly setNow: (ms: number) => void } {
  const absent = [
    'Map',
    'Set',
    'WeakMap',
    'WeakSet',
    'WeakRef',
    'FinalizationRegistry',
    'Proxy',
    'Reflect',
    'BigInt',
    'BigInt64Array',
    'BigUint64Array',
    'Intl',
    'SharedArrayBuffer',
    'Atomics',
    'WebAssembly',
    'Iterator',
    'gc',
    'navigator',
    'performance',
    'queueMicrotask',
    'setTimeout',
    'setInterval',
    'setImmediate',
    'clearTimeout',
    'clearInterval',
    'process',
    'std',
    'os',
    'scriptArgs',
    'print',
    'load',
    'structuredClone',
    'fetch',
    'DisposableStack',
    'AsyncDisposableStack',
    'SuppressedError',
    'ShadowRealm',
    'Temporal',
    'DOMException',
    'InternalError_',
  ]
  if (runtime === '1.0') absent.push('DataView')
  for (const name of absent) {
    try {
      delete realm[name]
    } catch {
      // V8's `gc`, where it is exposed, can be hidden only.
      realm[name] = undefined
    }
  }

  const refuse = (what: string) =>
    function refused(): never {
      throw new TypeError(`${what} is not available in CloudFront Functions`)
    }
  realm['eval'] = refuse('eval')
  // Every way to a constructor that compiles text.
  const makers = [function () {}, function* () {}, async function () {}, async function* () {}]
  for (const maker of makers) {
    const prototype: unknown = Object.getPrototypeOf(maker)
    Object.defineProperty(prototype, 'constructor', {
      value: refuse('new Function'),
      writable: false,
      configurable: false,
    })
  }
  const NoFunction = refuse('new Function')
  Object.defineProperty(NoFunction, 'prototype', { value: Function.prototype })
  realm['Function'] = NoFunction

  // Built-in loops run without being counted, so their length is bounded.
  const bound = (owner: object, name: string) => {
    const original: unknown = Reflect_get(owner, name)
    if (typeof original !== 'function') return
    const call = original as (...values: unknown[]) => unknown
    Object.defineProperty(owner, name, {
      value: function (
        this: { readonly length?: unknown } | null | undefined,
        ...values: unknown[]
      ): unknown {
        if (
          this !== null &&
          this !== undefined &&
          typeof this === 'object' &&
          Number(this.length) > maxLength
        ) {
          throw new RangeError(
            `an array of more than ${maxLength} elements is not available in CloudFront Functions`,
          )
        }
        return call.apply(this, values)
      },
      writable: true,
      configurable: true,
      enumerable: false,
    })
  }
  for (const name of Object.getOwnPropertyNames(Array.prototype)) {
    if (name !== 'constructor' && name !== 'length') bound(Array.prototype, name)
  }
  delete (String as { raw?: unknown }).raw
  const from = Array.from
  Object.defineProperty(Array, 'from', {
    value: function (
      this: unknown,
      source: { readonly length?: unknown } | string,
      ...rest: unknown[]
    ): unknown {
      if (typeof source === 'object' && source !== null && Number(source.length) > maxLength) {
        throw new RangeError(
          `an array of more than ${maxLength} elements is not available in CloudFront Functions`,
        )
      }
      return (from as (...values: unknown[]) => unknown).call(this, source, ...rest)
    },
    writable: true,
    configurable: true,
  })

  function Reflect_get(owner: object, name: string): unknown {
    return Object.getOwnPropertyDescriptor(owner, name)?.value
  }

  // Time stands still during a run.
  let now = 0
  const RealDate = Date
  const { UTC, parse } = RealDate
  function FrozenDate(this: unknown, ...values: [] | [number]): unknown {
    if (new.target === undefined) return new RealDate(now).toString()
    return values.length === 0 ? new RealDate(now) : new RealDate(...values)
  }
  Object.defineProperty(FrozenDate, 'prototype', { value: RealDate.prototype, writable: false })
  Object.defineProperty(FrozenDate, 'name', { value: 'Date' })
  Object.assign(FrozenDate, { now: () => now, UTC, parse })
  Object.defineProperty(RealDate.prototype, 'constructor', {
    value: FrozenDate,
    writable: true,
    configurable: true,
  })
  realm['Date'] = FrozenDate
  return {
    setNow: (ms) => {
      now = ms
    },
  }
}
