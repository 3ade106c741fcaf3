import { AsyncLocalStorage } from 'node:async_hooks'
import { pathToFileURL } from 'node:url'
import { createContext, type LambdaContext } from './worker-context.ts'
import { captureConsole, type LogSink } from './worker-console.ts'
import {
  errorTypes,
  type ToWorker,
  type WorkerError,
  type WorkerLog,
  type WorkerSettings,
} from './protocol.ts'

/*
 * Runs inside a worker, next to the user's code, and so trusts nothing to stay as it was: what it needs of the global
 * objects is taken before the module is loaded.
 */
const { parse, stringify } = JSON
const now = performance.now.bind(performance)
const soon = setImmediate

/** How a worker reaches the edge. */
export interface HostPort {
  send(text: string): void
  /** Calls back when nothing but the port keeps the event loop alive. */
  whenIdle(action: () => void): void
}

/** The worker's side of the protocol. */
export interface WorkerHost {
  /** Takes one line of the edge. */
  receive(line: string): void
  /** What has not been said yet, for a worker that is ending: replies, and logs of invocations that will not end. */
  lastWords(): string
}

interface Invocation {
  readonly id: number
  readonly deadline: number
  logs: WorkerLog[]
  settled: boolean
  context: LambdaContext | undefined
}

type Handler = (
  event: unknown,
  context: LambdaContext,
  callback: (error: unknown, result?: unknown) => void,
) => unknown

export function createWorkerHost(port: HostPort): WorkerHost {
  const running = new Set<Invocation>()
  const current = new AsyncLocalStorage<Invocation>()
  let settings: WorkerSettings | undefined
  let handler: Handler | undefined
  let outgoing = ''
  let isFlushing = false
  let strayLogs: WorkerLog[] = []

  const sink: LogSink = (log) => {
    const invocation = current.getStore()
    if (invocation !== undefined && !invocation.settled) invocation.logs.push(log)
    else {
      strayLogs.push(log)
      say('')
    }
  }

  function say(line: string): void {
    if (line !== '') outgoing += `${line}\n`
    if (isFlushing) return
    isFlushing = true
    soon(flush)
  }

  /** Replies of one turn of the event loop leave in one write. */
  function flush(): void {
    isFlushing = false
    const text = takeOutgoing()
    if (text !== '') port.send(text)
  }

  function takeOutgoing(): string {
    if (strayLogs.length > 0) outgoing += `{"l":${stringify(strayLogs)}}\n`
    strayLogs = []
    const text = outgoing
    outgoing = ''
    return text
  }

  function lastWords(): string {
    let text = takeOutgoing()
    for (const invocation of running) {
      if (invocation.logs.length > 0) text += `{"i":${invocation.id}${logsOf(invocation)}}\n`
    }
    return text
  }

  async function load(given: WorkerSettings): Promise<void> {
    settings = given
    captureConsole(sink)
    process.on('unhandledRejection', (reason) => breakDown(reason, errorTypes.unhandledRejection))
    process.on('uncaughtException', (error) => breakDown(error, undefined))
    try {
      const module: unknown = await import(pathToFileURL(given.file).href)
      handler = findHandler(module, given)
      say('{"k":"ready"}')
    } catch (error) {
      say(`{"k":"broken","x":${stringify(describe(error))}}`)
    }
  }

  /** An error nobody caught: it fails its invocation where it is known, and this worker is not to be used again. */
  function breakDown(reason: unknown, type: string | undefined): void {
    const invocation = current.getStore()
    const error = describe(reason)
    sink({ at: Date.now(), level: 'ERROR', text: error.trace })
    if (handler === undefined) say(`{"k":"broken","x":${stringify(error)}}`)
    else if (invocation === undefined || invocation.settled) say('{"k":"damaged"}')
    else {
      fail(invocation, type === undefined ? error : { ...error, errorType: type })
      say('{"k":"damaged"}')
    }
  }

  function invoke(id: number, timeoutMs: number, event: unknown): void {
    const invocation: Invocation = {
      id,
      deadline: now() + timeoutMs,
      logs: [],
      settled: false,
      context: undefined,
    }
    running.add(invocation)
    current.run(invocation, start, invocation, event)
  }

  function start(invocation: Invocation, event: unknown): void {
    const run = handler!
    const context = createContext(settings!, () => invocation.deadline - now(), {
      succeed: (result) => settle(invocation, undefined, result),
      fail: (error) => settle(invocation, error ?? new Error('context.fail'), undefined),
    })
    invocation.context = context
    try {
      const returned = run(event, context, (error, result) => settle(invocation, error, result))
      if (isThenable(returned)) {
        returned.then(
          (result) => finish(invocation, result),
          (error: unknown) => fail(invocation, describe(error)),
        )
      } else if (returned !== undefined && run.length < 3) finish(invocation, returned)
      // Lambda ends an invocation that neither promises nor calls back when there is nothing left to wait for.
      else if (settings!.isSerial) port.whenIdle(() => finish(invocation, null))
    } catch (error) {
      fail(invocation, describe(error))
    }
  }

  /** The end by callback: with one invocation at a time it waits until the event loop is empty, unless told not to. */
  function settle(invocation: Invocation, error: unknown, result: unknown): void {
    if (invocation.settled) {
      console.warn('the handler called back more than once; only the first call counts')
      return
    }
    if (error !== null && error !== undefined) fail(invocation, describe(error))
    else if (settings!.isSerial && invocation.context?.callbackWaitsForEmptyEventLoop === true) {
      port.whenIdle(() => finish(invocation, result))
    } else finish(invocation, result)
  }

  function finish(invocation: Invocation, result: unknown): void {
    if (invocation.settled) return
    let text: string
    try {
      text = stringify(result) ?? 'null'
    } catch (error) {
      fail(invocation, { ...describe(error), errorType: errorTypes.marshal })
      return
    }
    if (text.length > settings!.maxResultBytes) {
      const errorMessage = `the result is ${text.length} characters; at most ${settings!.maxResultBytes} are allowed`
      fail(invocation, { errorType: errorTypes.oversize, errorMessage, trace: errorMessage })
      return
    }
    invocation.settled = true
    running.delete(invocation)
    say(`{"i":${invocation.id},"r":${text}${logsOf(invocation)}}`)
  }

  function fail(invocation: Invocation, error: WorkerError): void {
    if (invocation.settled) return
    invocation.settled = true
    running.delete(invocation)
    say(`{"i":${invocation.id},"x":${stringify(error)}${logsOf(invocation)}}`)
  }

  function receive(line: string): void {
    // The edge wrote this line.
    const message = parse(line) as ToWorker
    if ('i' in message) invoke(message.i, message.t, message.e)
    else if ('p' in message) say(`{"p":${message.p}}`)
    else void load(message.c)
  }

  return { receive, lastWords }
}

