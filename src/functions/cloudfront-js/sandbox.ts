import {
  newQuickJSWASMModule,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSWASMModule,
  RELEASE_SYNC,
} from 'quickjs-emscripten'
import type { Awaitable } from '../../base/promise.ts'
import type { KeyValueSource } from '../key-value-store/read.ts'
import { guestSource } from './guest/source.ts'
import type { InstrumentedSource } from './instrument.ts'
import { functionLimits } from './limits.ts'
import {
  type FunctionRun,
  type FunctionRunner,
  placeInStack,
  readOutcome,
  RunHost,
  type RunInput,
  SOURCE_NAME,
  writeInput,
} from './run.ts'

/** Deep recursion ends as an error of the function before it could end the stack of this process. */
const STACK_BYTES = 96 * 1024

/**
 * Runs a function in QuickJS in WebAssembly: memory is bounded, and a run that takes too long is stopped wherever it
 * is. Each function has a machine of its own; one that fails in a way that leaves doubts is thrown away.
 */
export async function createSandboxRunner(
  source: InstrumentedSource,
  runtime: '1.0' | '2.0',
  store: KeyValueSource | undefined,
): Promise<FunctionRunner> {
  return new SandboxRunner(source, runtime, store, await openMachine(source, runtime, store))
}

class SandboxRunner implements FunctionRunner {
  readonly #source: InstrumentedSource
  readonly #runtime: '1.0' | '2.0'
  readonly #store: KeyValueSource | undefined
  #machine: Machine | undefined
  #opening: Promise<Machine> | undefined
  #isClosed = false

  constructor(
    source: InstrumentedSource,
    runtime: '1.0' | '2.0',
    store: KeyValueSource | undefined,
    machine: Machine,
  ) {
    this.#source = source
    this.#runtime = runtime
    this.#store = store
    this.#machine = machine
  }

  run(input: RunInput): Awaitable<FunctionRun> {
    const machine = this.#machine
    if (machine === undefined) return this.#open().then((opened) => this.#runIn(opened, input, false))
    return this.#runIn(machine, input, true)
  }

  #runIn(machine: Machine, input: RunInput, mayRetry: boolean): Awaitable<FunctionRun> {
    const { outcome, isSound, isOutOfMemory } = machine.run(input)
    if (isSound) return outcome
    // Not taken apart, which a failed machine may not survive: its memory goes when nobody knows it any more.
    if (this.#machine === machine) this.#machine = undefined
    // Earlier runs may have filled the memory: in a fresh machine the function shows what it needs itself.
    if (isOutOfMemory && mayRetry && !machine.isFresh) {
      return this.#open().then((opened) => this.#runIn(opened, input, false))
    }
    return outcome
  }

  #open(): Promise<Machine> {
    if (this.#machine !== undefined) return Promise.resolve(this.#machine)
    this.#opening ??= openMachine(this.#source, this.#runtime, this.#store).then((machine) => {
      this.#opening = undefined
      if (!this.#isClosed) this.#machine = machine
      return machine
    })
    return this.#opening
  }

  close(): void {
    this.#isClosed = true
    this.#machine = undefined
  }
}

interface MachineRun {
  readonly outcome: FunctionRun
  /** False when the machine should not be used again. */
  readonly isSound: boolean
  readonly isOutOfMemory: boolean
}

async function openMachine(
  source: InstrumentedSource,
  runtime: '1.0' | '2.0',
  store: KeyValueSource | undefined,
): Promise<Machine> {
  // A module instance of its own: nothing that one function does to its memory can reach another.
  // It cannot grow: what the function may use is what is left in it.
  const wasmMemory = new Memory({ initial: WASM_PAGES, maximum: WASM_PAGES })
  const module = await newQuickJSWASMModule(newVariant(RELEASE_SYNC, { wasmMemory }))
  const quickJs = module.newRuntime()
  return new Machine(quickJs, quickJs.newContext(), allocatorOf(module), source, runtime, new RunHost(store))
}

// The types of Node.js name WebAssembly as types only.
const { Memory } = (globalThis as unknown as { readonly WebAssembly: { readonly Memory: MemoryMaker } })
  .WebAssembly
type MemoryMaker = new (size: { readonly initial: number; readonly maximum: number }) => object

/** What the build of QuickJS asks for at least: 16 MB of address space, of which little is ever touched. */
const WASM_PAGES = 256
const STEP_BYTES = 64 * 1024

/** The allocator inside the machine. */
interface Allocator {
  _malloc(bytes: number): number
  _free(address: number): void
}

function allocatorOf(quickJs: QuickJSWASMModule): Allocator {
  // QuickJS counts no bytes in this build, so its own limit bounds nothing; the library keeps the allocator private.
  const { module } = quickJs as unknown as { readonly module: Allocator }
  return module
}

/** Takes so much of a machine's memory that `bytes` are left, without touching it. */
function leaveFree(allocator: Allocator, bytes: number): void {
  for (let size = WASM_PAGES * STEP_BYTES; size > bytes; size -= STEP_BYTES) {
    if (!canAllocate(allocator, size)) continue
    allocator._malloc(size - bytes)
    return
  }
}

function canAllocate(allocator: Allocator, bytes: number): boolean {
  const address = allocator._malloc(bytes)
  if (address === 0) return false
  allocator._free(address)
  return true
}

class Machine {
  readonly #runtime: QuickJSRuntime
  readonly #context: QuickJSContext
  readonly #source: InstrumentedSource
  readonly #host: RunHost
  readonly #run: QuickJSHandle
  readonly #take: QuickJSHandle
  readonly #allocator: Allocator
  #stopAt = Number.POSITIVE_INFINITY
  /** Milliseconds of this thread's CPU time after which a run is over; set when its time by the clock is. */
  #stopAtCpu: number | undefined = undefined
  #runs = 0

