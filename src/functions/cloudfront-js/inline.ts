import { constants, createContext, Script } from 'node:vm'
import { guestSource } from './guest/source.ts'
import type { Guest, HandlerFactory } from './guest/program.ts'
import type { InstrumentedSource } from './instrument.ts'
import {
  type FunctionRun,
  type FunctionRunner,
  readOutcome,
  RunHost,
  SOURCE_NAME,
  writeInput,
} from './run.ts'
import type { KeyValueSource } from '../key-value-store/read.ts'

type MakeGuest = (
  log: RunHost['log'],
  digest: RunHost['digest'],
  keyValue: RunHost['keyValue'],
  keyValueMeta: RunHost['keyValueMeta'],
  makeFactory: () => HandlerFactory,
) => Guest

/**
 * Runs a function in this process, in a realm of its own. Loops and calls are counted, so an endless loop stops; time
 * inside built-in functions and memory are not bounded, which is why this is for one's own code.
 */
export function createInlineRunner(
  source: InstrumentedSource,
  runtime: '1.0' | '2.0',
  store: KeyValueSource | undefined,
): FunctionRunner {
  const realm = createContext(constants.DONT_CONTEXTIFY, {
    codeGeneration: { strings: false, wasm: false },
    // Promises of the function are settled when a script of its realm has run, not when ours are.
    microtaskMode: 'afterEvaluate',
  })
  const host = new RunHost(store)
  const settle = new Script('0')
  const program = new Script(source.code, { filename: SOURCE_NAME })
  // The guest is our own program: its shape is what its source says.
  const makeGuest = new Script(guestSource(runtime), { filename: 'guest.js' }).runInContext(
    realm,
  ) as MakeGuest
  const guest = makeGuest(
    host.log,
    host.digest,
    host.keyValue,
    host.keyValueMeta,
    () => program.runInContext(realm) as HandlerFactory,
  )

  return {
    run(input): FunctionRun {
      host.begin()
      let outcome: string | undefined
      try {
        outcome = guest.run(writeInput(input))
        if (outcome === undefined) {
          settle.runInContext(realm)
          outcome = guest.take()
        }
      } catch (error) {
        // Outside of the guest's own catch: the stack was full, for example.
        const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
        return { kind: 'failed', logs: host.logs, utilisation: 100, message, place: undefined }
      }
      return readOutcome(outcome, host.logs, source.placeOf)
    },
    close() {},
  }
}