function logsOf(invocation: Invocation): string {
  if (invocation.logs.length === 0) return ''
  const text = `,"l":${stringify(invocation.logs)}`
  invocation.logs = []
  return text
}

/** Finds the handler among the exports, also where a CommonJS module shows them only as its default. */
function findHandler(module: unknown, { exportPath, file }: WorkerSettings): Handler {
  for (const root of [module, property(module, 'default'), property(module, 'module.exports')]) {
    const found = exportPath.reduce(property, root)
    if (typeof found === 'function') return found as Handler
  }
  const error = new Error(`${file} exports no function named ${exportPath.join('.')}`)
  error.name = errorTypes.handlerNotFound
  throw error
}

function property(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof property(value, 'then') === 'function'
}

const MAX_TRACE = 8192

/** Any thrown value as Lambda would report it. */
function describe(thrown: unknown): WorkerError {
  if (thrown instanceof Error) {
    const message = String(thrown.message)
    return {
      errorType: String(thrown.name),
      errorMessage: message.slice(0, MAX_TRACE),
      trace: String(thrown.stack ?? message).slice(0, MAX_TRACE),
    }
  }
  let text: string
  try {
    text = typeof thrown === 'object' ? (stringify(thrown) ?? 'undefined') : String(thrown)
  } catch {
    // A value that cannot even be shown is named by its type.
    text = typeof thrown
  }
  const errorMessage = text.slice(0, MAX_TRACE)
  return { errorType: typeof thrown, errorMessage, trace: errorMessage }
}