  constructor(
    quickJs: QuickJSRuntime,
    context: QuickJSContext,
    allocator: Allocator,
    source: InstrumentedSource,
    runtime: '1.0' | '2.0',
    host: RunHost,
  ) {
    this.#runtime = quickJs
    this.#allocator = allocator
    this.#context = context
    this.#source = source
    this.#host = host
    quickJs.setMaxStackSize(STACK_BYTES)
    quickJs.setInterruptHandler(() => this.#isOver())
    const makeGuest = context.unwrapResult(context.evalCode(guestSource(runtime), 'guest.js'))
    const guest = context.unwrapResult(
      context.callFunction(makeGuest, context.undefined, this.#hostFunctions()),
    )
    this.#run = context.getProp(guest, 'run')
    this.#take = context.getProp(guest, 'take')
    guest.dispose()
    makeGuest.dispose()
    // What the machine itself holds does not count.
    leaveFree(allocator, functionLimits.memoryBytes)
  }

  /** True until its second run. */
  get isFresh(): boolean {
    return this.#runs <= 1
  }

  run(input: RunInput): MachineRun {
    const host = this.#host
    host.begin()
    this.#runs++
    this.#stopAt = performance.now() + functionLimits.stopAfterMs
    this.#stopAtCpu = undefined
    try {
      return this.#call(writeInput(input))
    } catch (error) {
      // WebAssembly itself failed, on a full stack for example: the machine is in an unknown state.
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
      return { outcome: this.#failed(message, undefined), isSound: false, isOutOfMemory: false }
    } finally {
      this.#stopAt = Number.POSITIVE_INFINITY
    }
  }

  /** Whether a run had its time. On a busy machine the clock goes on while the function does not. */
  #isOver(): boolean {
    if (performance.now() <= this.#stopAt) return false
    const cpuMs = process.threadCpuUsage().user / 1000
    this.#stopAtCpu ??= cpuMs + functionLimits.stopAfterMs
    return cpuMs > this.#stopAtCpu
  }

  #call(input: string): MachineRun {
    const context = this.#context
    const text = context.newString(input)
    const result = context.callFunction(this.#run, context.undefined, text)
    text.dispose()
    if (result.error !== undefined) return this.#stopped(result.error)
    let outcome = this.#textOf(result.value)
    if (outcome === undefined) {
      const jobs = this.#runtime.executePendingJobs()
      if (jobs.error !== undefined) return this.#stopped(jobs.error)
      const taken = context.callFunction(this.#take, context.undefined)
      if (taken.error !== undefined) return this.#stopped(taken.error)
      outcome = this.#textOf(taken.value)
    }
    const run = readOutcome(outcome, this.#host.logs, this.#source.placeOf)
    const isOutOfMemory = run.kind === 'failed' && run.message.endsWith('out of memory')
    const said = isOutOfMemory ? { ...run, message: OUT_OF_MEMORY } : run
    return { outcome: said, isSound: this.#isSound(isOutOfMemory), isOutOfMemory }
  }

  /** Ended by the machine rather than by an exception the guest could catch. */
  #stopped(error: QuickJSHandle): MachineRun {
    const thrown: unknown = this.#context.dump(error)
    error.dispose()
    const { message, stack } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Partial<
      Record<'message' | 'stack', unknown>
    >
    const isOutOfMemory = message === 'out of memory'
    const isInterrupted = message === 'interrupted'
    const says = isOutOfMemory
      ? OUT_OF_MEMORY
      : isInterrupted
        ? OUT_OF_TIME
        : `the function failed: ${String(message)}`
    const place = placeInStack(String(stack ?? ''), this.#source.placeOf)
    return { outcome: this.#failed(says, place), isSound: this.#isSound(isOutOfMemory), isOutOfMemory }
  }

  /** Whether the next run finds the machine as this one did: nothing left to do, and memory given back. */
  #isSound(isOutOfMemory: boolean): boolean {
    if (this.#runtime.hasPendingJob()) return false
    return !isOutOfMemory || canAllocate(this.#allocator, (functionLimits.memoryBytes * 3) / 4)
  }

  #failed(
    message: string,
    place: { readonly line: number; readonly column: number } | undefined,
  ): FunctionRun {
    return { kind: 'failed', logs: this.#host.logs, utilisation: 100, message, place }
  }

  #textOf(value: QuickJSHandle): string | undefined {
    const text = this.#context.typeof(value) === 'string' ? this.#context.getString(value) : undefined
    value.dispose()
    return text
  }

  #hostFunctions(): QuickJSHandle[] {
    const context = this.#context
    const host = this.#host
    const textOrUndefined = (text: string | undefined) =>
      text === undefined ? context.undefined : context.newString(text)
    const optional = (value: QuickJSHandle | undefined) =>
      value !== undefined && context.typeof(value) === 'string' ? context.getString(value) : undefined
    return [
      context.newFunction('log', (text) => {
        host.log(context.getString(text))
        return context.undefined
      }),
      context.newFunction('digest', (algorithm, parts, key) =>
        textOrUndefined(host.digest(context.getString(algorithm), context.getString(parts), optional(key))),
      ),
      context.newFunction('keyValue', (key) => textOrUndefined(host.keyValue(context.getString(key)))),
      context.newFunction('keyValueMeta', () => textOrUndefined(host.keyValueMeta())),
      context.newFunction('makeFactory', () => {
        const made = context.evalCode(this.#source.code, SOURCE_NAME)
        return made.error === undefined ? made.value : made
      }),
    ]
  }
}

const OUT_OF_MEMORY = `the function used more than ${functionLimits.memoryBytes} bytes of memory`
const OUT_OF_TIME = 'the function did not end in time and was stopped'
